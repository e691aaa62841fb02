//! The jobs of a plan, and those of the far side, run by the engines that they are for.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::super::behaviour::support::{CARNET, Desk, Run, cached, installed, skipped};
use super::super::registries::debian::Debian;
use super::far_side::{arrived, assert_imported};
use super::{assert_whole, desk, plan};

/// Slurm with one node, this machine.
struct Slurm {
    folder: TempDir,
    daemons: Vec<Child>,
}

impl Slurm {
    /// `None` if it is not installed, or if this is not root, which its daemons need; then the test is reported as skipped.
    fn start() -> Option<Slurm> {
        if !installed(&["slurmctld", "slurmd", "sbatch", "munged"]) {
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            skipped("slurmd needs root");
            return None;
        }
        let folder = TempDir::new().unwrap();
        let mut slurm = Slurm { folder, daemons: Vec::new() };
        let path = |name: &str| slurm.folder.path().join(name).display().to_string();
        for name in ["state", "spool", "munge"] {
            fs::create_dir(path(name)).unwrap();
        }
        // Other users write into the folder of the socket otherwise, and munge refuses that.
        for name in ["", "munge"] {
            fs::set_permissions(path(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(path("munge.key"), super::noise(1, 1024)).unwrap();
        fs::set_permissions(path("munge.key"), fs::Permissions::from_mode(0o400)).unwrap();
        let munge = format!(
            "--foreground --force --key-file={} --socket={} --pid-file={} --log-file={} --seed-file={}",
            path("munge.key"),
            path("munge/socket"),
            path("munge/pid"),
            path("munge/log"),
            path("munge/seed")
        );
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let host = Run::of(Command::new("hostname").arg("-s")).ok().stdout.trim().to_owned();
        let configuration = [
            "ClusterName=test".to_owned(),
            format!("SlurmctldHost={host}(127.0.0.1)"),
            "SlurmUser=root\nSlurmdUser=root\nAuthType=auth/munge\nCryptoType=crypto/munge".to_owned(),
            format!("AuthInfo=socket={}", path("munge/socket")),
            format!("StateSaveLocation={}\nSlurmdSpoolDir={}", path("state"), path("spool")),
            format!("SlurmctldPidFile={}\nSlurmdPidFile={}", path("slurmctld.pid"), path("slurmd.pid")),
            format!("SlurmctldPort={}\nSlurmdPort={}", free(), free()),
            "ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nJobAcctGatherType=jobacct_gather/none"
                .to_owned(),
            "AccountingStorageType=accounting_storage/none\nSelectType=select/cons_tres".to_owned(),
            "SelectTypeParameters=CR_Core\nReturnToService=2\nSwitchType=switch/none\nMpiDefault=none"
                .to_owned(),
            format!("NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000 State=UNKNOWN"),
            format!("PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP\n"),
        ];
        fs::write(path("slurm.conf"), configuration.join("\n")).unwrap();
        slurm.daemon("munged", munge.split(' '));
        let start = Instant::now();
        while !slurm.path("munge/socket").exists() {
            assert!(start.elapsed() < Duration::from_secs(60), "{}", slurm.log("munged"));
            std::thread::sleep(Duration::from_millis(20));
        }
        slurm.daemon("slurmctld", ["-D"].into_iter());
        slurm.daemon("slurmd", ["-D"].into_iter());
        let start = Instant::now();
        while !slurm.run("sinfo --noheader --format=%t").stdout.starts_with("idle") {
            assert!(
                start.elapsed() < Duration::from_secs(120),
                "{}\n{}",
                slurm.log("slurmctld"),
                slurm.log("slurmd")
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(slurm)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self, daemon: &str) -> String {
        fs::read_to_string(self.path(&format!("{daemon}.log"))).unwrap_or_default()
    }

    fn daemon<'a>(&mut self, program: &str, arguments: impl Iterator<Item = &'a str>) {
        let log = fs::File::create(self.path(&format!("{program}.log"))).unwrap();
        let child = Command::new(program)
            .args(arguments)
            .env("SLURM_CONF", self.path("slurm.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.daemons.push(child);
    }

    fn run(&self, line: &str) -> Run {
        Run::of(Command::new("sh").args(["-c", line]).env("SLURM_CONF", self.path("slurm.conf")))
    }

    /// Runs the job of the plan in `out`, and waits until no job is left.
    fn submit(&self, desk: &Desk, program: &str, key: &str) {
        let out = desk.path("jobs-%A-%a.txt").display().to_string();
        let line = format!("CARNET={program} {key} bash out/b.plan/slurm.sh --output={out}");
        self.submit_line(desk, &line);
    }

    /// Runs a script that submits jobs, and waits until no job is left.
    fn submit_line(&self, desk: &Desk, line: &str) {
        self.run(&format!("cd {} && {line}", desk.path("").display())).ok().says(&["pieces: job"]);
        let start = Instant::now();
        while !self.run("squeue --noheader").ok().stdout.trim().is_empty() {
            assert!(start.elapsed() < Duration::from_secs(300), "{}", self.run("squeue").stdout);
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        for daemon in self.daemons.iter_mut().rev() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

#[test]
fn slurm_packs_the_pieces_and_seals_after_them() {
    let Some(slurm) = Slurm::start() else { return };
    let desk = desk();
    plan(&desk, "out", "--pieces 3 --job slurm");
    // Piece 1 is killed the first time. The others go on, and nothing is sealed.
    let program = desk.path("killed-once");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *'--piece 1')\n  if mkdir {0}/killed 2>/dev/null; then\n    {CARNET} \"$@\" & sleep 0.02; kill -9 $!; exit 137\n  fi\nesac\nexec {CARNET} \"$@\"\n",
        desk.path("").display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let (program, key) =
        (program.display().to_string(), format!("CARNET_KEY={}", desk.path("k.key.pem").display()));
    slurm.submit(&desk, &program, &key);
    assert!(desk.path("killed").exists());
    assert!(!desk.path("out/b_00000.tar").exists(), "sealed without piece 1");
    slurm.submit(&desk, &program, &key);
    assert_whole(&desk, "out");
}

#[test]
fn slurm_leaves_the_signing_to_the_station_of_the_key() {
    let Some(slurm) = Slurm::start() else { return };
    let desk = desk();
    plan(&desk, "out", "--pieces 2 --job slurm");
    slurm.submit(&desk, CARNET, "");
    assert!(desk.path("out/b_00001.unsigned").exists());
    desk.carnet("seal --plan out/b.plan --key k.key.pem").ok();
    assert_whole(&desk, "out");
}

/// A script that is in the source tree.
fn script(engine: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging")
        .join(engine)
        .join("bundle.sh")
        .display()
        .to_string()
}

#[test]
fn slurm_verifies_and_imports_a_bundle() {
    let (Some(slurm), Some(registry)) = (Slurm::start(), Debian::plain()) else { return };
    let desk = arrived();
    let run = |args: &str| {
        let script = script("slurm");
        let out = desk.path("job-%x-%a.txt").display().to_string();
        let line = format!("PIECES=3 CARNET={CARNET} bash {script} --output={out} -- {args}");
        slurm.submit_line(&desk, &line);
    };
    let said = |name: &str| fs::read_to_string(desk.path(name)).unwrap_or_default();
    run("verify in --pub k.pub.pem --results r");
    let end = || {
        let names = desk.files("").into_keys().filter(|name| name.contains("-end-"));
        names.map(|name| said(&name)).collect::<String>()
    };
    assert!(end().contains("COMPLETE, verified and released"), "{}", end());
    let to = format!("in --pub k.pub.pem --to docker://{}/mirror", registry.name());
    // A chunk is late. Its piece fails, and nothing is finished.
    fs::rename(desk.path("in/b_00004.tar"), desk.path("late.tar")).unwrap();
    run(&format!("import {to}"));
    assert!(!registry.kept().iter().any(|path| path.contains("/_manifests/")), "something is visible");
    fs::rename(desk.path("late.tar"), desk.path("in/b_00004.tar")).unwrap();
    run(&format!("import {to}"));
    assert_imported(&desk, &registry);
}

#[test]
fn parallel_verifies_and_imports_a_bundle() {
    if !installed(&["parallel"]) {
        return;
    }
    let Some(registry) = Debian::plain() else { return };
    let desk = arrived();
    let script = script("parallel");
    let run = |args: &str| {
        let last = if args.starts_with("import") { "CARNET_LAST='--receipt receipt.json'" } else { "" };
        desk.sh(&format!("PIECES=3 CARNET={CARNET} {last} bash {script} --jobs 2 -- {args}"))
    };
    run("verify in --pub k.pub.pem --results r").ok().says(&["COMPLETE, verified and released"]);
    run(&format!("import in --pub k.pub.pem --to docker://{}/mirror", registry.name())).ok();
    assert_imported(&desk, &registry);
    assert!(desk.path("receipt.json").exists());
    // The verdict is given although a piece fails.
    fs::remove_file(desk.path("in/b_00004.tar")).unwrap();
    run("verify in --pub k.pub.pem --results r").ends(4).says(&["INCOMPLETE"]);
    run("import").ends(2);
}

#[test]
fn parallel_packs_the_pieces() {
    if !installed(&["parallel"]) {
        return;
    }
    let desk = desk();
    plan(&desk, "out", "--pieces 3 --job parallel");
    let line = format!("CARNET={CARNET} CARNET_KEY=k.key.pem bash out/b.plan/parallel.sh --jobs 2");
    desk.sh(&line).ok().says(&["piece 0 of 3 packed", "piece 2 of 3 packed", "bundle b packed"]);
    assert_whole(&desk, "out");
}

/// Checks the job against the schemas of several versions, strictly.
#[test]
fn the_job_for_kubernetes_fits_its_schemas() {
    let validate = cached("kubernetes-1/bin/kubernetes-validate");
    if !validate.exists() {
        skipped("kubernetes-validate is not installed: run scripts/setup --stores");
        return;
    }
    let desk = desk();
    plan(&desk, "out", "--pieces 3 --job kubernetes");
    let job = desk.path("out/b.plan/kubernetes.yaml").display().to_string();
    for version in ["1.33", "1.37"] {
        Run::of(Command::new(&validate).args(["--strict", "-k", version, &job])).ok();
    }
    let text = fs::read_to_string(&job).unwrap();
    assert!(text.contains("completions: 3\n") && text.contains("/out/b.plan\"\n"), "{text}");
    // So do the files of the far side.
    let mut files: Vec<_> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/kubernetes"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    for version in ["1.33", "1.37"] {
        Run::of(Command::new(&validate).args(["--strict", "-k", version]).args(&files)).ok();
    }
    // A misspelt field would be noticed.
    fs::write(desk.path("wrong.yaml"), text.replace("completionMode", "completionmode")).unwrap();
    let wrong = desk.path("wrong.yaml").display().to_string();
    assert_ne!(Run::of(Command::new(&validate).args(["--strict", &wrong])).code, Some(0));
}
