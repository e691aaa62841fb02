//! Everything that a layout may hold is preserved, byte for byte.

use serde_json::{Value, json};

use super::layouts::{CONFIG, EMPTY, INDEX, LAYER, MANIFEST, Source, digest_of, hex_of, on, plain, with};
use super::support::{Desk, assert_same_layout, entries, noise};

/// A layout with one image over `layers`.
fn over(source: &mut Source, layers: &[Value]) {
    let config = source.blob(CONFIG, b"{\"rootfs\":{}}");
    let image = source.manifest(&config, layers);
    source.tag(&image, "team/app:1.0");
}

#[test]
fn unknown_media_types_are_preserved() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let config = source.blob("application/vnd.nobody.config", b"\x00\xff");
    let layer = source.blob("x/y.z+unheard-of", &noise(1, 2000));
    let fields = json!({ "config": config, "layers": [layer], "artifactType": "application/vnd.nobody.model",
        "annotations": { "k": "v" } });
    let artifact = source.document(MANIFEST, &fields);
    source.tag(&artifact, "model:1");
    desk.round_trip("src", "");
    assert_eq!(desk.inspected("out")["artifacts"][0]["artifact_type"], "application/vnd.nobody.model");
}

#[test]
fn an_index_may_point_at_a_plain_blob() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[100]);
    let opaque = source.blob("application/vnd.nobody.thing", &noise(2, 300));
    let index = source.index(&[on("linux/amd64", &image), opaque]);
    source.tag(&index, "1.0");
    desk.round_trip("src", "");
}

#[test]
fn an_empty_config_with_inline_data_needs_no_file() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let empty = source.blob(EMPTY, b"{}");
    let inline = with(empty.clone(), &json!({ "data": "e30=" }));
    let layer = source.blob("application/spdx+json", b"{\"spdx\":1}");
    let artifact = source.manifest(&inline, &[layer]);
    source.tag(&artifact, "sbom:1");
    std::fs::remove_file(source.blob_path(&empty)).unwrap();
    desk.pack("oci:src").ok();
    desk.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
    assert_eq!(std::fs::read(desk.path("back/blobs/sha256").join(hex_of(&empty))).unwrap(), b"{}");
    // With the file added, the layouts are equal.
    source.blob(EMPTY, b"{}");
    assert_same_layout(source.path(), &desk.path("back"));
}

#[test]
fn sha512_blobs_are_packed_whole_and_in_slices() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let whole = source.blob_sha512(LAYER, &noise(1, 10_000));
    let sliced = source.blob_sha512(LAYER, &noise(2, 300_000));
    let empty = source.blob_sha512(LAYER, b"");
    over(&mut source, &[whole.clone(), sliced.clone(), empty]);
    desk.round_trip("src", "--chunk-size 64KiB");
    let chunks = |wanted: &Value| -> usize {
        let bundle = desk.inspected("out");
        let blobs = bundle["blobs"].as_array().unwrap();
        let blob = blobs.iter().find(|blob| digest_of(blob) == digest_of(wanted)).unwrap();
        blob["chunks"].as_array().unwrap().len()
    };
    assert_eq!(chunks(&whole), 1);
    assert!(chunks(&sliced) >= 5);
}

#[test]
fn a_manifest_and_its_referrers_may_use_sha512() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let config = source.blob_sha512(CONFIG, b"{}");
    let text = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [] });
    let image = source.blob_sha512(MANIFEST, text.to_string().as_bytes());
    source.tag(&image, "1.0");
    let sbom = source.referrer(&image, "application/spdx+json", "sbom");
    source.list(&sbom);
    let signature = source.image(3, &[10]);
    source.tag(&signature, &format!("sha512-{}", &hex_of(&image)[..64]));
    desk.round_trip("src", "");
    assert_eq!(desk.inspected("out")["artifacts"].as_array().unwrap().len(), 1);
}

#[test]
fn empty_blobs_are_preserved() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let layers = [source.blob(LAYER, b""), source.blob(LAYER, b"x"), source.blob(LAYER, &noise(1, 512))];
    over(&mut source, &layers);
    desk.round_trip("src", "");
}

