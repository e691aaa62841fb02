//! Sources with missing or damaged blobs.

use serde_json::Value;

use super::layouts::{CONFIG, LAYER, digest_of};
use super::support::{Desk, Run, Source, entries, noise};

/// A layout with `good:1` and `bad:1`. Returns a blob that only `bad:1` has.
fn two(source: &mut Source) -> Value {
    let good = source.image(1, &[200_000]);
    source.tag(&good, "good:1");
    let config = source.blob(CONFIG, b"{}");
    let victim = source.blob(LAYER, &noise(50, 150_000));
    let bad = source.manifest(&config, &[source.blob(LAYER, &noise(51, 5000)), victim.clone()]);
    source.tag(&bad, "bad:1");
    victim
}

fn damage(source: &Source, victim: &Value, how: &str) {
    let path = source.blob_path(victim);
    match how {
        "missing" => std::fs::remove_file(path).unwrap(),
        "short" => std::fs::write(path, &noise(50, 150_000)[1..]).unwrap(),
        "long" => std::fs::write(path, noise(50, 150_001)).unwrap(),
        "flipped" => {
            let mut bytes = noise(50, 150_000);
            bytes[149_999] ^= 1;
            std::fs::write(path, bytes).unwrap();
        }
        "folder" => {
            std::fs::remove_file(&path).unwrap();
            std::fs::create_dir(path).unwrap();
        }
        "fifo" => {
            std::fs::remove_file(&path).unwrap();
            Run::of(std::process::Command::new("mkfifo").arg(path)).ok();
        }
        _ => {
            std::fs::rename(&path, source.path().join("elsewhere")).unwrap();
            std::os::unix::fs::symlink("../../elsewhere", path).unwrap();
        }
    }
}

const DAMAGES: [&str; 7] = ["missing", "short", "long", "flipped", "folder", "fifo", "link"];

#[test]
fn an_unreadable_artifact_stops_packing_and_leaves_no_partial_file() {
    for how in DAMAGES {
        for size in ["2g", "64KiB"] {
            let desk = Desk::new();
            let mut source = desk.source("src");
            let victim = two(&mut source);
            damage(&source, &victim, how);
            let run = desk.pack(&format!("oci:src --chunk-size {size}"));
            assert!(matches!(run.code, Some(1 | 4)), "{how}: {run:?}");
            let hex = digest_of(&victim).split_once(':').unwrap().1;
            assert!(run.stderr.contains(hex), "{how}: {}", run.stderr);
            assert!(!desk.path("out/b_00000.tar").exists(), "{how}");
            assert!(!desk.path("out/.b.partial").exists(), "{how}");
            if desk.path("out/b_00001.tar").exists() {
                let report = desk.carnet("verify out --pub k.pub.pem --json").ends(4).json();
                let files = report["bundles"][0]["files"].as_array().unwrap();
                assert!(files.iter().all(|file| file["verdict"] == "accepted"), "{how}: {files:?}");
            }
            // Once the blob is repaired, the same command succeeds.
            let path = source.blob_path(&victim);
            let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir(&path));
            std::fs::write(path, noise(50, 150_000)).unwrap();
            desk.pack(&format!("oci:src --chunk-size {size}")).ok();
            desk.carnet("verify out --pub k.pub.pem").ok();
        }
    }
}

#[test]
fn damaged_and_missing_blobs_have_different_errors() {
    for (how, word) in [("missing", "not in the source"), ("short", "149999"), ("flipped", "found sha256:")] {
        let desk = Desk::new();
        let mut source = desk.source("src");
        let victim = two(&mut source);
        damage(&source, &victim, how);
        desk.pack("oci:src").ends(4).says(&[word, "hint:"]);
    }
}

#[test]
fn continue_on_errors_packs_the_rest_and_names_the_failure() {
    for how in DAMAGES {
        let desk = Desk::new();
        let mut source = desk.source("src");
        let victim = two(&mut source);
        damage(&source, &victim, how);
        let run = desk.pack("oci:src --chunk-size 64KiB --continue-on-errors --json").ends(4);
        let report = run.json();
        let failures = report["failures"].as_array().unwrap();
        assert_eq!(failures.len(), 1, "{how}");
        assert!(failures[0]["artifact"].as_str().unwrap().contains("bad:1"), "{how}");
        desk.carnet("verify out --pub k.pub.pem").ok();
        desk.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
        let names: Vec<_> = entries(&desk.path("back")).into_iter().map(|(name, ..)| name.unwrap()).collect();
        assert_eq!(names, ["good:1"], "{how}");
    }
}

fn continues_again(how: &str) {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let victim = two(&mut source);
    damage(&source, &victim, how);
    let args = "oci:src --chunk-size 64KiB --continue-on-errors";
    desk.pack(args).ends(4).says(&["failed:", "bad:1"]);
    let before = desk.files("out");
    desk.pack(args).ends(4).says(&["bad:1", "nothing changed"]);
    assert!(desk.files("out") == before, "{how}");
}

#[test]
fn continue_on_errors_again_changes_nothing() {
    continues_again("missing");
    continues_again("short");
}

#[test]
fn continue_on_errors_again_after_a_damaged_blob_changes_nothing() {
    continues_again("flipped");
}

#[test]
fn a_missing_source_is_one_failure_among_others() {
    let desk = Desk::new();
    two(&mut desk.source("src"));
    desk.pack("oci:src oci:nowhere").ends(1).says(&["nowhere"]);
    assert!(!desk.path("out").exists());
    desk.pack("oci:src oci:nowhere oci:src:wrong:1 --continue-on-errors")
        .ends(4)
        .says(&["oci:nowhere", "wrong:1"]);
    desk.carnet("verify out --pub k.pub.pem").ok();
}

#[test]
fn if_every_artifact_fails_there_is_nothing_to_pack() {
    let desk = Desk::new();
    desk.pack("oci:nowhere --continue-on-errors").ends(1).says(&["nowhere"]);
    desk.source("empty");
    desk.pack("oci:empty").ends(1).says(&["nothing to pack"]);
    assert!(!desk.path("out").exists());
}

#[test]
fn continue_on_errors_names_a_lost_referrer() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[100]);
    source.tag(&image, "app:1");
    let sbom = source.referrer(&image, "application/spdx+json", "sbom");
    source.list(&sbom);
    let signature = source.referrer(&sbom, "application/x-signature", "of the sbom");
    source.list(&signature);
    std::fs::remove_file(source.blob_path(&signature)).unwrap();
    // Its subject is unknown now, too, so the SBOM is an artifact of its own.
    desk.pack("oci:src").ends(4).says(&[digest_of(&signature)]);
    desk.pack("oci:src --continue-on-errors").ends(4).says(&[digest_of(&signature)]);
    desk.carnet("verify out --pub k.pub.pem").ok();
}
