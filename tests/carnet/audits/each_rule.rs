//! Findings of rules that no other test of the program asks for: each rule of an audit can be seen.

use std::collections::BTreeSet;

use carnet::oci::Digest;
use serde_json::{Value, json};

use super::contents::{image, tar_of};
use crate::behaviour::layouts::{CONFIG, LAYER, digest_of};
use crate::behaviour::support::{Desk, noise};

const STATUS: &[u8] = b"Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n";

/// A member of an archive: its name as it is, its type, and its content.
fn member(name: &[u8], flag: u8, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_entry_type(tar::EntryType::new(flag));
    header.set_cksum();
    let padding = content.len().next_multiple_of(512) - content.len();
    [header.as_bytes(), content, &vec![0; padding]].concat()
}

/// A link.
fn link(name: &[u8], flag: u8, target: &[u8]) -> Vec<u8> {
    let mut bytes = member(name, flag, b"");
    bytes[157..157 + target.len()].copy_from_slice(target);
    sealed(bytes)
}

/// A member whose header has the sum that it needs.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut header = tar::Header::from_byte_slice(&bytes[..512]).clone();
    header.set_cksum();
    bytes[..512].copy_from_slice(header.as_bytes());
    bytes
}

/// A PAX header with these records.
fn pax(records: &[(&str, &[u8])]) -> Vec<u8> {
    let record = |(key, value): &(&str, &[u8])| {
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
    };
    member(b"PaxHeaders/x", b'x', &records.iter().flat_map(record).collect::<Vec<u8>>())
}

/// A sparse file of the old GNU format: an exabyte of zeros.
fn holes() -> Vec<u8> {
    let mut bytes = member(b"holes.jar", b'S', b"");
    bytes[257..265].copy_from_slice(b"ustar  \0");
    bytes[483..495].copy_from_slice(b"\x80\0\0\0\x10\0\0\0\0\0\0\0");
    sealed(bytes)
}

fn rules(report: &Value) -> BTreeSet<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    [members.concat(), vec![0; 1024]].concat()
}

/// A desk with an image of a layer with a package, and of this layer.
fn desk(layer: &[u8]) -> Desk {
    let desk = Desk::new();
    let good = tar_of(&[("var/lib/dpkg/status", 0o644, STATUS)]);
    image(&mut desk.source("src"), "app:1", &[good, layer.to_vec()]);
    desk
}

#[test]
fn what_is_odd_about_a_layer_is_named_and_hides_no_other_layer() {
    let damaged = {
        let mut bytes = Vec::new();
        let mut encoder = flate2::write::GzEncoder::new(&mut bytes, flate2::Compression::best());
        std::io::Write::write_all(
            &mut encoder,
            &tar_of(&[("text", 0o644, &b"words and words ".repeat(9000))]),
        )
        .unwrap();
        encoder.finish().unwrap();
        for byte in &mut bytes[40..60] {
            *byte ^= 0x55;
        }
        bytes
    };
    let file = || member(b"file", b'0', b"x");
    let whole = tar_of(&[("file", 0o644, b"x")]);
    let mut wrong_sum = [file(), member(b"other", b'0', b"x")].concat();
    wrong_sum[1024] ^= 1;
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("opaque-layer", noise(1, 5000)),
        ("damaged-stream", damaged),
        // The header of a frame that names the dictionary 7, and an empty block.
        ("needs-dictionary", b"\x28\xb5\x2f\xfd\x01\x58\x07\x01\x00\x00".to_vec()),
        ("no-end-marker", whole[..whole.len() - 1024].to_vec()),
        ("bad-header", wrong_sum),
        ("name-too-long", archive(&[pax(&[("path", &[b'x'; 5000])]), file()])),
        ("header-too-large", archive(&[member(b"@", b'x', &vec![b'x'; 2 << 20]), file()])),
        ("odd-entry", archive(&[member(b"odd", b'Z', b""), file()])),
        (
            "sparse-map",
            archive(&[pax(&[("GNU.sparse.map", b"0,512"), ("GNU.sparse.numblocks", b"1")]), file()]),
        ),
        ("sparse-too-large", archive(&[holes(), file()])),
        ("absolute-path", archive(&[member(b"/etc/x", b'0', b"x")])),
        ("parent-path", archive(&[member(b"../up", b'0', b"x")])),
        ("odd-name", archive(&[member(b"two\nlines", b'0', b"x")])),
        ("odd-name", archive(&[member(b"\xff\xfe", b'0', b"x")])),
        ("not-in-folder", archive(&[file(), member(b"file/x", b'0', b"x")])),
        ("root-replaced", archive(&[link(b"./", b'2', b"elsewhere")])),
        ("odd-whiteout", archive(&[member(b"var/.wh.", b'0', b"")])),
        ("device", archive(&[member(b"dev/x", b'3', b"")])),
        ("setgid", tar_of(&[("bin/x", 0o2755, b"x")])),
        ("world-writable", tar_of(&[("bin/x", 0o666, b"x")])),
    ];
    for (rule, layer) in cases {
        let desk = desk(&layer);
        let report = desk.carnet("audit oci:src -o json").ok().json();
        assert!(rules(&report).contains(rule), "{rule}: {}", report["findings"]);
        assert_eq!(report["packages"][0]["purl"], "pkg:deb/a@1?arch=amd64", "{rule}");
    }
}

