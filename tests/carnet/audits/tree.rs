//! Artifacts, platforms, and what refers to them.

use serde_json::json;

use crate::behaviour::layouts::{digest_of, on, with};
use crate::behaviour::support::Desk;

/// An index of two platforms with BuildKit's attestations of the first, an SBOM of the second, and a signature of the
/// SBOM.
fn desk() -> (Desk, Vec<String>) {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let (amd64, arm64) = (source.image(1, &[1_000]), source.image(2, &[2_000]));
    let attestation = source.image(3, &[300]);
    let about = json!({
        "platform": { "os": "unknown", "architecture": "unknown" },
        "annotations": {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": digest_of(&amd64),
        },
    });
    let attestation = with(attestation, &about);
    let index = source.index(&[on("linux/amd64", &amd64), on("linux/arm64/v8", &arm64), attestation]);
    source.tag(&index, "team/app:1");
    let sbom = source.referrer(&arm64, "application/spdx+json", "{}");
    source.list(&sbom);
    let signature = source.referrer(&sbom, "application/vnd.cncf.notary.signature", "signed");
    source.list(&signature);
    let digests = [index, amd64, arm64, sbom, signature];
    let digests = digests.iter().map(|descriptor| digest_of(descriptor).to_owned()).collect();
    (desk, digests)
}

#[test]
fn a_tree_has_platforms_and_what_refers_to_them() {
    let (desk, digests) = desk();
    desk.pack("oci:src").ok();
    let expected = format!(
        "team/app:1  {}\n\
         ├── linux/amd64  {}\n\
         └── linux/arm64/v8  {}\n    \
             └── sbom  {}\n        \
                 └── signature  {}\n",
        digests[0], digests[1], digests[2], digests[3], digests[4]
    );
    assert_eq!(desk.carnet("tree oci:src").ok().stdout, expected);
    let run = desk.carnet("tree out --pub k.pub.pem").ok();
    let (first, rest) = run.stdout.split_once('\n').unwrap();
    assert!(first.starts_with("bundle b ("), "{first}");
    assert_eq!(rest, expected);
    assert!(desk.carnet("tree out").ok().stdout.starts_with("*** NOT VERIFIED"));
    let report = desk.carnet("tree out --pub k.pub.pem --json").ok().json();
    assert_eq!(report["artifacts"][0]["manifests"].as_array().unwrap().len(), 2);
    assert_eq!(report["artifacts"][0]["referrers"].as_array().unwrap().len(), 2);
    assert_eq!(report["bundles"][0]["verified"], true);
}

#[test]
fn only_the_control_chunk_is_needed_and_a_strange_key_shows_nothing() {
    let (desk, digests) = desk();
    desk.pack("oci:src --chunk-size 64KiB").ok();
    let run = desk.carnet("tree out/b_00000.tar --pub k.pub.pem").ok();
    assert!(run.stdout.contains(&digests[4]), "{}", run.stdout);
    desk.carnet("keygen other").ok();
    let run = desk.carnet("tree out --pub other.pub.pem").ends(3);
    assert!(!run.stdout.contains(&digests[0]), "{}", run.stdout);
    desk.carnet("tree out oci:src").ends(2).says(&["bad-place", "not both"]);
}
