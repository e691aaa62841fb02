//! A small input must not need much memory. Each run here gets 400 MB of address space.

use carnet::format::Sum;
use carnet::format::entry::{Document, EntryName};
use carnet::oci::Digest;

use super::support::forge::{Forged, replace};
use super::support::run::{Expect, KIB_MAX, carnet_within, deliver};
use super::support::{folder, named};

/// The bundle with another text as its plan.
fn with_plan(text: String) -> Vec<Vec<u8>> {
    let mut forged = Forged::new();
    forged.plan = text.into_bytes();
    forged.seal()
}

/// The lines before the artifacts, for a plan with this last chunk.
fn plan_head(last: usize) -> String {
    let forged = Forged::new();
    let text = String::from_utf8(forged.plan).expect("ASCII");
    let head = &text[..text.find("artifact ").expect("an artifact")];
    head.replacen("chunks 3", &format!("chunks {last}"), 1).replacen(
        "chunk-bytes 65536",
        "chunk-bytes 8589934591",
        1,
    )
}

fn blob(index: usize, size: u64, class: &str, places: &str) -> String {
    let digest = Digest::sha256(&index.to_be_bytes());
    format!("blob {digest} {size} {class} application/x {places}\n")
}

/// Blobs in the order that a plan requires.
fn sorted(mut lines: Vec<String>) -> String {
    lines.sort();
    lines.concat()
}

#[test]
fn sizes_do_not_overflow() {
    let max = i64::MAX as u64;
    for (what, class, size, count, chunk) in [
        ("two blobs of 2^63-1 in one chunk", "distributable", max, 2, 1),
        ("three blobs of 2^63-1 in one chunk", "distributable", max, 3, 1),
        ("three blobs of 2^63-1 in the control chunk", "metadata", max, 3, 0),
        ("many blobs of 2^62 in the control chunk", "metadata", 1 << 62, 9, 0),
    ] {
        let blobs = (0..count).map(|index| blob(index, size, class, &chunk.to_string())).collect();
        let text = plan_head(chunk) + &sorted(blobs);
        deliver(what, &named(&with_plan(text)[..1]), Expect::Incomplete);
    }
}

#[test]
fn huge_invalid_documents_are_refused_within_memory() {
    for (what, bytes) in [
        ("a plan of 20 MB of one line", vec![b'x'; 20_000_000]),
        ("a plan of 20 MB of lines", b"blob \n".repeat(3_000_000)),
        ("a plan of NULs", vec![0; 20_000_000]),
    ] {
        let mut forged = Forged::new();
        forged.plan = bytes;
        deliver(what, &named(&forged.seal()), Expect::Incomplete);
    }
    for (document, what) in [(Document::Chunks, "chunks"), (Document::Index, "index")] {
        let mut forged = Forged::new();
        let big = vec![b'['; 30_000_000];
        replace(&mut forged.chunks[0], EntryName::Document(document), &big);
        let mut chunks = forged.seal();
        chunks[0] = forged.chunks[0].seal();
        deliver(&format!("{what} of 30 MB"), &named(&chunks), Expect::Incomplete);
    }
}

#[test]
fn an_announced_size_allocates_nothing() {
    // A control chunk of kilobytes announces blobs of petabytes.
    let text =
        plan_head(1) + &sorted((0..3).map(|index| blob(index, 1 << 50, "distributable", "1")).collect());
    deliver("petabytes", &named(&with_plan(text)[..1]), Expect::Incomplete);
}

#[test]
fn the_number_of_blobs_is_bounded() {
    let blobs: Vec<String> = (0..262_145).map(|index| blob(index, 0, "metadata", "0")).collect();
    let text = plan_head(0) + &sorted(blobs);
    deliver("one blob too many", &named(&with_plan(text)[..1]), Expect::Incomplete);
}

/// `blobs` blobs, each cut into one byte for each of `chunks` chunks.
fn slices(blobs: usize, chunks: usize) -> String {
    let places: Vec<String> = (1..=chunks).map(|chunk| format!("{chunk}:1")).collect();
    let places = places.join(",");
    let lines = (0..blobs).map(|index| blob(index, chunks as u64, "distributable", &places)).collect();
    plan_head(chunks) + &sorted(lines)
}

#[test]
fn the_number_of_slices_is_bounded() {
    let text = slices(5, 99_999);
    assert!(text.len() < 5 << 20, "{}", text.len());
    deliver("half a million slices", &named(&with_plan(text)[..1]), Expect::Incomplete);
}

#[test]
fn the_largest_plan_fits_in_memory() {
    let text = slices(80, 99_999);
    let mut forged = Forged::new();
    forged.plan = text.into_bytes();
    // The table and the index match the plan, so that all of it is read.
    let chunks = forged.seal();
    let station = folder();
    let file = station.path().join("control.tar");
    std::fs::write(&file, &chunks[0]).expect("written");
    let ran = carnet_within(KIB_MAX, ["inspect".as_ref(), file.as_os_str(), "--json".as_ref()]);
    assert_eq!(ran.code, 4, "{ran}");
    assert_eq!(Sum::of(&forged.plan).to_string().len(), 64);
}
