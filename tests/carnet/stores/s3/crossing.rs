//! The program carries images through buckets of real stores.

use std::process::Command;

use super::real::create_bucket;
use crate::behaviour::support::{CARNET, Desk, Run, assert_same_layout};
use crate::stores::servers::Emulator;

/// Packs into `s3://bucket/in`, adds a signature, and unpacks, with this many transfers at a time.
fn cross(store: &Emulator, connections: u32) {
    let desk = Desk::new();
    let mut source = desk.source("src");
    // Chunks of one request, and chunks in parts.
    for (seed, layers) in [(1, vec![12_000_000, 3_000_000, 1, 512]), (2, vec![9_000_000, 40_000, 0, 5000])] {
        let image = source.image(seed, &layers);
        source.tag(&image, &format!("app:{seed}"));
    }
    let carnet = |args: &str| {
        // A deadlock fails the test.
        let mut command = Command::new("timeout");
        command.args(["100", CARNET]).args(args.split_whitespace());
        command.args(["--connections", &connections.to_string()]).current_dir(desk.path(""));
        for name in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL_S3", "HTTP_PROXY"] {
            command.env_remove(name);
        }
        command.env("AWS_ENDPOINT_URL", store.url()).env("AWS_ACCESS_KEY_ID", "id");
        command.env("SOURCE_DATE_EPOCH", "1700000000");
        Run::of(command.env("AWS_SECRET_ACCESS_KEY", "secret").env("HOME", desk.path("")))
    };
    let pack = "pack oci:src --to s3://bucket/in --name b --key k.key.pem --chunk-size 8MiB";
    let packed = carnet(pack).ok();
    assert!(!packed.stderr.contains("secret"), "{}", packed.stderr);
    carnet(pack).ok();
    // What a guard will count in the store is what it will count on disk, in the same bytes: a signature of another time can
    // look like another type.
    std::fs::write(desk.path("guard.toml"), "version = 1\nmax-file-bytes = 7000000\n").unwrap();
    carnet("pack oci:src --to out --name b --key k.key.pem --chunk-size 8MiB").ok();
    let counted = carnet("guard s3://bucket/in --profile guard.toml --json").ends(5).json();
    assert_eq!(counted, desk.carnet("guard out --profile guard.toml --json").ends(5).json());
    assert!(counted["files"].as_array().unwrap().len() > 2, "{counted}");
    // The far side has the control chunk only, and asks for the others.
    desk.sh("mkdir far && cp out/b_00000.tar far").ok();
    carnet("missing far --pub k.pub.pem --request request.txt").ends(4);
    carnet("resend request.txt --from out --to s3://bucket/again --pub k.pub.pem")
        .ok()
        .says(&["s3://bucket/again"]);
    carnet("resend request.txt --from out --to s3://bucket/again --pub k.pub.pem").ok().says(&["was there"]);
    carnet("verify far s3://bucket/again --pub k.pub.pem").ok().says(&["COMPLETE"]);
    desk.carnet("keygen second").ok();
    carnet("sign s3://bucket/in --key second.key.pem").ok();
    carnet("verify s3://bucket/in --pub k.pub.pem").ok();
    carnet("verify s3://bucket/in --pub second.pub.pem").ends(3).says(&["released by second.pub.pem"]);
    carnet("inspect s3://bucket/in --pub k.pub.pem").ok().says(&["app:1", "app:2"]);
    carnet("unpack s3://bucket/in --pub k.pub.pem --to oci:back").ok();
    assert_same_layout(&desk.path("src"), &desk.path("back"));
}

#[test]
fn through_a_store_that_checks_signatures() {
    if let Some(store) = Emulator::s3s() {
        cross(&store, 6);
    }
}

#[test]
fn through_a_store_that_knows_conditions_with_one_transfer_at_a_time() {
    if let Some(store) = Emulator::moto() {
        create_bucket(&store);
        cross(&store, 1);
    }
}
