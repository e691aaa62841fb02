//! File systems that lack what others have: hard links, renaming without replacing, locks.

use super::support::{CARNET, Desk, Run, installed, skipped};

/// System calls of file systems without hard links and without RENAME_NOREPLACE, and their errors there.
const PLAIN: &str = "-e inject=renameat2:error=EINVAL -e inject=link,linkat:error=EPERM";

/// Runs carnet while these system calls fail; `None` if they cannot be made to fail here.
fn without(desk: &Desk, faults: &str, args: &str) -> Option<Run> {
    if !installed(&["strace"]) {
        return None;
    }
    if desk.sh("strace -qq -o /dev/null true").code != Some(0) {
        skipped("strace may not trace here");
        return None;
    }
    Some(desk.sh(&format!("exec strace -f -qq -o /dev/null {faults} {CARNET} {args}")))
}

fn desk() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[200_000]);
    source.tag(&image, "app:1");
    desk
}

#[test]
fn without_hard_links_everything_gets_its_name() {
    let desk = desk();
    for args in [
        "pack oci:src --to out --name b --key k.key.pem --chunk-size 64KiB",
        "keygen new",
        "unpack out --pub k.pub.pem --to oci-archive:back.tar",
        "unpack out --pub k.pub.pem --to docker-archive:docker.tar",
        "unpack out --pub k.pub.pem --to oci:back",
    ] {
        let Some(run) = without(&desk, PLAIN, args) else { return };
        run.ok();
    }
    desk.carnet("verify out --pub k.pub.pem").ok();
    super::support::assert_same_layout(&desk.path("src"), &desk.path("back"));
    desk.sh("mkdir t && tar -xf back.tar -C t && tar -tf docker.tar >/dev/null").ok();
    super::support::assert_same_blobs(&desk.path("src"), &desk.path("t"));
    desk.carnet("pack oci:src --to other --name b --key new.key.pem").ok();
    assert_eq!(desk.sh("ls -A | grep -e partial -e carnet- -e tmp; true").stdout, "", "temporary files");
}

#[test]
fn without_hard_links_nothing_is_replaced() {
    let desk = desk();
    desk.pack("oci:src").ok();
    for (path, args) in [
        ("new.key.pem", "keygen new"),
        ("back.tar", "unpack out --pub k.pub.pem --to oci-archive:back.tar"),
        ("two/b_00000.tar", "pack oci:src --to two --name b --key k.key.pem"),
    ] {
        std::fs::create_dir_all(desk.path("two")).unwrap();
        std::fs::write(desk.path(path), "mine").unwrap();
        let Some(run) = without(&desk, PLAIN, args) else { return };
        run.ends(1);
        assert_eq!(std::fs::read_to_string(desk.path(path)).unwrap(), "mine");
    }
    assert_eq!(desk.sh("ls -A two").stdout, "b_00000.tar\n");
}

#[test]
fn a_file_system_without_locks_is_named_as_the_reason() {
    let desk = desk();
    let args = "pack oci:src --to out --name b --key k.key.pem";
    let Some(run) = without(&desk, "-e inject=flock:error=ENOLCK", args) else { return };
    run.ends(1).says(&["cannot lock out/.b.partial/lock", "No locks available"]);
    assert_eq!(desk.sh("ls -A out").stdout, "", "the empty staging folder is gone");
}