#[test]
fn a_layer_that_is_longer_than_is_read_and_one_that_is_damaged_are_named() {
    let layer = tar_of(&[("noise", 0o644, &noise(1, 5000))]);
    let desk = desk(&layer);
    let report = desk.carnet("audit oci:src -o json --max-bytes 4KiB").ok().json();
    assert_eq!(rules(&report), BTreeSet::from(["layer-bytes"]));
    assert_eq!(report["packages"].as_array().unwrap().len(), 1);
    let digest = Digest::sha256(&layer);
    let path = desk.path(format!("src/blobs/sha256/{}", digest.hex()));
    let mut bytes = layer;
    bytes[600] ^= 1;
    std::fs::write(path, bytes).unwrap();
    let report = desk.carnet("audit oci:src -o json").ends(4).json();
    assert!(rules(&report).contains("blob-damaged"), "{}", report["findings"]);
    let unread = &report["coverage"]["unread"];
    assert_eq!((&unread[0]["digest"], unread.as_array().unwrap().len()), (&json!(digest.to_string()), 1));
    assert_eq!(report["coverage"]["complete"], false);
}

#[test]
fn a_configuration_of_other_layers_is_named() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let layer = tar_of(&[("a", 0o644, b"a")]);
    let diff_id = Digest::sha256(&layer).to_string();
    let layer = source.blob(LAYER, &layer);
    for (tag, diff_ids, history) in [
        ("app:1", vec![&diff_id, &diff_id], json!([])),
        ("app:2", vec![&diff_id], json!([{ "created_by": "a" }, { "created_by": "b" }])),
        ("app:3", vec![&diff_id], json!([{ "created_by": "a" }, { "created_by": "b", "empty_layer": true }])),
    ] {
        let config = json!({ "os": "linux", "architecture": "amd64", "config": { "User": "app" },
            "rootfs": { "diff_ids": diff_ids }, "history": history });
        let config = source.blob(CONFIG, config.to_string().as_bytes());
        let manifest = source.manifest(&config, std::slice::from_ref(&layer));
        source.tag(&manifest, tag);
        let report = desk.carnet(&format!("audit oci:src --artifact {tag} -o json")).ok().json();
        let expected = if tag == "app:3" { BTreeSet::new() } else { BTreeSet::from(["history-mismatch"]) };
        assert_eq!(rules(&report), expected, "{tag}");
    }
}

