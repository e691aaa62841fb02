//! Pieces that share an object store, on both sides.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Barrier;

use super::super::behaviour::support::{Desk, Run, files, wait_for};
use super::super::registries::debian::Debian;
use super::super::stores::servers::Emulator;
use super::far_side::arrived;
use super::{SEALED, desk, fill};

type Variables = [(&'static str, String); 4];

fn variables(store: &Emulator) -> Variables {
    [
        ("AWS_ENDPOINT_URL", store.url()),
        ("AWS_ACCESS_KEY_ID", "id".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ("SOURCE_DATE_EPOCH", SEALED.to_owned()),
    ]
}

/// Runs the program with the keys for the store.
fn run(desk: &Desk, keys: &Variables, args: &str) -> Run {
    Run::of(desk.command(args).envs(keys.clone()))
}

/// The file in which the store keeps an object.
fn object(store: &Emulator, key: &str) -> PathBuf {
    store.data().join("bucket").join(key)
}

const PLAN: &str =
    "oci:src --name b --pub k.pub.pem --chunk-size 64KiB --label TEST --expires 20000d --to s3://bucket/out";

/// Asserts that the store has the chunk files of the bundle that one process made.
#[track_caller]
fn assert_whole(desk: &Desk, store: &Emulator) {
    let (whole, mut found) = (desk.files("whole"), files(&object(store, "out")));
    found.retain(|name, _| !name.starts_with("b.plan/"));
    assert_eq!(whole.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
    for (name, bytes) in whole {
        assert!(bytes == found[&name], "{name} differs");
    }
}

#[test]
fn pieces_share_a_bucket() {
    let Some(store) = Emulator::s3s() else { return };
    let keys = variables(&store);
    let desk = desk();
    run(&desk, &keys, &format!("plan {PLAN} --pieces 3 --job slurm")).ok().says(&["s3://bucket/out/b.plan"]);
    run(&desk, &keys, &format!("plan {PLAN} --pieces 3")).ends(1).says(&["error[target-exists]"]);
    let piece = |number: u32| {
        let args = format!("pack-piece --plan s3://bucket/out/b.plan --piece {number} --key k.key.pem");
        run(&desk, &keys, &args)
    };
    let seal = || run(&desk, &keys, "seal --plan s3://bucket/out/b.plan --key k.key.pem");
    piece(1).ok().says(&["piece 1 of 3 packed"]);
    seal().ends(4).says(&["error[pieces-missing]: missing pieces: 0,2;"]);
    let unsigned = run(&desk, &keys, "pack-piece --plan s3://bucket/out/b.plan --piece 0 --unsigned").ends(2);
    unsigned.says(&["error[bad-place]", "an object is written once", "hint: pass --key"]);
    // One is killed, and the same piece runs twice at once.
    let args = "pack-piece --plan s3://bucket/out/b.plan --piece 0 --key k.key.pem --limit-rate 200KB";
    let mut child = desk.command(args);
    let mut child = child.envs(keys.clone()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = files(&object(&store, "out")).len();
    wait_for(&mut child, || files(&object(&store, "out")).len() > begun);
    let _ = child.kill();
    child.wait().unwrap();
    let barrier = Barrier::new(4);
    std::thread::scope(|scope| {
        for number in [0, 2, 0, 2] {
            let (piece, barrier) = (&piece, &barrier);
            scope.spawn(move || {
                barrier.wait();
                piece(number).ok();
            });
        }
    });
    seal().ok().says(&["delete the objects in s3://bucket/out/b.plan"]);
    assert_whole(&desk, &store);
    piece(2).ok().says(&["was packed already"]);
    run(&desk, &keys, "seal --plan s3://bucket/out/b.plan --key k.key.pem --verify").ok();
    assert_whole(&desk, &store);
}

#[test]
fn plans_in_a_bucket_that_are_damaged_or_absent_are_refused() {
    let Some(store) = Emulator::s3s() else { return };
    let keys = variables(&store);
    let desk = Desk::new();
    fill(&mut desk.source("src"));
    run(&desk, &keys, &format!("plan {PLAN} --pieces 3 --job kubernetes"))
        .ends(2)
        .says(&["error[bad-place]"]);
    assert!(!object(&store, "out/b.plan/work.json").exists());
    run(&desk, &keys, &format!("plan {PLAN} --pieces 3")).ok();
    let args = "pack-piece --plan s3://bucket/out/b.plan --piece 0 --key k.key.pem";
    let path = object(&store, "out/b.plan/work.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() / 2]).unwrap();
    run(&desk, &keys, args)
        .ends(4)
        .says(&["error[work-plan-malformed]: s3://bucket/out/b.plan: ", "work.json: EOF"]);
    fs::remove_file(&path).unwrap();
    run(&desk, &keys, args).ends(1).says(&["s3://bucket/out/b.plan/work.json: there is no such object"]);
    // What is in the way of a chunk stays.
    fs::write(&path, &text).unwrap();
    fs::write(object(&store, "out/b_00002.tar"), "mine").unwrap();
    for number in 0..3 {
        let args = format!("pack-piece --plan s3://bucket/out/b.plan --piece {number} --key k.key.pem");
        let run = run(&desk, &keys, &args);
        assert!(run.code == Some(0) || run.says(&["error[target-exists]"]).code == Some(1));
    }
    assert_eq!(fs::read(object(&store, "out/b_00002.tar")).unwrap(), b"mine");
}

#[test]
fn the_far_side_works_from_a_bucket() {
    let (Some(store), Some(registry)) = (Emulator::s3s(), Debian::plain()) else { return };
    let keys = variables(&store);
    let desk = arrived();
    fs::create_dir_all(object(&store, "in")).unwrap();
    for (name, bytes) in desk.files("in") {
        fs::write(object(&store, &format!("in/{name}")), bytes).unwrap();
    }
    let trust = "s3://bucket/in --pub k.pub.pem --pieces 2";
    let to = format!("--to docker://{}/mirror", registry.name());
    for piece in 0..2 {
        run(&desk, &keys, &format!("verify-piece {trust} --piece {piece} --results s3://bucket/results"))
            .ok();
        run(&desk, &keys, &format!("import-piece {trust} {to} --piece {piece}")).ok();
    }
    let joined =
        run(&desk, &keys, &format!("verify {trust} --results s3://bucket/results --json")).ok().json();
    let whole = run(&desk, &keys, "verify s3://bucket/in --pub k.pub.pem --json").ok().json();
    assert_eq!(whole, joined);
    // The content of a chunk changes in the store, and its time with it.
    let path = object(&store, "in/b_00003.tar");
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() - 3000;
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    let later = fs::metadata(&path).unwrap().modified().unwrap() + std::time::Duration::from_secs(5);
    fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    let run_again = run(&desk, &keys, &format!("verify {trust} --results s3://bucket/results")).ends(4);
    run_again.says(&["error[pieces-missing]"]);
    run(&desk, &keys, &format!("import {trust} {to} --finish")).ok();
    super::far_side::assert_imported(&desk, &registry);
}
