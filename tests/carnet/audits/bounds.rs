//! What an audit touches: it reads, and writes its outputs.

use std::io::Write as _;

use carnet::oci::Digest;
use serde_json::{Value, json};

use super::contents::{image, tar_of};
use crate::behaviour::layouts::{CONFIG, LAYER, Source, digest_of, with};
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

/// An image with a layer of two megabytes in each form.
fn sliced(source: &mut Source) -> Value {
    let layer = |name: &str, seed| tar_of(&[(name, 0o644, &noise(seed, 2_000_000)), ("etc/x", 0o4755, b"x")]);
    let (plain, in_gzip, in_zstd) = (layer("opt/plain", 1), layer("opt/gzip", 2), layer("opt/zstd", 3));
    let diff_ids = [&plain, &in_gzip, &in_zstd].map(|layer| Digest::sha256(layer).to_string());
    let config = json!({ "architecture": "amd64", "os": "linux", "config": { "User": "app" },
        "rootfs": { "type": "layers", "diff_ids": diff_ids } });
    let config = source.blob(CONFIG, config.to_string().as_bytes());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&in_gzip).unwrap();
    let layers = [
        source.blob(LAYER, &plain),
        source.blob(&format!("{LAYER}+gzip"), &gzip.finish().unwrap()),
        source.blob(&format!("{LAYER}+zstd"), &zstd::encode_all(in_zstd.as_slice(), 1).unwrap()),
    ];
    let manifest = source.manifest(&config, &layers);
    source.tag(&manifest, "app:1");
    with(manifest, &json!({ "layers": layers }))
}

/// With one of many chunks gone, everything else is reported, and what is missing is named.
#[test]
fn a_chunk_that_is_missing_takes_away_its_layer_alone() {
    let desk = Desk::new();
    let image = sliced(&mut desk.source("src"));
    desk.pack("oci:src --chunk-size 64KiB").ok();
    let inspected = desk.inspected("out");
    // A chunk in the middle of a layer: the others of it are there.
    let middle = "out/b_00015.tar";
    std::fs::remove_file(desk.path(middle)).unwrap();
    let run = desk.carnet("audit out --pub k.pub.pem -o text=r.txt -o json").ends(4);
    let report = run.json();
    assert_eq!(report["bundles"][0]["missing"], json!([15]), "{inspected}");
    let unread = report["coverage"]["unread"].as_array().unwrap();
    assert_eq!(unread.len(), 1, "{unread:?}");
    let layers: Vec<&str> = image["layers"].as_array().unwrap().iter().map(digest_of).collect();
    let gone = unread[0]["digest"].as_str().unwrap();
    assert!(layers.contains(&gone));
    for layer in report["layers"].as_array().unwrap() {
        let is_gone = layer["digest"] == gone;
        assert_eq!((&layer["carried"], &layer["read"]), (&json!(!is_gone), &json!(!is_gone)));
    }
    let setuid = report["findings"].as_array().unwrap().iter().filter(|finding| finding["rule"] == "setuid");
    assert_eq!(setuid.count(), 2);
    let text = std::fs::read_to_string(desk.path("r.txt")).unwrap();
    assert!(text.contains("15") && text.contains(gone), "{text}");
}

/// The order in which files are named makes no difference.
#[test]
fn files_may_come_in_any_order() {
    let desk = Desk::new();
    sliced(&mut desk.source("src"));
    desk.pack("oci:src --chunk-size 64KiB").ok();
    let mut files: Vec<String> = desk.files("out").into_keys().map(|name| format!("out/{name}")).collect();
    let mut made = Vec::new();
    for order in ["sorted", "reversed", "mixed"] {
        match order {
            "sorted" => files.sort(),
            "reversed" => files.reverse(),
            _ => files.sort_by_key(|name| Digest::sha256(name.as_bytes())),
        }
        let options = "--pub k.pub.pem --at 2026-01-01T00:00:00Z -o json=r.json -o html=r.html";
        desk.carnet(&format!("audit {} {options}", files.join(" "))).ok();
        made.push(["r.json", "r.html"].map(|name| std::fs::read(desk.path(name)).unwrap()));
    }
    assert!(made[0] == made[1] && made[0] == made[2]);
}

/// A layer in many slices is the same layer.
#[test]
fn slices_make_no_difference() {
    let desk = Desk::new();
    sliced(&mut desk.source("src"));
    let mut reports: Vec<Value> = Vec::new();
    for (folder, size) in [("sliced", "64KiB"), ("whole", "1GiB")] {
        desk.carnet(&format!("pack oci:src --to {folder} --name b --key k.key.pem --chunk-size {size}")).ok();
        let audit = format!("audit {folder} --pub k.pub.pem --at 2026-01-01T00:00:00Z -o json");
        let mut report = desk.carnet(&audit).ok().json();
        report["bundles"].take();
        reports.push(report);
    }
    assert!(std::fs::read_dir(desk.path("sliced")).unwrap().count() > 90);
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
