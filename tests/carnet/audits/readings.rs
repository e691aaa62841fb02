//! Layers that two readers read differently. Each way has a finding of its own, and none is silent.

use std::collections::BTreeSet;
use std::io::Write as _;

use carnet::oci::Digest;
use serde_json::{Value, json};

use super::contents::tar_of;
use crate::behaviour::layouts::{CONFIG, LAYER, Source, digest_of, with};
use crate::behaviour::support::Desk;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// A frame that decoders skip.
fn skippable(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_le_bytes();
    [&0x184d_2a50_u32.to_le_bytes()[..], &length, content].concat()
}

/// An archive whose PAX header says that the file is longer than its own header does: for a reader that does not know PAX, the content
/// is another entry.
fn two_sizes() -> Vec<u8> {
    let inner = &tar_of(&[("inner", 0o644, b"")])[..512];
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("size", &b"512"[..])]).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_path("outer").unwrap();
    header.set_mode(0o644);
    header.set_size(0);
    header.set_cksum();
    let start = builder.into_inner().unwrap();
    // The end marker of an archive is no part of this one.
    let start = &start[..start.len() - 1024];
    [start, header.as_bytes(), inner, &[0; 1024]].concat()
}

/// A layer as zstd:chunked, with a table of its files.
fn chunked(tar: &[u8], table: &Value) -> Vec<u8> {
    let content = zstd(tar);
    let table = zstd(table.to_string().as_bytes());
    let at = content.len() as u64 + 8;
    let sizes = [at, table.len() as u64, 0, 1];
    let footer = [sizes.map(u64::to_le_bytes).concat(), b"GnUlInUx".to_vec()].concat();
    [content, skippable(&table), skippable(&footer)].concat()
}

/// A table with one file, of this size.
fn table(size: u64) -> Value {
    let digest = Digest::sha256(b"hello").to_string();
    json!({ "version": 1, "entries": [
        { "type": "reg", "name": "etc/motd", "mode": 0o644, "size": size, "digest": digest } ] })
}

/// An image of this layer. `end` is the end of its media type.
fn image(source: &mut Source, end: &str, layer: &[u8], diff_id: &str, annotations: &Value) -> Value {
    let config = json!({ "architecture": "amd64", "os": "linux", "config": { "User": "app" },
        "rootfs": { "type": "layers", "diff_ids": [diff_id] } });
    let config = source.blob(CONFIG, config.to_string().as_bytes());
    let layer = source.blob(&format!("{LAYER}{end}"), layer);
    let manifest = source.manifest(&config, &[with(layer, &json!({ "annotations": annotations }))]);
    source.tag(&manifest, "app:1");
    manifest
}

fn rules(report: &Value) -> BTreeSet<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

/// What a layer is; the end of its media type; the blob; what it expands to; whether it announces a table of contents; and the rules that
/// name what is wrong.
type Case = (&'static str, &'static str, Vec<u8>, Vec<u8>, bool, &'static [&'static str]);

fn cases() -> Vec<Case> {
    let tar = tar_of(&[("etc/motd", 0o644, b"hello")]);
    let other = tar_of(&[("etc/evil", 0o644, b"evil")]);
    let twice = tar_of(&[("etc/motd", 0o644, b"good"), ("etc/motd", 0o644, b"hello")]);
    let both = [tar.clone(), other.clone()].concat();
    let flipped = {
        let mut bytes = gzip(&tar);
        let crc = bytes.len() - 8;
        bytes[crc] ^= 1;
        bytes
    };
    vec![
        ("honest, plain", "", tar.clone(), tar.clone(), false, &[]),
        ("honest, gzip", "+gzip", gzip(&tar), tar.clone(), false, &[]),
        ("honest, zstd", "+zstd", zstd(&tar), tar.clone(), false, &[]),
        ("another diffID", "+gzip", gzip(&tar), other.clone(), false, &["diff-id-mismatch"]),
        ("a second archive", "", both.clone(), both.clone(), false, &["data-after-end"]),
        (
            "a second archive in the same member",
            "+gzip",
            gzip(&both),
            both.clone(),
            false,
            &["data-after-end"],
        ),
        (
            "a second archive in a second member",
            "+gzip",
            [gzip(&tar), gzip(&other)].concat(),
            both.clone(),
            false,
            &["data-after-end"],
        ),
        (
            "a second archive in a second frame",
            "+zstd",
            [zstd(&tar), zstd(&other)].concat(),
            both,
            false,
            &["data-after-end"],
        ),
        (
            "junk behind gzip",
            "+gzip",
            [gzip(&tar), b"junk".to_vec()].concat(),
            tar.clone(),
            false,
            &["trailing-data"],
        ),
        (
            "zeros behind gzip",
            "+gzip",
            [gzip(&tar), vec![0; 100]].concat(),
            tar.clone(),
            false,
            &["trailing-data"],
        ),
        (
            "junk behind zstd",
            "+zstd",
            [zstd(&tar), b"junk".to_vec()].concat(),
            tar.clone(),
            false,
            &["trailing-data"],
        ),
        (
            "a frame that decoders skip",
            "+zstd",
            [zstd(&tar), skippable(b"hidden")].concat(),
            tar.clone(),
            false,
            &["skippable-frame"],
        ),
        ("two sizes", "", two_sizes(), two_sizes(), false, &["nested-archive", "pax-contradiction"]),
        ("gzip that is plain", "+gzip", tar.clone(), tar.clone(), false, &["media-type-lies"]),
        ("zstd that is gzip", "+zstd", gzip(&tar), tar.clone(), false, &["media-type-lies"]),
        ("plain that is zstd", "", zstd(&tar), tar.clone(), false, &["media-type-lies"]),
        ("one path twice", "", twice.clone(), twice, false, &["duplicate-member"]),
        ("a wrong sum", "+gzip", flipped, tar.clone(), false, &["checksum-mismatch"]),
    ]
}

