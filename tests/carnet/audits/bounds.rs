//! What an audit touches: it reads, and writes its outputs.

use serde_json::Value;

use super::contents::{image, tar_of};
use crate::behaviour::support::{CARNET, Desk, installed, noise, skipped};

/// The calls that could write a file or reach another machine.
const CALLS: &str = "open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,link,linkat,symlink,\
                     symlinkat,mknod,mknodat,truncate,ftruncate,memfd_create,socket,connect,execve,fork,vfork,clone3,clone";

/// Everything that the audit of `args` opens for writing, and every call that reaches out, but for its own threads.
fn touched(desk: &Desk, args: &str) -> Option<Vec<String>> {
    if !installed(&["strace"]) {
        return None;
    }
    if desk.sh("strace -qq -o /dev/null true").code != Some(0) {
        skipped("strace may not trace here");
        return None;
    }
    // A folder for temporary files that is not there.
    let run = desk
        .sh(&format!("TMPDIR=/nowhere exec strace -f -qq -s 200 -o trace -e trace={CALLS} {CARNET} {args}"));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let trace = std::fs::read_to_string(desk.path("trace")).unwrap();
    assert!(trace.contains("openat("), "{trace}");
    let concerns = |line: &&str| {
        let (_, call) = line.split_once(' ').unwrap_or_default();
        let name = call.trim_start().split('(').next().unwrap_or_default();
        match name {
            "open" | "openat" | "openat2" => {
                ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|flag| line.contains(flag))
            }
            // The program itself, its threads, and the ends of calls and threads.
            "execve" => !call.contains(CARNET),
            "clone" | "clone3" => !call.contains("CLONE_THREAD"),
            name => CALLS.split(',').any(|call| call == name),
        }
    };
    Some(trace.lines().filter(concerns).map(str::to_owned).collect())
}

#[test]
fn an_audit_writes_its_outputs_and_nothing_else() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let layer = tar_of(&[
        ("var/lib/dpkg/status", 0o644, b"Package: a\nStatus: install ok installed\nVersion: 1\n\n"),
        ("opt/noise", 0o644, &noise(1, 600_000)),
        ("opt/text", 0o644, &b"password = hunter2\n".repeat(10_000)),
    ]);
    image(&mut source, "app:1", &[layer]);
    desk.pack("oci:src --chunk-size 64KiB").ok();
    let args =
        "audit out --pub k.pub.pem --at 2026-01-01T00:00:00Z -o json=r.json -o html=r.html -o files=f.ndjson";
    let Some(touched) = touched(&desk, args) else { return };
    let is_output = |line: &&String| {
        // An output is written under a hidden name and then renamed, in the folder of its own.
        ["r.json", "r.html", "f.ndjson"].iter().any(|name| line.contains(name))
            || (line.contains("O_TMPFILE") && !line.contains("/nowhere"))
            || line.contains("/proc/self/fd/")
    };
    let others: Vec<_> = touched.iter().filter(|line| !is_output(line)).collect();
    assert!(others.is_empty(), "{others:#?}");
    assert!(touched.iter().any(|line| line.contains("r.json")), "{touched:#?}");
    assert!(desk.path("r.html").exists() && desk.path("f.ndjson").exists());
}

/// A layer in many slices is the same layer.
#[test]
fn slices_make_no_difference() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    image(
        &mut source,
        "app:1",
        &[tar_of(&[("opt/noise", 0o644, &noise(1, 2_000_000)), ("etc/x", 0o4755, b"x")])],
    );
    let mut reports: Vec<Value> = Vec::new();
    for (folder, size) in [("sliced", "64KiB"), ("whole", "1GiB")] {
        desk.carnet(&format!("pack oci:src --to {folder} --name b --key k.key.pem --chunk-size {size}")).ok();
        let audit = format!("audit {folder} --pub k.pub.pem --at 2026-01-01T00:00:00Z -o json");
        let mut report = desk.carnet(&audit).ok().json();
        report["bundles"].take();
        reports.push(report);
    }
    assert!(std::fs::read_dir(desk.path("sliced")).unwrap().count() > 30);
    assert_eq!(reports[0], reports[1]);
}

/// A report can go to a device, which stays what it is.
#[test]
fn a_device_is_written_to_and_not_replaced() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    image(&mut source, "app:1", &[tar_of(&[("etc/x", 0o644, b"x")])]);
    let run = desk
        .sh(&format!("mkfifo pipe; cat pipe > got & {CARNET} audit oci:src -o json=pipe; wait; test -p pipe"))
        .ok();
    assert_eq!(run.stdout, "");
    let got: Value = serde_json::from_slice(&std::fs::read(desk.path("got")).unwrap()).unwrap();
    assert_eq!(got["schema"], "carnet-audit v1");
}

/// Stock openssl checks a signed report, and notices one changed byte.
#[test]
fn reports_are_signed() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    image(&mut source, "app:1", &[tar_of(&[("etc/x", 0o644, b"x")])]);
    desk.carnet("keygen auditor").ok();
    let audit = "audit oci:src --key auditor.key.pem -o text -o json=r.json -o html=r.html -o files=f.ndjson";
    desk.carnet(audit).ok();
    let check = |name: &str| {
        let key = "openssl pkeyutl -verify -rawin -pubin -inkey auditor.pub.pem";
        desk.sh(&format!("{key} -sigfile {name}.sig -in {name}"))
    };
    for name in ["r.json", "r.html"] {
        check(name).ok();
        let mut bytes = std::fs::read(desk.path(name)).unwrap();
        bytes[100] ^= 1;
        std::fs::write(desk.path(name), bytes).unwrap();
        check(name).ends(1);
    }
    assert!(desk.path("f.ndjson").exists() && !desk.path("f.ndjson.sig").exists());
    for options in ["", " -o json", " -o files=f.ndjson"] {
        desk.carnet(&format!("audit oci:src --key auditor.key.pem{options}"))
            .ends(2)
            .says(&["-o FORMAT=FILE"]);
    }
}
