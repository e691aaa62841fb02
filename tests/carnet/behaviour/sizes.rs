//! No file exceeds the limit, and a dry run predicts the size of each.

use serde_json::Value;

use super::layouts::{CONFIG, LAYER, digest_of};
use super::support::{Desk, noise};

/// One layer far larger than a small chunk, and many small ones with sizes around a tar block.
fn big_and_small(desk: &Desk) -> Value {
    let mut source = desk.source("src");
    let config = source.blob(CONFIG, b"{}");
    let big = source.blob(LAYER, &noise(1, 3 << 20));
    let small = |at: u64| source.blob(LAYER, &noise(1000 + at, usize::try_from(at * 7).unwrap()));
    let mut layers: Vec<Value> = (0..200).map(small).collect();
    layers.insert(0, big.clone());
    let image = source.manifest(&config, &layers);
    source.tag(&image, "team/app:1.0");
    big
}

fn chunks(report: &Value) -> Vec<(String, u64)> {
    let chunk =
        |chunk: &Value| (chunk["file"].as_str().unwrap().to_owned(), chunk["bytes"].as_u64().unwrap());
    report["chunks"].as_array().unwrap().iter().map(chunk).collect()
}

#[test]
fn no_file_exceeds_the_limit_and_a_dry_run_predicts_every_size() {
    for (size, bytes) in [("64KiB", 65_536), ("100000", 100_000), ("1MiB", 1 << 20), ("100m", 100_000_000)] {
        let desk = Desk::new();
        big_and_small(&desk);
        let planned = desk.pack(&format!("oci:src --chunk-size {size} --dry-run --json")).ok().json();
        assert!(!desk.path("out").exists(), "a dry run writes nothing");
        assert_eq!(planned["outcome"], "planned");
        desk.round_trip("src", &format!("--chunk-size {size}"));
        let found: Vec<(String, u64)> =
            desk.files("out").into_iter().map(|(name, bytes)| (name, bytes.len() as u64)).collect();
        assert!(found.iter().all(|(_, found)| *found <= bytes), "{size}: {found:?}");
        assert_eq!(chunks(&planned), found, "{size}");
        let ill_filled = found.iter().filter(|(_, found)| *found < bytes / 10 * 8).count();
        assert!(ill_filled <= 4, "room is kept for signatures, no more: {found:?}");
    }
}

#[test]
fn a_control_chunk_that_is_too_small_for_its_documents_gets_an_annex() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let config = source.blob(CONFIG, b"{}");
    // About 500 chunks and 900 blobs: neither chunks.txt nor plan.txt fits in 64 KiB.
    let mut layers: Vec<Value> = (0..900).map(|at| source.blob(LAYER, &noise(at, 400))).collect();
    layers.push(source.blob(LAYER, &noise(5000, 30 << 20)));
    let image = source.manifest(&config, &layers);
    source.tag(&image, "1.0");
    let planned = desk.pack("oci:src --chunk-size 64KiB --dry-run --json").ok().json();
    desk.round_trip("src", "--chunk-size 64KiB");
    let files = desk.files("out");
    assert!(files.len() > 450);
    assert!(files.values().all(|bytes| bytes.len() <= 65_536));
    let found: Vec<(String, u64)> = files.iter().map(|(name, b)| (name.clone(), b.len() as u64)).collect();
    assert_eq!(chunks(&planned), found);
    desk.sh("tar -tf out/b_00000.tar").ok().says(&["annex.txt"]);
    // The annex is as necessary as the control chunk: without it the bundle cannot be read, and it is reported missing.
    let last = files.keys().next_back().unwrap();
    desk.sh(&format!("tar -tf out/{last}")).ok().says(&["annex/"]);
    std::fs::remove_file(desk.path("out").join(last)).unwrap();
    let run = desk.carnet("missing out").ends(4);
    assert_eq!(run.stdout.lines().count(), 1);
    let number = files.len() - 1;
    assert!(run.stdout.trim_end().ends_with(&format!("1 of {}: {number}", files.len())), "{}", run.stdout);
    desk.carnet("unpack out --pub k.pub.pem --to oci:again").ends(4);
}

#[test]
fn without_splitting_blobs_that_are_too_large_are_listed() {
    let desk = Desk::new();
    let big = big_and_small(&desk);
    let run = desk.pack("oci:src --chunk-size 1MiB --no-split").ends(1);
    run.says(&[digest_of(&big), "3145728 bytes", "--chunk-size"]);
    assert!(!desk.path("out").exists() || desk.files("out").is_empty());
    desk.pack("oci:src --chunk-size 4MiB --no-split").ok();
    let bundle = desk.inspected("out");
    assert!(bundle["blobs"].as_array().unwrap().iter().all(|b| b["chunks"].as_array().unwrap().len() == 1));
}

#[test]
fn a_blob_that_just_fits_a_chunk_is_not_split() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let config = source.blob(CONFIG, b"{}");
    let layers: Vec<Value> = (0..40)
        .map(|at| source.blob(LAYER, &noise(at, 65_536 - 512 * usize::try_from(at).unwrap())))
        .collect();
    let image = source.manifest(&config, &layers);
    source.tag(&image, "1.0");
    desk.round_trip("src", "--chunk-size 64KiB");
    assert!(desk.files("out").values().all(|bytes| bytes.len() <= 65_536));
    let bundle = desk.inspected("out");
    for blob in bundle["blobs"].as_array().unwrap() {
        let whole = blob["chunks"].as_array().unwrap().len() == 1;
        let size = blob["size"].as_u64().unwrap();
        let refused = desk.pack("oci:src --chunk-size 64KiB --no-split --dry-run");
        assert_eq!(refused.stderr.contains(digest_of(blob)), !whole, "{size} bytes");
    }
}

#[test]
fn a_small_bundle_is_a_single_file() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[100_000, 20]);
    source.tag(&image, "1.0");
    desk.round_trip("src", "");
    assert_eq!(desk.files("out").keys().collect::<Vec<_>>(), ["b_00000.tar"]);
}

#[test]
fn invalid_sizes_are_refused() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[10]);
    source.tag(&image, "1.0");
    for size in ["0", "63KiB", "9GiB", "-5", "lots", "1e9"] {
        desk.pack(&format!("oci:src --chunk-size={size}")).ends(2).says(&["--chunk-size"]);
    }
}
