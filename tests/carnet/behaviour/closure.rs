//! Everything reachable from a root is packed, or reported as not packed.

use serde_json::{Value, json};

use super::layouts::{INDEX, digest_of, hex_of, on, plain};
use super::support::{Desk, Source, assert_same_blobs, entries};

fn digests(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(digest_of).collect()
}

/// An index for two platforms inside an index, with referrers at every level.
fn family(source: &mut Source) -> [Value; 8] {
    let (amd, arm) = (source.image(1, &[3000, 500]), source.image(2, &[2000]));
    let inner = source.index(&[on("linux/amd64", &amd), on("linux/arm64/v8", &arm)]);
    let outer = source.index(&[plain(&inner)]);
    let sbom_of_index = source.referrer(&outer, "application/spdx+json", "sbom of the index");
    let sbom_of_amd = source.referrer(&amd, "application/spdx+json", "sbom of amd64");
    let sbom_of_arm = source.referrer(&arm, "application/spdx+json", "sbom of arm64");
    let signature = source.referrer(&sbom_of_amd, "application/vnd.example.signature", "signed");
    source.tag(&outer, "team/app:1.0");
    for referrer in [&sbom_of_index, &sbom_of_amd, &sbom_of_arm, &signature] {
        source.list(referrer);
    }
    [outer, inner, amd, arm, sbom_of_index, sbom_of_amd, sbom_of_arm, signature]
}

#[test]
fn nested_indexes_and_referrers_at_every_level_are_packed() {
    let desk = Desk::new();
    let family = family(&mut desk.source("src"));
    desk.round_trip("src", "");
    let bundle = desk.inspected("out");
    assert_eq!(digests(&bundle["artifacts"]), [digest_of(&family[0])], "referrers are no artifacts");
    let mut of: Vec<(&str, &str)> = bundle["artifacts"][0]["referrers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|referrer| (referrer["subject"].as_str().unwrap(), digest_of(referrer)))
        .collect();
    of.sort_unstable();
    let [outer, _, amd, arm, sbom_of_index, sbom_of_amd, sbom_of_arm, signature] = &family;
    let mut expected =
        [(outer, sbom_of_index), (amd, sbom_of_amd), (arm, sbom_of_arm), (sbom_of_amd, signature)]
            .map(|(subject, referrer)| (digest_of(subject), digest_of(referrer)));
    expected.sort_unstable();
    assert_eq!(of, expected);
}

#[test]
fn packing_one_name_packs_its_referrers_and_nothing_else() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let (wanted, other) = (source.image(1, &[800]), source.image(2, &[900]));
    source.tag(&wanted, "team/app:1.0");
    source.tag(&other, "team/other:1.0");
    let wanted_sbom = source.referrer(&wanted, "application/spdx+json", "of the one");
    let other_sbom = source.referrer(&other, "application/spdx+json", "of the other");
    source.list(&other_sbom);
    source.list(&wanted_sbom);

    let mut expected = desk.source("expected");
    let wanted = expected.image(1, &[800]);
    expected.tag(&wanted, "team/app:1.0");
    let sbom = expected.referrer(&wanted, "application/spdx+json", "of the one");
    expected.list(&sbom);

    desk.pack("oci:src:team/app:1.0").ok();
    desk.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
    super::support::assert_same_layout(expected.path(), &desk.path("back"));
}

#[test]
fn the_fallback_tag_and_cosign_tags_are_packed_with_their_artifact() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[700]);
    source.tag(&image, "1.0");
    // It needs no subject field: the tag names its subject.
    let sbom = source.referrer(&image, "application/spdx+json", "listed by the fallback index only");
    let fallback = source.index(&[plain(&sbom)]);
    let stem = format!("sha256-{}", hex_of(&image));
    source.tag(&fallback, &stem);
    for (seed, suffix) in (10..).zip([".sig", ".att", ".sbom"]) {
        let signature = source.image(seed, &[100]);
        source.tag(&signature, &format!("{stem}{suffix}"));
        // cosign signs signatures too.
        let again = source.image(seed + 10, &[90]);
        source.tag(&again, &format!("sha256-{}.sig", hex_of(&signature)));
    }
    let unrelated = source.image(50, &[100]);
    source.tag(&unrelated, "2.0");

    desk.pack("oci:src:1.0").ok();
    desk.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
    let mut expected = entries(source.path());
    expected.retain(|(name, ..)| name.as_deref() != Some("2.0"));
    let mut found = entries(&desk.path("back"));
    // The SBOM refers to the image by its subject as well, so it may be listed by itself.
    found.retain(|(name, digest, ..)| name.is_some() || digest != digest_of(&sbom));
    assert_eq!(found, expected);
    assert!(desk.path("back/blobs/sha256").join(hex_of(&sbom)).exists());
    assert!(!desk.path("back/blobs/sha256").join(hex_of(&unrelated)).exists());
}

#[test]
fn digest_tags_move_to_the_repository_named_by_the_source() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[700]);
    source.tag(&image, "1.0");
    let signature = source.image(2, &[100]);
    let tag = format!("sha256-{}.sig", hex_of(&image));
    source.tag(&signature, &tag);
    desk.pack("oci:src:1.0=team/app:2.0").ok();
    desk.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
    let names: Vec<_> = entries(&desk.path("back")).into_iter().map(|(name, ..)| name.unwrap()).collect();
    assert_eq!(names, ["team/app:2.0".to_owned(), format!("team/app:{tag}")]);
}