#[test]
fn compressed_and_uncompressed_layers_keep_their_types() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let types = ["", "+gzip", "+zstd"].map(|suffix| format!("{LAYER}{suffix}"));
    let layers: Vec<Value> =
        (1..).zip(&types).map(|(seed, kind)| source.blob(kind, &noise(seed, 500))).collect();
    over(&mut source, &layers);
    desk.round_trip("src", "");
    let bundle = desk.inspected("out");
    for (layer, kind) in layers.iter().zip(&types) {
        let blobs = bundle["blobs"].as_array().unwrap();
        let blob = blobs.iter().find(|blob| digest_of(blob) == digest_of(layer)).unwrap();
        assert_eq!(blob["media_type"], kind.as_str());
    }
}

#[test]
fn docker_schema_2_is_preserved_with_its_foreign_layer() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let docker = |name: &str| format!("application/vnd.docker.{name}");
    let config = source.blob(&docker("container.image.v1+json"), b"{\"os\":\"windows\"}");
    let foreign = with(
        source.blob(&docker("image.rootfs.foreign.diff.tar.gzip"), &noise(1, 4000)),
        &json!({ "urls": ["https://layers.example/base"] }),
    );
    let own = source.blob(&docker("image.rootfs.diff.tar.gzip"), &noise(2, 900));
    let manifest = docker("distribution.manifest.v2+json");
    let image = source.document(&manifest, &json!({ "config": config, "layers": [foreign, own] }));
    let list = docker("distribution.manifest.list.v2+json");
    let list = source.document(&list, &json!({ "manifests": [on("windows/amd64", &image)] }));
    source.tag(&list, "win:1");
    desk.round_trip("src", "");
}

#[test]
fn documents_are_never_rewritten() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let config = source.blob(CONFIG, b" { \"b\":1 ,\"a\" : 2.50 }\r\n");
    let text = format!(
        "\n\t{{ \"layers\" :[ ],\"unknown\":{{\"z\":1e3,\"a\":\"\\u00e9\\/\"}},\r\n\"config\":{config},\n \
         \"schemaVersion\" : 2 , \"mediaType\":\"{MANIFEST}\" }}\n\n"
    );
    let image = source.blob(MANIFEST, text.as_bytes());
    let text = format!("{{\"manifests\":[ {} ] ,\"schemaVersion\":2}} ", on("linux/amd64", &image));
    let index = source.blob(INDEX, text.as_bytes());
    source.tag(&index, "odd:1");
    desk.round_trip("src", "");
    let back = std::fs::read(desk.path("back/blobs/sha256").join(hex_of(&index))).unwrap();
    assert_eq!(String::from_utf8(back).unwrap(), text);
}

#[test]
fn a_large_config_and_many_layers_are_preserved() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    // Larger than the limit for metadata.
    let config = source.blob(CONFIG, &noise(1, (4 << 20) + 1));
    let layers: Vec<Value> = (0..300).map(|seed| source.blob(LAYER, &noise(seed, 10))).collect();
    let image = source.manifest(&config, &layers);
    source.tag(&image, "1.0");
    desk.round_trip("src", "--chunk-size 1MiB");
}

#[test]
fn unnamed_artifacts_stay_unnamed() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let (named, unnamed) = (source.image(1, &[10]), source.image(2, &[20]));
    source.tag(&named, "1.0");
    source.list(&unnamed);
    desk.round_trip("src", "");
    let listed = entries(&desk.path("back"));
    assert!(listed.iter().any(|(name, digest, ..)| name.is_none() && digest == digest_of(&unnamed)));
}

#[test]
fn the_same_artifact_from_two_sources_is_packed_once() {
    let desk = Desk::new();
    let mut one = desk.source("one");
    let image = one.image(1, &[5000]);
    one.tag(&image, "app:1");
    let mut two = desk.source("two");
    let again = two.image(1, &[5000]);
    two.tag(&again, "app:1");
    let other = two.image(2, &[6000]);
    two.tag(&plain(&other), "app:2");
    desk.pack("oci:one oci:two").ok();
    desk.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
    assert_same_layout(two.path(), &desk.path("back"));
}

#[test]
fn two_artifacts_with_the_same_name_are_an_error() {
    let desk = Desk::new();
    for (seed, name) in [(1, "one"), (2, "two")] {
        let mut source = desk.source(name);
        let image = source.image(seed, &[50]);
        source.tag(&image, "app:1");
    }
    desk.pack("oci:one oci:two").ends(1).says(&["app:1", "another name"]);
    desk.pack("oci:one oci:two:app:1=app:2").ok();
}
