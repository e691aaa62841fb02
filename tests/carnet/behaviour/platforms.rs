//! Platforms as tools write them, and indexes of which only one platform was exported.

use serde_json::{Value, json};

use super::layouts::{digest_of, on, with};
use super::support::Desk;

/// The digests of the children of the only artifact that are carried.
fn carried(desk: &Desk) -> Vec<String> {
    let bundle = desk.inspected("out");
    let platforms = bundle["artifacts"][0]["platforms"].as_array().unwrap();
    let carried = platforms.iter().filter(|platform| platform["carried"] == true);
    carried.map(|platform| platform["digest"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn arm64_with_and_without_v8_are_one_platform() {
    for (written, asked) in [
        ("linux/arm64", "linux/arm64/v8"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/amd64", "linux/x86_64"),
        ("linux/arm", "linux/arm/v7"),
    ] {
        let desk = Desk::new();
        let mut source = desk.source("src");
        let (wanted, other) = (source.image(1, &[3000]), source.image(2, &[3000]));
        let index = source.index(&[on(written, &wanted), on("linux/s390x", &other)]);
        source.tag(&index, "app:1");
        desk.pack(&format!("oci:src --platform {asked}")).ok();
        assert_eq!(carried(&desk), [digest_of(&wanted)], "{written} {asked}");
    }
}

#[test]
fn all_versions_of_windows_are_carried() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let images = [source.image(1, &[3000]), source.image(2, &[3000])];
    let child = |image: &Value, version: &str| {
        let platform = json!({ "os": "windows", "architecture": "amd64", "os.version": version });
        with(image.clone(), &json!({ "platform": platform }))
    };
    let children = [child(&images[0], "10.0.17763.1"), child(&images[1], "10.0.20348.1")];
    let index = source.index(&children);
    source.tag(&index, "app:1");
    desk.pack("oci:src --platform windows/amd64").ok();
    assert_eq!(carried(&desk).len(), 2);
}

/// `ctr image export --platform` writes the whole index, and the blobs of one platform without its attestation.
#[test]
fn an_export_of_one_platform_is_packed_with_that_platform() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let images = [source.image(1, &[3000]), source.image(2, &[3000])];
    let attest = |attestation: &Value, image: &Value| {
        let annotations = json!({ "vnd.docker.reference.digest": digest_of(image),
            "vnd.docker.reference.type": "attestation-manifest" });
        with(on("unknown/unknown", attestation), &json!({ "annotations": annotations }))
    };
    let attestations = [source.image(3, &[300]), source.image(4, &[300])];
    let index = source.index(&[
        on("linux/amd64", &images[0]),
        on("linux/arm64", &images[1]),
        attest(&attestations[0], &images[0]),
        attest(&attestations[1], &images[1]),
    ]);
    source.tag(&index, "app:1");
    for absent in [&images[1], &attestations[0], &attestations[1]] {
        std::fs::remove_file(desk.path("src/blobs").join(digest_of(absent).replace(':', "/"))).unwrap();
    }
    let run = desk.pack("oci:src --platform linux/amd64").ok();
    run.says(&["NOT CARRIED", digest_of(&attestations[0]), digest_of(&images[1])]);
    assert_eq!(carried(&desk), [digest_of(&images[0])]);
    desk.carnet("verify out --pub k.pub.pem").ok();
    desk.carnet("unpack out --pub k.pub.pem --to oci:back").ok();

    // Without the option the hint names it; with the option it is not repeated.
    desk.pack("oci:src --overwrite").ends(4).says(&["blob-missing", "--platform"]);
    let run = desk.pack("oci:src --platform linux/arm64 --overwrite").ends(4).says(&["blob-missing"]);
    assert!(!run.stderr.contains("--platform"), "{}", run.stderr);
}

#[test]
fn an_absent_artifact_is_missing_whatever_its_platform() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let images = [source.image(1, &[3000]), source.image(2, &[3000])];
    source.list(&on("unknown/unknown", &images[0]));
    source.list(&on("linux/amd64", &images[1]));
    std::fs::remove_file(desk.path("src/blobs").join(digest_of(&images[0]).replace(':', "/"))).unwrap();
    for options in ["", " --platform linux/amd64"] {
        desk.pack(&format!("oci:src{options}")).ends(4).says(&["blob-missing", digest_of(&images[0])]);
    }
}

#[test]
fn a_platform_that_the_index_lacks_is_not_advised_again() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[3000]);
    let index = source.index(&[on("linux/amd64", &image)]);
    source.tag(&index, "app:1");
    let run = desk.pack("oci:src --platform linux/s390x").ends(1).says(&["refused-graph", "linux/amd64"]);
    assert!(!run.stderr.contains("--platform"), "{}", run.stderr);
}
