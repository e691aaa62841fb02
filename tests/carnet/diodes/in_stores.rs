//! Parity, repair and release files in object stores.

use std::fs;
use std::path::PathBuf;

use crate::behaviour::support::{Desk, Run, files};
use crate::stores::servers::Emulator;

const TRUST: &str = "--pub k.pub.pem";

/// A desk whose bundle `b` with parity is in `s3://bucket/in`.
fn desk(store: &Emulator) -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[300_000, 20_000]);
    source.tag(&image, "app:1");
    let pack = "pack oci:src --to s3://bucket/in --name b --key k.key.pem --chunk-size 64KiB --parity 2";
    run(&desk, store, pack).ok();
    desk
}

fn variables(store: &Emulator) -> [(&'static str, String); 3] {
    [
        ("AWS_ENDPOINT_URL", store.url()),
        ("AWS_ACCESS_KEY_ID", "id".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
    ]
}

/// Runs the program with the keys for the store.
fn run(desk: &Desk, store: &Emulator, args: &str) -> Run {
    Run::of(desk.command(args).envs(variables(store)))
}

/// The file in which the store keeps an object.
fn object(store: &Emulator, key: &str) -> PathBuf {
    store.data().join("bucket").join(key)
}

#[test]
fn lost_chunks_are_written_into_a_store() {
    let Some(store) = Emulator::s3s() else { return };
    let desk = desk(&store);
    let packed = files(&object(&store, "in"));
    let lost = ["b_00000.tar", "b_00002.tar"];
    let lose =
        || lost.iter().for_each(|name| fs::remove_file(object(&store, &format!("in/{name}"))).unwrap());
    lose();
    // Elsewhere in the store, and again.
    let elsewhere = format!("repair s3://bucket/in {TRUST} --to s3://bucket/fixed");
    for _ in 0..2 {
        run(&desk, &store, &elsewhere).ok().says(&["REPAIRED, 2 chunks", "s3://bucket/fixed/b_00002.tar"]);
        for name in lost {
            assert!(fs::read(object(&store, &format!("fixed/{name}"))).unwrap() == packed[name], "{name}");
        }
    }
    run(&desk, &store, &format!("verify s3://bucket/in s3://bucket/fixed {TRUST}")).ok();
    // Back into the same place. A file that is none of the bundle stays.
    let back = format!("repair s3://bucket/in {TRUST}");
    fs::write(object(&store, "in/b_00002.tar"), "somebody's notes").unwrap();
    run(&desk, &store, &back).ends(1).says(&["error[target-exists]", "b_00002.tar"]);
    assert_eq!(fs::read(object(&store, "in/b_00002.tar")).unwrap(), b"somebody's notes");
    fs::remove_file(object(&store, "in/b_00002.tar")).unwrap();
    run(&desk, &store, &back).ok().says(&["REPAIRED"]);
    for name in lost {
        assert!(fs::read(object(&store, &format!("in/{name}"))).unwrap() == packed[name], "{name}");
    }
    // From a folder into the store.
    fs::create_dir(desk.path("in")).unwrap();
    for (name, bytes) in packed.iter().filter(|(name, _)| *name != "b_00003.tar") {
        fs::write(desk.path("in").join(name), bytes).unwrap();
    }
    run(&desk, &store, &format!("repair in {TRUST} --to s3://bucket/third")).ok();
    assert!(fs::read(object(&store, "third/b_00003.tar")).unwrap() == packed["b_00003.tar"]);
    run(&desk, &store, &format!("verify s3://bucket/in {TRUST}")).ok().says(&["2 more files may be lost"]);
}

#[test]
fn a_release_file_lies_beside_the_chunks_in_a_store() {
    let Some(store) = Emulator::s3s() else { return };
    let desk = desk(&store);
    desk.carnet("keygen alice").ok();
    let key = |holder: &str, role: &str| {
        format!(
            "[[keys]]\nholder = \"{holder}\"\npublic-key-file = \"{holder}.pub.pem\"\nroles = [\"{role}\"]\n"
        )
    };
    let trust =
        format!("version = 1\nrelease-threshold = 1\n{}{}", key("k", "packer"), key("alice", "releaser"));
    fs::write(desk.path("trust.toml"), trust).unwrap();
    let verify = "verify s3://bucket/in --trust trust.toml";
    run(&desk, &store, verify).ends(3).says(&["NOT RELEASED"]);
    let sign = "sign s3://bucket/in --key alice.key.pem --release-file s3://bucket/in";
    run(&desk, &store, sign).ok().says(&["b_release_"]);
    run(&desk, &store, verify).ok().says(&["COMPLETE", "alice", "release file s3://bucket/in/b_release_"]);
    let receive =
        "receive s3://bucket/in --trust trust.toml --once --then unpack oci:back --to copies --delete-source";
    run(&desk, &store, receive).ok().says(&["the bundle b is done"]);
    desk.carnet("verify copies --trust trust.toml").ok().says(&["COMPLETE", "alice"]);
    let left = fs::read_dir(object(&store, "in")).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with("b_")).collect();
    assert!(left.is_empty(), "{left:?}");
}
