//! What cannot be read is not missing, and what is passed over is named.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::support::{CARNET, Desk, Run};

/// A bundle of 7 chunks.
fn desk() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[200_000, 100_000]);
    source.tag(&image, "app:1");
    desk.pack("oci:src --chunk-size 64KiB").ok();
    desk
}

fn forbid(desk: &Desk, path: &str) {
    fs::set_permissions(desk.path(path), Permissions::from_mode(0o000)).unwrap();
}

fn allow(desk: &Desk, path: &str) {
    fs::set_permissions(desk.path(path), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_chunk_that_cannot_be_read_is_not_missing() {
    let desk = desk();
    forbid(&desk, "out/b_00002.tar");
    let words = ["b_00002.tar: ", "Permission denied"];
    let verified = desk.ordinary("verify out --pub k.pub.pem").ends(1).says(&words);
    assert!(!verified.stdout.contains("INCOMPLETE"), "{}", verified.stdout);
    verified.says(&["CANNOT BE READ", "error[chunk-unreadable]: bundle b ("]);
    let report = desk.ordinary("verify out --pub k.pub.pem --json").ends(1).json();
    let bundle = &report["bundles"][0];
    assert_eq!((&bundle["verdict"], &bundle["missing"]), (&"unreadable".into(), &serde_json::json!([])));
    assert_eq!(bundle["unreadable"][0]["number"], 2);

    let run = desk.ordinary("missing out").ends(1).says(&words);
    assert_eq!(run.stdout, "", "nothing to send again");
    run.says(&["error[chunk-unreadable]: chunk 2", "another drive"]);
    desk.ordinary("unpack out --pub k.pub.pem --to oci:new").ends(1).says(&words).says(&["chunk-unreadable"]);
    desk.ordinary("import out --pub k.pub.pem --to docker://127.0.0.1:9/x")
        .ends(1)
        .says(&words)
        .says(&["chunk-unreadable"]);
    assert!(!desk.path("new").exists());

    // A chunk that is missing is still asked for.
    fs::remove_file(desk.path("out/b_00003.tar")).unwrap();
    let run = desk.ordinary("missing out --pub k.pub.pem").ends(4).says(&words);
    assert!(run.stdout.ends_with(": 3\n"), "{}", run.stdout);
    desk.ordinary("verify out --pub k.pub.pem").ends(4).says(&["INCOMPLETE, 1 of"]).says(&words);
}

#[test]
fn a_control_chunk_that_cannot_be_read_is_not_missing() {
    let desk = desk();
    forbid(&desk, "out/b_00000.tar");
    let words = ["b_00000.tar: ", "Permission denied"];
    desk.ordinary("verify out --pub k.pub.pem").ends(1).says(&words).says(&["CANNOT BE READ"]);
    assert_eq!(desk.ordinary("missing out").ends(1).says(&words).stdout, "");
    let code = ["error[chunk-unreadable]"];
    desk.ordinary("unpack out --pub k.pub.pem --to oci:new").ends(1).says(&words).says(&code);
    desk.ordinary("inspect out").ends(1).says(&words).says(&["cannot be read"]);
    desk.ordinary("sign out --key k.key.pem").ends(1).says(&words).says(&code);
    // Under another name nobody can tell which chunk it is; the file is named all the same.
    fs::rename(desk.path("out/b_00000.tar"), desk.path("out/renamed")).unwrap();
    let run = desk.ordinary("missing out").ends(4).says(&["renamed may be a chunk", "Permission denied"]);
    assert!(run.stdout.ends_with(": 0\n"), "{}", run.stdout);
}

#[test]
fn files_that_all_cannot_be_read_are_not_called_something_else() {
    let desk = desk();
    for name in desk.files("out").keys() {
        forbid(&desk, &format!("out/{name}"));
    }
    for verb in ["verify out --pub k.pub.pem", "missing out", "inspect out", "sign out --key k.key.pem"] {
        desk.ordinary(verb).ends(1).says(&["error[chunk-unreadable]", "7 files", "Permission denied"]);
    }
}

#[test]
fn too_many_open_files_are_not_missing_chunks() {
    let desk = desk();
    let (out, file) = (desk.path("out"), desk.path("out/b_00001.tar"));
    let (out, file) = (out.to_str().unwrap(), file.to_str().unwrap());
    if let Some(run) = failing(&desk, "openat", "EMFILE", file, &format!("missing {out}")) {
        run.ends(1).says(&["Too many open files", "chunk 1"]);
    }
    // One descriptor besides stdin, stdout and stderr is enough.
    desk.sh(&format!("ulimit -n 4; exec {CARNET} missing out --jobs 1")).ok();
}

#[test]
fn folders_that_cannot_be_read_and_links_are_passed_over_and_named() {
    let desk = desk();
    fs::create_dir(desk.path("out/lost+found")).unwrap();
    forbid(&desk, "out/lost+found");
    let deep = format!("out/{}", ["d"; 12].join("/"));
    fs::create_dir_all(desk.path(&deep)).unwrap();
    for number in 0..7 {
        symlink(desk.path("k.key.pem"), desk.path(format!("out/link{number}"))).unwrap();
    }
    desk.sh("mkfifo out/pipe").ok();
    let notes = [
        "passed over 1 entry that cannot be read: out/lost+found (Permission denied",
        "passed over 1 folder nested more than 8 deep: out/d/d/d",
        "passed over 7 symbolic links: out/link",
        "and 2 more",
        "passed over 1 pipe, socket or device: out/pipe",
    ];
    for verb in
        ["verify out --pub k.pub.pem", "missing out", "inspect out", "sums out", "sign out --key k.key.pem"]
    {
        let run = desk.ordinary(verb).ok();
        for note in notes {
            assert!(run.stderr.contains(note), "{verb}: {note}: {}", run.stderr);
        }
    }
    desk.ordinary("unpack out --pub k.pub.pem --to oci:new").ok().says(&notes);
    // A folder that was named itself is an error.
    desk.ordinary("missing out/lost+found").ends(1).says(&["file-unusable", "Permission denied"]);
    allow(&desk, "out/lost+found");
}

#[test]
fn an_expired_bundle_says_so_first() {
    let desk = desk();
    fs::remove_dir_all(desk.path("out")).unwrap();
    desk.pack("oci:src --chunk-size 64KiB --expires 2020-01-01").ok();
    let run = desk.carnet("verify out --pub k.pub.pem").ends(3);
    assert!(run.stdout.starts_with("bundle b: EXPIRED at 2020-01-01T00:00:00Z\n"), "{}", run.stdout);
    assert!(!run.stdout.contains("not signed"), "{}", run.stdout);
    run.says(&["error[bundle-expired]: bundle b ("]);
    fs::remove_file(desk.path("out/b_00002.tar")).unwrap();
    let run =
        desk.carnet("missing out --pub k.pub.pem").ends(3).says(&["error[bundle-expired]", "2020-01-01"]);
    assert_eq!(run.stdout, "", "nothing to send again");
    for verb in
        ["unpack out --pub k.pub.pem --to oci:new", "import out --pub k.pub.pem --to docker://127.0.0.1:9/x"]
    {
        let run = desk.carnet(verb).ends(3).says(&["error[bundle-expired]", "2020-01-01"]);
        assert!(!run.stderr.contains("releaser"), "{}", run.stderr);
    }
}

#[test]
fn a_failing_verdict_has_a_line_for_the_log() {
    let desk = desk();
    let id = desk.inspected("out")["bundle"].as_str().unwrap().to_owned();
    fs::remove_file(desk.path("out/b_00001.tar")).unwrap();
    let line = format!("error[bundle-incomplete]: bundle b ({id}): INCOMPLETE, 1 of 7 chunks to send again");
    for options in ["", " --quiet", " --json"] {
        let run = desk.carnet(&format!("verify out --pub k.pub.pem{options}")).ends(4);
        let found: Vec<&str> = run.stderr.lines().filter(|found| found.starts_with("error")).collect();
        assert_eq!(found.len(), 1, "{options}: {}", run.stderr);
        assert!(found[0].starts_with(&line), "{options}: {}", run.stderr);
    }
    let line = format!("error[bundle-incomplete]: bundle b ({id}): 1 of 7 chunks to send again\n");
    let run = desk.carnet("missing out").ends(4);
    assert_eq!(run.stderr, line);
}

/// A test with strace: these calls fail for a file of this name.
fn failing(desk: &Desk, calls: &str, error: &str, path: &str, args: &str) -> Option<Run> {
    if !super::support::installed(&["strace"]) {
        return None;
    }
    let run = desk.sh(&format!(
        "exec strace -f -qq -o /dev/null -P {path} -e inject={calls}:error={error} {CARNET} {args}"
    ));
    if run.stderr.contains("Operation not permitted") {
        super::support::skipped("strace may not trace here");
        return None;
    }
    Some(run)
}

#[test]
fn a_bad_sector_is_not_a_missing_chunk() {
    let desk = desk();
    for (calls, path) in [("read,pread64", "out/b_00002.tar"), ("statx,newfstatat", "out/b_00000.tar")] {
        let file = desk.path(path);
        let path = file.to_str().unwrap().to_owned();
        let out = desk.path("out");
        let out = out.to_str().unwrap();
        let words = [path.as_str(), "Input/output error"];
        for args in [
            format!("verify {out} --pub k.pub.pem"),
            format!("missing {out}"),
            format!("unpack {out} --pub k.pub.pem --to oci:new"),
            format!("import {out} --pub k.pub.pem --to docker://127.0.0.1:9/x"),
        ] {
            let Some(run) = failing(&desk, calls, "EIO", &path, &args) else { return };
            let run = run.ends(1).says(&words).says(&["chunk-unreadable"]);
            assert!(!run.stdout.contains("INCOMPLETE"), "{args}: {}", run.stdout);
        }
    }
}