#[test]
fn shared_blobs_are_packed_once() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let config = source.blob(super::layouts::CONFIG, b"{\"shared\":true}");
    let shared = source.blob(super::layouts::LAYER, &super::support::noise(9, 50_000));
    for at in 0..5_u64 {
        let own = source.blob(super::layouts::LAYER, &super::support::noise(100 + at, 1000));
        let image = source.manifest(&config, &[shared.clone(), own]);
        source.tag(&image, &format!("app:{at}"));
    }
    desk.round_trip("src", "");
    let bundle = desk.inspected("out");
    let blobs = digests(&bundle["blobs"]);
    assert_eq!(blobs.iter().filter(|digest| **digest == digest_of(&shared)).count(), 1);
    assert_eq!(blobs.len(), 5 + 5 + 2);
    let bytes: usize = desk.files("out").values().map(Vec::len).sum();
    assert!(bytes < 100_000, "{bytes} bytes for 50,000 that are shared");
}

#[test]
fn the_subject_of_a_selected_artifact_is_packed_too() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[700]);
    source.tag(&image, "1.0");
    let sbom = source.referrer(&image, "application/spdx+json", "sbom");
    source.list(&sbom);
    desk.pack(&format!("oci:src@{}", digest_of(&sbom))).ok();
    desk.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
    assert_same_blobs(source.path(), &desk.path("back"));
}

#[test]
fn an_absent_subject_is_named() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[700]);
    let sbom = source.referrer(&image, "application/spdx+json", "sbom");
    source.list(&sbom);
    std::fs::remove_file(source.blob_path(&image)).unwrap();
    desk.pack(&format!("oci:src@{}", digest_of(&sbom))).ok().says(&[digest_of(&image), "absent"]);
    desk.carnet("verify out --pub k.pub.pem").ok().says(&[digest_of(&image), "absent"]);
}

#[test]
fn without_referrers_is_recorded_and_shown() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let family = family(&mut source);
    desk.pack("oci:src:team/app:1.0 --no-referrers").ok();
    let bundle = desk.inspected("out");
    assert_eq!(bundle["referrers"], "omit");
    assert_eq!(bundle["artifacts"][0]["referrers"], json!([]));
    desk.carnet("inspect out --pub k.pub.pem").ok().says(&["WITHOUT signatures"]);
    desk.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
    assert_eq!(entries(&desk.path("back")).len(), 1);
    for referrer in &family[4..] {
        assert!(!desk.path("back/blobs/sha256").join(hex_of(referrer)).exists());
    }
}

#[test]
fn selecting_platforms_keeps_the_index_and_lists_what_is_omitted() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let [outer, inner, amd, arm, _, sbom_of_amd, sbom_of_arm, _] = family(&mut source);
    let options = "--platform linux/amd64";
    desk.pack(&format!("oci:src {options}")).ok().says(&["NOT CARRIED", digest_of(&arm), "linux/arm64"]);
    for line in ["verify out --pub k.pub.pem", "inspect out", "unpack out --pub k.pub.pem --to oci:back"] {
        desk.carnet(line).ok().says(&["NOT CARRIED", digest_of(&arm), "platform", "linux/arm64"]);
    }
    let bundle = desk.inspected("out");
    assert_eq!(bundle["platforms"], json!(["linux/amd64"]));
    assert_eq!(digests(&bundle["omitted"]), [digest_of(&arm)]);
    assert_eq!(bundle["omitted"][0]["parent"], inner["digest"]);
    let carried: Vec<_> = bundle["artifacts"][0]["platforms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|platform| (digest_of(platform), platform["carried"].as_bool().unwrap()))
        .collect();
    assert_eq!(carried, [(digest_of(&amd), true), (digest_of(&arm), false)]);

    let back = desk.path("back/blobs/sha256");
    for kept in [&outer, &inner, &amd, &sbom_of_amd] {
        let there = std::fs::read(back.join(hex_of(kept))).unwrap();
        assert!(there == std::fs::read(source.blob_path(kept)).unwrap(), "byte for byte");
    }
    for left_out in [&arm, &sbom_of_arm] {
        assert!(!back.join(hex_of(left_out)).exists());
    }
}

#[test]
fn an_unknown_platform_is_an_error_that_lists_the_known_ones() {
    let desk = Desk::new();
    family(&mut desk.source("src"));
    let run = desk.pack("oci:src --platform linux/s390x").ends(1);
    run.says(&["linux/s390x", "linux/amd64", "linux/arm64"]);
    assert!(!desk.path("out").exists() || desk.files("out").is_empty());
}

#[test]
fn a_document_reachable_in_two_ways_is_packed_once() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[700]);
    let first = source.index(&[on("linux/amd64", &image)]);
    let second = source.document(INDEX, &json!({ "manifests": [on("linux/amd64", &image)], "n": 2 }));
    source.tag(&first, "a:1");
    source.tag(&second, "b:1");
    source.tag(&image, "c:1");
    source.tag(&image, "c:latest");
    desk.round_trip("src", "");
    assert_eq!(desk.inspected("out")["artifacts"].as_array().unwrap().len(), 4);
}

#[test]
fn a_cycle_of_referrers_does_not_loop() {
    // The SBOM refers to the image, and both are children of the index that the SBOM of the SBOM refers to.
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[300]);
    let sbom = source.referrer(&image, "application/spdx+json", "sbom");
    let all = source.index(&[plain(&image), plain(&sbom)]);
    let of_all = source.referrer(&all, "application/spdx+json", "sbom of all");
    source.tag(&all, "all:1");
    source.list(&of_all);
    source.list(&sbom);
    desk.round_trip("src", "");
}
