//! The same input, key and time give the same bytes.

use std::process::Command;

use super::layouts::{LAYER, on, plain};
use super::support::{Desk, Run, Source, noise};

/// Images that share layers, an index, referrers, a non-distributable layer, and blobs of equal size.
fn fill(source: &mut Source, reversed: bool) {
    let images: Vec<_> = (0..4).map(|seed| source.image(seed, &[300_000, 5000, 5000, 0])).collect();
    let foreign = source.blob("application/vnd.oci.image.layer.nondistributable.v1.tar", &noise(77, 99_999));
    let config = source.blob(super::layouts::CONFIG, b"{}");
    let windows = source.manifest(&config, &[foreign, source.blob(LAYER, &noise(1, 5000))]);
    let index = source.index(&[on("linux/amd64", &images[0]), on("windows/amd64", &windows)]);
    let sbom = source.referrer(&index, "application/spdx+json", "sbom");
    for (at, image) in images.iter().enumerate() {
        source.tag(&plain(image), &format!("app:{at}"));
    }
    source.tag(&index, "all:1");
    source.list(&sbom);
    if reversed {
        source.reverse();
    }
}

fn pack(desk: &Desk, args: &str) -> Run {
    let mut command = desk.command(&format!("pack {args} --name b --key k.key.pem --chunk-size 64KiB"));
    Run::of(command.env("SOURCE_DATE_EPOCH", "1700000000"))
}

#[test]
fn threads_and_input_order_do_not_change_the_bytes() {
    let desk = Desk::new();
    fill(&mut desk.source("src"), false);
    fill(&mut desk.source("reversed"), true);
    pack(&desk, "oci:src --to out1 --jobs 1").ok();
    pack(&desk, "oci:src --to out2 --jobs 2").ok();
    pack(&desk, "oci:src --to out7 --jobs 7").ok();
    pack(&desk, "oci:reversed --to out_reversed").ok();
    let one_by_one =
        "oci:src:app:3 oci:reversed:all:1 oci:src:app:1 oci:src:app:0 oci:src:app:2 oci:src:app:1";
    pack(&desk, &format!("{one_by_one} --to out_single")).ok();
    let first = desk.files("out1");
    assert!(first.len() > 10);
    for other in ["out2", "out7", "out_reversed", "out_single"] {
        let found = desk.files(other);
        assert!(found.keys().eq(first.keys()), "{other}");
        for (name, bytes) in &first {
            assert!(*bytes == found[name], "{other}/{name} differs");
        }
    }
}

#[test]
fn an_archive_packs_to_the_same_bytes_as_its_layout() {
    let desk = Desk::new();
    fill(&mut desk.source("src"), false);
    Run::of(Command::new("tar").args(["-C", "src", "-cf", "src.tar", "."]).current_dir(desk.path(""))).ok();
    pack(&desk, "oci:src --to out1").ok();
    pack(&desk, "oci-archive:src.tar --to out2").ok();
    assert!(desk.files("out1") == desk.files("out2"));
}

#[test]
fn another_time_or_key_changes_the_chunks_but_not_the_plan() {
    let desk = Desk::new();
    fill(&mut desk.source("src"), false);
    desk.carnet("keygen other").ok();
    let id = |folder: &str| {
        desk.carnet(&format!("inspect {folder} --json")).ok().json()["bundles"][0]["bundle"].clone()
    };
    pack(&desk, "oci:src --to out1").ok();
    desk.carnet("pack oci:src --to out2 --name b --key other.key.pem --chunk-size 64KiB").ok();
    assert_eq!(id("out1"), id("out2"));
    assert!(desk.files("out1") != desk.files("out2"));
}

#[test]
fn an_invalid_time_is_a_usage_error() {
    let desk = Desk::new();
    fill(&mut desk.source("src"), false);
    let mut command = desk.command("pack oci:src --to out --name b --key k.key.pem");
    Run::of(command.env("SOURCE_DATE_EPOCH", "yesterday")).ends(2).says(&["SOURCE_DATE_EPOCH", "yesterday"]);
}
