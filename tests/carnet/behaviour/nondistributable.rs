//! Layers that may not be distributed.

use serde_json::{Value, json};

use super::layouts::{CONFIG, LAYER, digest_of, hex_of, with};
use super::support::{Desk, noise};

const OCI: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
const DOCKER: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
const URL: &str = "https://layers.example/windows/base";

/// An image with a non-distributable layer of each type, between two ordinary layers.
fn image(desk: &Desk) -> [Value; 2] {
    let mut source = desk.source("src");
    let config = source.blob(CONFIG, b"{}");
    let urls = json!({ "urls": [URL] });
    let oci = with(source.blob(OCI, &noise(1, 150_000)), &urls);
    let docker = with(source.blob(DOCKER, &noise(2, 3000)), &urls);
    let (first, last) = (source.blob(LAYER, &noise(3, 90_000)), source.blob(LAYER, &noise(4, 10)));
    let image = source.manifest(&config, &[first, oci.clone(), docker.clone(), last]);
    source.tag(&image, "win:1");
    [oci, docker]
}

#[test]
fn nondistributable_layers_come_first_in_their_own_chunks() {
    for (size, least) in [("2g", 1), ("64KiB", 3)] {
        let desk = Desk::new();
        let layers = image(&desk);
        desk.round_trip("src", &format!("--chunk-size {size}"));
        let report = desk.carnet("verify out --pub k.pub.pem --json").ok().json();
        let classes: Vec<&str> = report["bundles"][0]["files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| file["class"].as_str().unwrap())
            .collect();
        assert_eq!(classes[0], "metadata", "the control chunk");
        let first = classes[1..].iter().take_while(|class| **class == "nondistributable").count();
        assert!(first >= least, "{classes:?}");
        assert!(!classes[first + 1..].contains(&"nondistributable"), "{classes:?}");
        let bundle = desk.inspected("out");
        let artifact = &bundle["artifacts"][0];
        assert_eq!(artifact["nondistributable_layers"], 2);
        assert_eq!(artifact["nondistributable_bytes"], 153_000);
        let shown = desk.carnet("inspect out --pub k.pub.pem").ok();
        shown.says(&["NON-DISTRIBUTABLE LAYERS (carried):", "win:1"]);
        for blob in bundle["blobs"].as_array().unwrap() {
            let wanted = layers.iter().any(|layer| digest_of(layer) == digest_of(blob));
            for chunk in blob["chunks"].as_array().unwrap() {
                let number = usize::try_from(chunk.as_u64().unwrap()).unwrap();
                assert_eq!((1..=first).contains(&number), wanted, "{} is in {number}", digest_of(blob));
            }
        }
    }
}

#[test]
fn a_missing_layer_is_an_error_that_names_its_urls_and_the_options() {
    let desk = Desk::new();
    let layers = image(&desk);
    for layer in &layers {
        std::fs::remove_file(desk.path("src/blobs/sha256").join(hex_of(layer))).unwrap();
    }
    let run = desk.pack("oci:src").ends(1);
    run.says(&[digest_of(&layers[0]), digest_of(&layers[1]), URL, "--nondistributable omit", "blobs/sha256"]);
    assert!(!desk.path("out").exists() || desk.files("out").is_empty(), "nothing was written");
}

#[test]
fn omitted_layers_are_recorded_and_shown() {
    for absent in [false, true] {
        let desk = Desk::new();
        let layers = image(&desk);
        if absent {
            std::fs::remove_file(desk.path("src/blobs/sha256").join(hex_of(&layers[0]))).unwrap();
        }
        let words = [digest_of(&layers[0]), digest_of(&layers[1]), "nondistributable"];
        desk.pack("oci:src --nondistributable omit").ok().says(&words);
        for line in ["verify out --pub k.pub.pem", "inspect out", "unpack out --pub k.pub.pem --to oci:back"]
        {
            desk.carnet(line).ok().says(&words);
        }
        assert_eq!(desk.inspected("out")["nondistributable"], "omit");
        for layer in &layers {
            assert!(!desk.path("back/blobs/sha256").join(hex_of(layer)).exists());
        }
    }
}

#[test]
fn a_blob_that_is_also_an_ordinary_layer_is_packed_as_ordinary() {
    let desk = Desk::new();
    let layers = image(&desk);
    let mut source = desk.source("other");
    let config = source.blob(CONFIG, b"{}");
    let same = source.blob(LAYER, &noise(2, 3000));
    assert_eq!(digest_of(&same), digest_of(&layers[1]));
    let plain = source.manifest(&config, &[same]);
    source.tag(&plain, "plain:1");
    desk.pack("oci:src oci:other").ok();
    let bundle = desk.inspected("out");
    let blobs = bundle["blobs"].as_array().unwrap();
    let blob = blobs.iter().find(|blob| digest_of(blob) == digest_of(&layers[1])).unwrap();
    assert_eq!(blob["class"], "distributable");
}
