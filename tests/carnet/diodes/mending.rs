//! Damaged chunks that are repaired where they lie.

use std::os::unix::fs::MetadataExt as _;

use crate::behaviour::support::{CARNET, Desk, installed, skipped};

const REPAIR: &str = "repair in --pub k.pub.pem";

/// A bundle in `out` with parity, and a copy in `in`. Every chunk there has two scratches.
fn scratched() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[700_000]);
    source.tag(&image, "app:1");
    desk.pack("oci:src --chunk-size 64KiB --parity 4").ok();
    desk.sh("cp -r out in").ok();
    for (number, name) in chunks(&desk).into_iter().enumerate() {
        let mut bytes = desk.files("in")[&name].clone();
        for at in [4_000 + number * 4_500, 5_500 + number * 4_500] {
            let last = bytes.len() - 1;
            bytes[at.min(last)] ^= 0x20;
        }
        std::fs::write(desk.path("in").join(name), bytes).unwrap();
    }
    desk
}

fn chunks(desk: &Desk) -> Vec<String> {
    desk.files("out").into_keys().filter(|name| !name.contains("parity")).collect()
}

fn inode(desk: &Desk, name: &str) -> u64 {
    std::fs::metadata(desk.path("in").join(name)).unwrap().ino()
}

#[track_caller]
fn assert_repaired(desk: &Desk) {
    let (packed, repaired) = (desk.files("out"), desk.files("in"));
    for name in chunks(desk) {
        assert!(repaired[&name] == packed[&name], "{name} differs");
    }
}

#[test]
fn a_scratched_chunk_stays_the_file_that_it_is() {
    let desk = scratched();
    let before: Vec<u64> = chunks(&desk).iter().map(|name| inode(&desk, name)).collect();
    desk.carnet(REPAIR).ok().says(&["REPAIRED"]);
    assert_repaired(&desk);
    let after: Vec<u64> = chunks(&desk).iter().map(|name| inode(&desk, name)).collect();
    // The structure of one or the other is damaged too: such a chunk is written whole.
    let kept = before.iter().filter(|inode| after.contains(inode)).count();
    assert!(kept + 2 >= before.len(), "{kept} of {} files are as they were", before.len());
}

#[test]
fn another_name_of_a_damaged_file_keeps_what_arrived() {
    let desk = scratched();
    desk.sh("ln in/b_00004.tar evidence.tar").ok();
    let arrived = std::fs::read(desk.path("evidence.tar")).unwrap();
    desk.carnet(REPAIR).ok();
    assert_repaired(&desk);
    assert!(std::fs::read(desk.path("evidence.tar")).unwrap() == arrived, "the other name was written to");
}

#[test]
fn a_kill_while_blocks_are_written_makes_nothing_worse() {
    if !installed(&["strace"]) {
        return;
    }
    let mut killed = 0;
    for write in [1, 2, 5, 9, 14] {
        let desk = scratched();
        let damaged = desk.files("in");
        let inject = format!("inject=pwrite64:signal=SIGKILL:when={write}");
        let ran = desk.sh(&format!("strace -f -qq -o /dev/null -e {inject} {CARNET} {REPAIR}"));
        if ran.stderr.contains("Operation not permitted") {
            skipped("strace may not trace here");
            return;
        }
        killed += usize::from(ran.code != Some(0));
        let (packed, left) = (desk.files("out"), desk.files("in"));
        for name in chunks(&desk) {
            let bytes = left[&name].iter().zip(&damaged[&name]).zip(&packed[&name]);
            let is_known = |((left, damaged), packed): ((&u8, &u8), &u8)| left == damaged || left == packed;
            assert!(left[&name].len() == packed[&name].len() && bytes.into_iter().all(is_known), "{name}");
        }
        desk.carnet(REPAIR).ok();
        assert_repaired(&desk);
        assert_eq!(desk.sh("ls -A in | grep partial; true").stdout, "");
    }
    assert!(killed >= 4, "only {killed} runs were killed");
}

#[test]
fn more_damage_than_memory_is_written_whole() {
    // 24 MiB of damaged blocks in 2 chunks of 16 MiB: one is mended, the other is written anew.
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[60 << 20]);
    source.tag(&image, "app:1");
    desk.pack("oci:src --chunk-size 16MiB --parity 2").ok();
    desk.sh("cp -r out in").ok();
    for name in ["b_00001.tar", "b_00002.tar"] {
        let damage = format!("dd if=/dev/zero of=in/{name} bs=1M seek=3 count=12 conv=notrunc");
        desk.sh(&damage).ok();
    }
    let before = [inode(&desk, "b_00001.tar"), inode(&desk, "b_00002.tar")];
    desk.carnet(REPAIR).ok().says(&["REPAIRED, 2 chunks"]);
    assert_repaired(&desk);
    let after = [inode(&desk, "b_00001.tar"), inode(&desk, "b_00002.tar")];
    assert_eq!(before.iter().zip(&after).filter(|(before, after)| before == after).count(), 1);
}
