//! Hostile archives as sources.

use std::fs;
use std::path::Path;

use super::documents::pack;
use super::support::layout::{Item, MANIFEST_TYPE, image_text, index_text};
use super::support::run::{Ran, carnet, list};
use super::support::tar::{Field, entry, pax, set, special};
use super::support::{folder, noise, packed};

/// The files of a layout with one image.
fn layout() -> Vec<(String, Vec<u8>)> {
    let (config, layer) = (b"{}".to_vec(), noise(1, 700));
    let item = |media_type: &str, bytes: &[u8]| Item::of(media_type, bytes);
    let image = image_text(
        &item(super::support::layout::CONFIG_TYPE, &config),
        &[item(super::support::layout::LAYER_TYPE, &layer)],
    );
    let index = index_text(&[item(MANIFEST_TYPE, image.as_bytes()).named("app:1")]);
    let blob = |bytes: &[u8]| item("x", bytes).digest.replace("sha256:", "blobs/sha256/");
    vec![
        ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
        ("index.json".to_owned(), index.into_bytes()),
        (blob(&config), config),
        (blob(image.as_bytes()), image.into_bytes()),
        (blob(&layer), layer),
    ]
}

/// The files that `docker save` writes in the old form, with this text as `manifest.json`.
fn saved(manifest: &str) -> Vec<(String, Vec<u8>)> {
    let layer = noise(1, 700);
    let id = carnet::oci::Digest::sha256(&layer);
    let config = format!(r#"{{"rootfs":{{"type":"layers","diff_ids":["{id}"]}}}}"#);
    vec![
        ("manifest.json".to_owned(), manifest.as_bytes().to_vec()),
        ("config.json".to_owned(), config.into_bytes()),
        ("a/layer.tar".to_owned(), layer),
    ]
}

const MANIFEST: &str = r#"[{"Config":"config.json","RepoTags":["app:1"],"Layers":["a/layer.tar"]}]"#;

fn blocks(files: &[(String, Vec<u8>)]) -> Vec<Vec<u8>> {
    files.iter().map(|(name, bytes)| entry(name.as_bytes(), bytes)).collect()
}

fn archive(blocks: &[Vec<u8>]) -> Vec<u8> {
    [blocks.concat(), vec![0; 1024]].concat()
}

fn pack_archive(transport: &str, bytes: &[u8], station: &Path) -> Ran {
    let file = station.join("source.tar");
    fs::write(&file, bytes).expect("written");
    pack(&format!("{transport}:{}", file.display()), &station.join("out"))
}

fn refused(what: &str, transport: &str, bytes: &[u8], codes: &[&str]) {
    let station = folder();
    let ran = pack_archive(transport, bytes, station.path());
    assert!([1, 4].contains(&ran.code), "{what}: {ran}");
    assert!(codes.contains(&ran.error_code().as_str()), "{what}: expected {codes:?}: {ran}");
    let mut left = Vec::new();
    list(station.path(), &mut left);
    assert_eq!(left.len(), 1, "{what}: {left:?}");
}

#[test]
fn well_formed_archives_are_packed() {
    for (transport, bytes) in [
        ("oci-archive", archive(&blocks(&layout()))),
        ("docker-archive", archive(&blocks(&layout()))),
        ("docker-archive", archive(&blocks(&saved(MANIFEST)))),
    ] {
        let station = folder();
        let ran = pack_archive(transport, &bytes, station.path());
        assert_eq!(ran.code, 0, "{transport}: {ran}");
        let ran = carnet([
            "verify".as_ref(),
            station.path().join("out").as_os_str(),
            "--pub".as_ref(),
            packed().public.as_os_str(),
        ]);
        assert_eq!(ran.code, 0, "{transport}: {ran}");
    }
}

/// Blocks that make two readers read an archive differently when they stand before its files.
fn tricks() -> Vec<(&'static str, Vec<u8>)> {
    let mut sparse = special(b'S', b"sparse", b"", &noise(1, 512));
    set(&mut sparse[..512], &[Field(482, vec![1])]);
    let mut negative = entry(b"a", b"");
    set(&mut negative[..512], &[Field(124, vec![0xff; 12])]);
    let mut huge = entry(b"a", b"");
    set(&mut huge[..512], &[Field(124, b"77777777777\0".to_vec())]);
    let mut huger = entry(b"a", b"");
    set(&mut huger[..512], &[Field(124, [&[0x80, 0, 0, 0, 0x7f][..], &[0xff; 7]].concat())]);
    let sized = |size: &[u8]| {
        let mut block = entry(b"a", b"x");
        set(&mut block[..512], &[Field(124, size.to_vec())]);
        block
    };
    let mut signed_checksum = entry(b"a", b"x");
    signed_checksum[148] = b'+';
    let mut folder = entry(b"a/", b"x");
    set(&mut folder[..512], &[Field(156, vec![0])]);
    let mut checksum = entry(b"a", b"x");
    checksum[153] ^= 1;
    let mut long = special(b'L', b"././@LongLink", b"", b"");
    set(&mut long[..512], &[Field(124, b"07777777777\0".to_vec())]);
    vec![
        (
            "PAX size over zero",
            [pax(b'x', "size", "1024"), entry(b"a", b""), entry(b"evil", b"EVIL")].concat(),
        ),
        ("PAX size below", [pax(b'x', "size", "8"), entry(b"a", &noise(1, 1024))].concat()),
        ("PAX size negative", [pax(b'x', "size", "-1"), entry(b"a", b"x")].concat()),
        ("PAX size of 2^64", [pax(b'x', "size", "18446744073709551616"), entry(b"a", b"")].concat()),
        ("PAX size of 2^64-1", [pax(b'x', "size", "18446744073709551615"), entry(b"a", b"")].concat()),
        ("2^64+1", sized(&[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1])),
        ("2^88+1", sized(&[0x81, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])),
        ("a size with a sign", sized(b"+0000000001\0")),
        ("a size with something behind it", sized(b"0000000001\x001")),
        ("a checksum with a sign", signed_checksum),
        ("PAX size with a sign", [pax(b'x', "size", "+1"), entry(b"a", b"x")].concat()),
        (
            "a record length with a sign",
            [special(b'x', b"x", b"", b"+10 path=\n"), entry(b"a", b"x")].concat(),
        ),
        ("two names", [pax(b'x', "path", "b"), special(b'L', b"x", b"", b"c\0"), entry(b"a", b"x")].concat()),
        ("two PAX names", [pax(b'x', "path", "b"), pax(b'x', "path", "c"), entry(b"a", b"x")].concat()),
        ("a record too long", [special(b'x', b"x", b"", b"99 path=a\n"), entry(b"a", b"x")].concat()),
        ("a record without a length", [special(b'x', b"x", b"", b"path=a\n"), entry(b"a", b"x")].concat()),
        (
            "a record that ends before it begins",
            [special(b'x', b"x", b"", b"1 path=a\n"), entry(b"a", b"x")].concat(),
        ),
        ("a global name", [pax(b'g', "path", "index.json"), entry(b"a", b"x")].concat()),
        ("a global size", [pax(b'g', "size", "1"), entry(b"a", b"x")].concat()),
        ("a folder with bytes", folder),
        ("a size of minus one", negative),
        ("8 GiB", huge),
        ("2^63", huger),
        ("a long name of a gigabyte", long),
        ("a path behind a NUL", [pax(b'x', "path", "a\0../../evil"), entry(b"a", b"x")].concat()),
        ("a name twice", [entry(b"index.json", b"{}")].concat()),
        ("a name twice, as ./", [entry(b"./index.json", b"{}")].concat()),
        ("a wrong checksum", checksum),
        ("a device", special(b'3', b"a", b"", b"")),
        ("a pipe", special(b'6', b"a", b"", b"")),
        ("another volume", special(b'M', b"a", b"", b"x")),
        ("..", entry(b"../evil", b"x")),
        ("/", entry(b"/etc/evil", b"x")),
        ("../ inside", entry(b"a/../../evil", b"x")),
        ("an escape and ..", entry(b"../\x1b[2J\n", b"x")),
        ("a name that is not UTF-8", entry(b"\xff\x1b[2J", b"x")),
        ("GNU sparse", sparse),
        ("PAX sparse", [pax(b'x', "GNU.sparse.major", "1"), entry(b"a", b"x")].concat()),
        ("a name without an entry", Vec::new()),
    ]
}

#[test]
fn ambiguous_archives_are_refused() {
    for (what, trick) in tricks() {
        for (transport, files) in [("oci-archive", layout()), ("docker-archive", layout())] {
            let mut all = blocks(&files);
            if trick.is_empty() {
                all.push(pax(b'x', "path", "a"));
            } else {
                all.insert(0, trick.clone());
            }
            refused(&format!("{what}, {transport}"), transport, &archive(&all), &["bad-archive"]);
        }
    }
}

/// Some tools write one block of zeros at the end instead of two.
#[test]
fn one_block_of_zeros_ends_an_archive_only_at_its_end() {
    let files = blocks(&layout()).concat();
    for zeros in [512, 1024, 10_240] {
        let station = folder();
        let bytes = [&files[..], &vec![0; zeros]].concat();
        let ran = pack_archive("oci-archive", &bytes, station.path());
        assert_eq!(ran.code, 0, "{zeros}: {ran}");
    }
    let more = [&files[..], &[0; 512], &entry(b"more", b"x"), &[0; 1024]].concat();
    refused("more entries", "oci-archive", &more, &["bad-archive"]);
    let more = [&files[..], &[0; 600], b"x"].concat();
    refused("a part of a block", "oci-archive", &more, &["bad-archive"]);
}

#[test]
fn truncated_and_compressed_archives_are_refused() {
    let whole = archive(&blocks(&layout()));
    for length in [0, 1, 511, 512, 513, 1024, 1536, whole.len() - 1024, whole.len() - 1500] {
        let codes = ["bad-archive", "not-a-layout"];
        refused(&format!("{length} bytes"), "oci-archive", &whole[..length], &codes);
    }
    refused("zeros", "oci-archive", &[0; 10_240], &["bad-archive", "not-a-layout"]);
    for (what, magic) in [
        ("gzip", &b"\x1f\x8b\x08\0"[..]),
        ("zstd", b"\x28\xb5\x2f\xfd"),
        ("a skippable frame of zstd", b"\x5a\x2a\x4d\x18\0\0\0\0"),
        ("xz", b"\xfd7zXZ\0"),
        ("bzip2", b"BZh9"),
    ] {
        refused(what, "oci-archive", &[magic, &whole].concat(), &["compressed-archive"]);
    }
}

#[test]
fn links_out_of_the_archive_are_refused() {
    for (kind, target) in [
        (b'2', "/etc/passwd"),
        (b'2', "../../../etc/passwd"),
        (b'1', "/etc/passwd"),
        (b'1', "../x"),
        (b'2', "index.json"),
        (b'2', "nowhere"),
        (b'2', ""),
    ] {
        let mut files = layout();
        let real = files.remove(1).1;
        let mut all = blocks(&files);
        all.push(special(kind, b"index.json", target.as_bytes(), b""));
        all.push(entry(b"real.json", &real));
        let codes = ["bad-archive", "unsafe-path", "not-a-layout"];
        refused(target, "oci-archive", &archive(&all), &codes);
        let codes = ["bad-archive", "unsafe-path", "not-a-layout", "not-a-docker-image"];
        refused(target, "docker-archive", &archive(&all), &codes);
        let mut files = blocks(&saved(MANIFEST));
        files.pop();
        files.push(special(kind, b"a/layer.tar", target.as_bytes(), b""));
        refused(
            &format!("a layer linked to {target}"),
            "docker-archive",
            &archive(&files),
            &["bad-archive", "unsafe-path", "blob-mismatch"],
        );
    }
    // A ring of links.
    let mut files = blocks(&saved(MANIFEST));
    files.pop();
    files.push(special(b'2', b"a/layer.tar", b"b.tar", b""));
    files.push(special(b'2', b"a/b.tar", b"layer.tar", b""));
    refused("a ring", "docker-archive", &archive(&files), &["bad-archive", "unsafe-path"]);
}

#[test]
fn docker_manifests_may_name_only_files_of_the_archive() {
    for path in [
        "../../x",
        "/etc/passwd",
        "a/../../x",
        "a/..",
        "",
        ".",
        "absent",
        "a",
        "config.json\\u0000x",
        "\\u001b[2J",
        "a//layer.tar",
        "C:\\\\x",
    ] {
        for (what, text) in [
            ("Config", MANIFEST.replace("config.json", path)),
            ("Layers", MANIFEST.replace("a/layer.tar", path)),
        ] {
            refused(
                &format!("{what} {path}"),
                "docker-archive",
                &archive(&blocks(&saved(&text))),
                &["bad-archive"],
            );
        }
    }
    for (what, text) in [
        ("a key twice", MANIFEST.replacen("\"Config\"", "\"Config\":\"x\",\"Config\"", 1)),
        ("a key of another case", MANIFEST.replacen("\"Config\"", "\"config\":\"x\",\"Config\"", 1)),
        ("no config", MANIFEST.replacen("Config", "X", 1)),
        (
            "more layers than in the configuration",
            MANIFEST.replacen("[\"a/layer.tar\"", "[\"a/layer.tar\",\"a/layer.tar\"", 1),
        ),
        ("no layers", MANIFEST.replacen("\"a/layer.tar\"", "", 1)),
        ("no list", "{}".to_owned()),
        ("values in order", r#"[["config.json",["app:1"],["a/layer.tar"]]]"#.to_owned()),
        ("two documents", format!("{MANIFEST}{MANIFEST}")),
        ("depth", "[".repeat(100_000)),
    ] {
        refused(what, "docker-archive", &archive(&blocks(&saved(&text))), &["bad-archive"]);
    }
    for tag in ["../x:1", "app:\\u001b[2J", "", "a b", "app:1\\n"] {
        let text = MANIFEST.replace("app:1", tag);
        let station = folder();
        let ran = pack_archive("docker-archive", &archive(&blocks(&saved(&text))), station.path());
        assert_eq!(ran.code, 0, "{tag:?}: {ran}");
        let report = ran.json();
        assert_eq!(report["artifacts"].as_array().map(Vec::len), Some(1), "{tag:?}: {ran}");
        assert_eq!(report["artifacts"][0]["name"], serde_json::Value::Null, "{tag:?}: {ran}");
        let warning = report["warnings"][0].as_str().expect("a warning");
        let digest = report["artifacts"][0]["digest"].as_str().expect("a digest");
        assert!(warning.contains(digest) && warning.contains("cannot carry"), "{tag:?}: {warning}");
    }
    let mut files = saved(MANIFEST);
    files[2].1[0] ^= 1;
    refused("another layer", "docker-archive", &archive(&blocks(&files)), &["blob-mismatch"]);
}
