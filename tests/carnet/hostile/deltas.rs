//! Deltas that lie about what they leave out.

use std::fs;

use super::documents::pack;
use super::support::forge::Forged;
use super::support::layout::{INDEX_TYPE, Item, SourceLayout, index_text};
use super::support::run::{Expect, deliver};
use super::support::{folder, named};

const BASE: &str = "base 1111111111111111111111111111111111111111111111111111111111111111 old low 3\n";
const BASE_ID: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const OTHER_ID: &str = "2222222222222222222222222222222222222222222222222222222222222222";

fn digest(byte: char) -> String {
    format!("sha256:{}", byte.to_string().repeat(64))
}

fn elsewhere(digest: &str, class: &str, base: &str) -> String {
    format!("elsewhere {digest} 7 {class} application/octet-stream {base} -\n")
}

/// Puts these lines before the blobs of the plan, and seals everything else to match it.
fn refused(what: &str, lines: &str) {
    let mut forged = Forged::new();
    let text = String::from_utf8(forged.plan.clone()).expect("ASCII");
    let (head, blobs) = text.split_at(text.find("blob ").expect("blobs"));
    forged.plan = format!("{head}{lines}{blobs}").into_bytes();
    deliver(what, &named(&forged.seal()), Expect::Incomplete);
}

#[test]
fn lines_of_deltas_that_contradict_each_other_are_refused() {
    let line = elsewhere(&digest('a'), "distributable", BASE_ID);
    refused("a base of nothing", BASE);
    refused("elsewhere without a base", &line);
    refused("another base", &format!("{BASE}{}", elsewhere(&digest('a'), "distributable", OTHER_ID)));
    refused("the base twice", &format!("{BASE}{BASE}{line}"));
    refused("elsewhere twice", &format!("{BASE}{line}{line}"));
    refused("elsewhere before its base", &format!("{line}{BASE}"));
    refused("another order", &format!("{BASE}{}{line}", elsewhere(&digest('b'), "distributable", BASE_ID)));
    refused("metadata elsewhere", &format!("{BASE}{}", elsewhere(&digest('a'), "metadata", BASE_ID)));
    refused("a number without a stream", &format!("{}{line}", BASE.replace(" low 3", " - 3")));
    refused("a path for a name", &format!("{}{line}", BASE.replace(" old ", " ../old ")));
    refused("an escape", &format!("{}{line}", BASE.replace(" old ", " o\u{1b}ld ")));
    refused("a negative size", &format!("{BASE}{}", line.replace(" 7 ", " -7 ")));
    refused("a short line", &format!("{BASE}{}", line.replace(" -\n", "\n")));
    let carried = Forged::new().read_plan().blobs[0].digest.to_string();
    refused("carried and elsewhere", &format!("{BASE}{}", elsewhere(&carried, "distributable", BASE_ID)));
    let huge = line.replace(" 7 ", " 9223372036854775807 ");
    let two = format!("{BASE}{huge}{}", huge.replace(&digest('a'), &digest('b')));
    // Sizes that nobody needs are not added up into an overflow.
    lines_unpack("huge sizes", &two);
}

/// A bundle that verifies, but cannot be unpacked where its base is missing.
fn lines_unpack(what: &str, lines: &str) {
    let mut forged = Forged::new();
    let text = String::from_utf8(forged.plan.clone()).expect("ASCII");
    let (head, blobs) = text.split_at(text.find("blob ").expect("blobs"));
    forged.plan = format!("{head}{lines}{blobs}").into_bytes();
    let (_, unpacked) = deliver(what, &named(&forged.seal()), Expect::WithoutBase);
    assert_eq!(unpacked.error_code(), "base-missing", "{what}: {unpacked}");
}

/// Takes a blob of 3,000 bytes out of the bundle, and says that it is elsewhere with that size.
fn layer_left_out(size: u64) -> Vec<Vec<u8>> {
    let mut forged = Forged::new();
    let text = String::from_utf8(forged.plan.clone()).expect("ASCII");
    let is_layer = |line: &str| line.starts_with("blob ") && line.contains(" 3000 distributable ");
    let line = text.lines().find(|line| is_layer(line)).expect("a layer");
    let words: Vec<&str> = line.split(' ').collect();
    let left_out = format!("elsewhere {} {size} distributable {} {BASE_ID} -\n", words[1], words[4]);
    let text = text.replacen(&format!("{line}\n"), "", 1);
    let (head, blobs) = text.split_at(text.find("blob ").expect("blobs"));
    forged.plan = format!("{head}{BASE}{left_out}{blobs}").into_bytes();
    for parts in &mut forged.chunks {
        parts.entries.retain(|(_, payload)| payload.len() != 3000);
        parts.rebuild();
    }
    forged.seal()
}

#[test]
fn a_layer_elsewhere_must_have_the_size_that_its_manifest_says() {
    let (_, unpacked) = deliver("a layer elsewhere", &named(&layer_left_out(3000)), Expect::WithoutBase);
    assert_eq!(unpacked.error_code(), "base-missing", "{unpacked}");
    deliver("a layer elsewhere of another size", &named(&layer_left_out(2999)), Expect::Unsound);
}

#[test]
fn a_document_elsewhere_is_refused() {
    let station = folder();
    let source = SourceLayout::new(station.path().join("images"));
    let (config, layer) = source.plain_image(5);
    let image = source.image(&config, &[layer]);
    let index = source.typed(INDEX_TYPE, index_text(std::slice::from_ref(&image)).as_bytes());
    source.index(&[index.named("app:1.0")]);
    let out = station.path().join("out");
    assert_eq!(pack(&source.spec(), &out).code, 0);
    let chunks: Vec<Vec<u8>> = {
        let mut files: Vec<_> =
            fs::read_dir(&out).expect("packed").map(|file| file.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| fs::read(file).expect("a chunk")).collect()
    };
    let mut forged = Forged::of(&chunks);
    let text = String::from_utf8(forged.plan.clone()).expect("ASCII");
    let Item { digest, size, media_type, .. } = image;
    let line = text.lines().find(|line| line.starts_with(&format!("blob {digest} "))).expect("the manifest");
    let left_out = format!("elsewhere {digest} {size} distributable {media_type} {BASE_ID} -\n");
    let text = text.replacen(&format!("{line}\n"), "", 1);
    let (head, blobs) = text.split_at(text.find("blob ").expect("blobs"));
    forged.plan = format!("{head}{BASE}{left_out}{blobs}").into_bytes();
    let bytes: usize = size.parse().expect("a size");
    for parts in &mut forged.chunks {
        parts.entries.retain(|(_, payload)| payload.len() != bytes);
        parts.rebuild();
    }
    let (verified, _) = deliver("a manifest elsewhere", &named(&forged.seal()), Expect::Unsound);
    assert!(verified.stdout.contains("document-elsewhere"), "{verified}");
}