/// Layers with tables of contents.
fn tables() -> Vec<Case> {
    let tar = tar_of(&[("etc/motd", 0o644, b"hello")]);
    let estargz = |size| {
        let table = table(size).to_string();
        tar_of(&[("etc/motd", 0o644, b"hello"), ("stargz.index.json", 0o644, table.as_bytes())])
    };
    vec![
        ("an honest table of eStargz", "+gzip", gzip(&estargz(5)), estargz(5), false, &[]),
        ("a table of eStargz that lies", "+gzip", gzip(&estargz(6)), estargz(6), false, &["toc-lies"]),
        (
            "an honest table of zstd:chunked",
            "+zstd",
            chunked(&tar, &table(5)),
            tar.clone(),
            true,
            &["skippable-frame"],
        ),
        (
            "a table of zstd:chunked that lies",
            "+zstd",
            chunked(&tar, &table(6)),
            tar.clone(),
            true,
            &["skippable-frame", "toc-lies"],
        ),
    ]
}

#[test]
fn each_way_to_read_a_layer_differently_has_its_finding() {
    let announced = json!({ "io.github.containers.zstd-chunked.manifest-checksum": "sha256:00" });
    for (what, end, blob, plain, is_announced, expected) in cases().into_iter().chain(tables()) {
        let desk = Desk::new();
        let diff_id = Digest::sha256(&plain).to_string();
        let annotations = if is_announced { &announced } else { &json!({}) };
        image(&mut desk.source("src"), end, &blob, &diff_id, annotations);
        let report = desk.carnet("audit oci:src -o json").ok().json();
        let expected: BTreeSet<&str> = expected.iter().copied().collect();
        assert_eq!(rules(&report), expected, "{what}: {}", report["findings"]);
        if what == "a wrong sum" {
            // No runtime takes such a layer.
            desk.carnet("ls oci:src app:1").ends(1).says(&["was not read in full"]);
            continue;
        }
        // What a runtime would see is listed in any other case.
        let listed = desk.carnet("ls oci:src app:1").ok().stdout;
        let path = if what == "two sizes" { "outer" } else { "etc/motd" };
        assert!(listed.lines().any(|line| line == path), "{what}: {listed}");
        assert!(!listed.contains("evil") && !listed.contains("inner"), "{what}: {listed}");
        if what == "one path twice" {
            assert_eq!(desk.carnet("cat oci:src app:1 etc/motd").ok().stdout, "hello");
        }
    }
}

/// What could be read before a layer breaks off is in the report, and the layer is named.
#[test]
fn a_layer_that_breaks_off_is_read_until_there() {
    let desk = Desk::new();
    let noise = crate::behaviour::support::noise(4, 200_000);
    let tar = tar_of(&[("bin/su", 0o4755, b"x"), ("noise", 0o644, &noise), ("last", 0o644, b"z")]);
    let mut blob = gzip(&tar);
    blob.truncate(blob.len() / 2);
    let diff_id = Digest::sha256(&tar).to_string();
    let manifest = image(&mut desk.source("src"), "+gzip", &blob, &diff_id, &json!({}));
    let report = desk.carnet("audit oci:src -o json").ok().json();
    assert_eq!(rules(&report), BTreeSet::from(["setuid", "truncated"]));
    assert_eq!(report["coverage"]["unread"].as_array().unwrap().len(), 1);
    assert_eq!(report["images"][0]["digest"], digest_of(&manifest));
    assert_eq!(report["images"][0]["layers"][0]["diff_id_holds"], Value::Null);
}