/// An attestation whose subject is another manifest; as a referrer, and as BuildKit attaches it.
#[test]
fn an_attestation_about_something_else_is_named() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = image(&mut source, "app:1", &[tar_of(&[("var/lib/dpkg/status", 0o644, STATUS)])]);
    let spdx = json!({ "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "x", "packages": [
        { "name": "a", "SPDXID": "SPDXRef-a", "versionInfo": "1", "externalRefs": [{ "referenceCategory": "PACKAGE-MANAGER",
          "referenceType": "purl", "referenceLocator": "pkg:deb/debian/a@1" }] }] });
    let statement = |subject: &str| {
        let hex = subject.strip_prefix("sha256:").unwrap();
        json!({ "_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document",
            "subject": [{ "name": "x", "digest": { "sha256": hex } }], "predicate": spdx })
        .to_string()
    };
    let other = Digest::sha256(b"another manifest").to_string();
    let buildkit = |subject: &str| {
        let config = source.blob(CONFIG, b"{}");
        let layer = source.blob("application/vnd.in-toto+json", statement(subject).as_bytes());
        let mut attached = source.manifest(&config, &[layer]);
        attached["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
        attached["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": digest_of(&image) });
        let mut on = image.clone();
        on["platform"] = json!({ "os": "linux", "architecture": "amd64" });
        source.index(&[on, attached])
    };
    let (honest, swapped) = (buildkit(digest_of(&image)), buildkit(&other));
    source.tag(&honest, "honest:1");
    source.tag(&swapped, "swapped:1");
    for (name, holds) in [("honest:1", true), ("swapped:1", false)] {
        let report = desk.carnet(&format!("audit oci:src --artifact {name} -o json")).ok().json();
        assert_eq!(rules(&report).contains("other-subject"), !holds, "{name}: {}", report["findings"]);
        assert_eq!(report["statements"][0]["subject_holds"], holds);
        // The SBOM in it is held against the image in any case.
        let bom = &report["boms"][0];
        assert_eq!((&bom["of"], &bom["compared"]), (&json!(digest_of(&image)), &json!(true)));
        assert_eq!((&bom["only_here"], &bom["only_there"]), (&json!([]), &json!([])));
    }
    let referrer = source.referrer(&image, "application/vnd.in-toto+json", &statement(&other));
    source.list(&referrer);
    let report = desk.carnet("audit oci:src --artifact app:1 -o json").ok().json();
    assert!(rules(&report).contains("other-subject"), "{}", report["findings"]);
}

#[test]
fn an_advisory_that_cannot_be_read_hides_no_other() {
    let desk = desk(&tar_of(&[("etc/os-release", 0o644, b"ID=debian\nVERSION_ID=\"12\"\n")]));
    let record = json!({ "id": "CVE-2026-1", "modified": "2026-01-01T00:00:00Z", "summary": "bad",
        "affected": [{ "package": { "ecosystem": "Debian:12", "name": "a" },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }] }] }] });
    std::fs::create_dir(desk.path("osv")).unwrap();
    std::fs::write(desk.path("osv/1.json"), record.to_string()).unwrap();
    std::fs::write(desk.path("osv/2.json"), "{\"id\": \"CVE-2026-2\", \"affected\": 5}").unwrap();
    let withdrawn =
        record.to_string().replace("CVE-2026-1\"", "CVE-2026-3\",\"withdrawn\":\"2026-01-02T00:00:00Z\"");
    std::fs::write(desk.path("osv/3.json"), withdrawn).unwrap();
    let report = desk.carnet("audit oci:src -o json --advisories osv").ok().json();
    assert!(rules(&report).contains("advisory-unreadable"), "{}", report["findings"]);
    let ids: Vec<&Value> = report["advisories"].as_array().unwrap().iter().map(|flaw| &flaw["id"]).collect();
    assert_eq!(ids, ["CVE-2026-1"]);
}

/// A new rule needs a case, here or elsewhere.
#[test]
fn every_rule_is_seen_by_a_test() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/carnet");
    let mut texts = String::new();
    for place in ["audits", "audits/signatures", "audits/rego", "stations", "registries"] {
        for entry in std::fs::read_dir(folder.join(place)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                texts += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    // Only a disk that fails makes it, and tests of the reader have one.
    let unseen = ["unreadable"];
    for rule in carnet::audit::Rule::ALL {
        let is_seen = texts.contains(&format!("\"{}\"", rule.code())) || unseen.contains(&rule.code());
        assert!(is_seen, "no test of the program sees the rule {rule}");
    }
}
