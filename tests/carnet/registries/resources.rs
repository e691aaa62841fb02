//! Few threads and few open files.

use std::process::Command;
use std::time::Duration;

use super::server::{Options, Registry};
use super::station::{Station, in_time};
use crate::behaviour::support::{CARNET, installed, skipped};

/// No command makes more threads than this.
const THREADS: u32 = 14;

#[test]
fn without_threads_commands_fail_with_an_error() {
    if !installed(&["strace"]) {
        return;
    }
    let registry = Registry::with(Options::default());
    let named = registry.name().replace("127.0.0.1", "localhost");
    let station = Station::new();
    let mut source = station.source("src");
    let layers: Vec<usize> = (0..6).map(|at| 20_000 + at).collect();
    let image = source.image(1, &layers);
    source.tag(&image, "team/app:1");
    station.pack("oci:src").ok();
    station.import(&registry.name(), "").ok();
    let mut failed = 0;
    for first in 1..=THREADS {
        for line in [
            format!("pack docker://{named}/team/app:1 --to again{first} --name b --key k.key.pem"),
            format!("import out --pub k.pub.pem --to docker://{named}/under{first}"),
            "verify out --pub k.pub.pem".to_owned(),
        ] {
            let mut command = Command::new("strace");
            command.args(["-f", "-qq", "-o", "/dev/null", "-e"]);
            command.arg(format!("inject=clone,clone3,fork,vfork:error=EAGAIN:when={first}+"));
            command.arg(CARNET).args(line.split_whitespace());
            station.furnish(&mut command);
            let run = in_time(&mut command, Duration::from_secs(60));
            if run.stderr.contains("Operation not permitted") {
                skipped("strace may not trace here");
                return;
            }
            assert!(!run.stderr.contains("panicked"), "{run:?}");
            match run.code {
                Some(0) => {}
                Some(1) => {
                    failed += 1;
                    run.says(&["hint: "]);
                }
                code => panic!("{code:?}: {run:?}"),
            }
        }
    }
    assert!(failed > 3, "threads were made all the same: {failed} runs failed");
}

#[test]
fn import_and_pack_need_few_open_files() {
    let registry = Registry::with(Options::default());
    let station = Station::new();
    let mut source = station.source("src");
    let layers: Vec<usize> = (0..150).map(|at| 20_000 + at).collect();
    let image = source.image(1, &layers);
    source.tag(&image, "team/app:1");
    station.pack("oci:src --chunk-size 64KiB").ok();
    let limited = |line: &str| {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("ulimit -n 64; exec {CARNET} {line}"));
        station.furnish(&mut command);
        in_time(&mut command, Duration::from_secs(60)).ok()
    };
    let host = registry.name();
    for connections in [6, 256] {
        let more = format!("--connections {connections} --jobs 8");
        limited(&format!("import out --pub k.pub.pem --to docker://{host}/to{connections} {more}"));
        let from = format!("docker://{host}/to{connections}/team/app:1");
        limited(&format!("pack {from} --to back{connections} --name b --key k.key.pem {more}"));
        station.carnet(&format!("verify back{connections} --pub k.pub.pem")).ok();
    }
}
