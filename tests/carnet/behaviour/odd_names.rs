//! Names and kinds of entries as real tools write them, odd as they are.

use serde_json::{Value, json};

use super::layouts::{Source, digest_of, with};
use super::support::{Desk, entries};

const INDEX_TYPE: &str = "application/vnd.example.future.index.v7+json";

fn named(entry: &Value, annotations: &Value) -> Value {
    with(entry.clone(), &json!({ "annotations": annotations }))
}

fn ref_name(name: &str) -> Value {
    json!({ "org.opencontainers.image.ref.name": name })
}

/// As `ctr image export` writes it.
fn containerd(full: &str) -> Value {
    let tag = full.rsplit_once(':').unwrap().1;
    json!({ "io.containerd.image.name": full, "org.opencontainers.image.ref.name": tag })
}

/// The names and digests in the bundle.
fn packed(desk: &Desk) -> Vec<(Option<String>, String)> {
    let bundle = desk.inspected("out");
    let artifacts = bundle["artifacts"].as_array().unwrap();
    let one = |artifact: &Value| {
        (artifact["name"].as_str().map(str::to_owned), artifact["digest"].as_str().unwrap().to_owned())
    };
    artifacts.iter().map(one).collect()
}

fn image(source: &mut Source, seed: u64) -> Value {
    source.image(seed, &[3000])
}

#[test]
fn an_odd_name_does_not_block_the_rest() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let images: Vec<Value> = (0..4).map(|seed| image(&mut source, seed)).collect();
    source.list(&named(&images[0], &ref_name("app:1")));
    source.list(&named(&images[1], &ref_name("my image!")));
    source.list(&named(&images[2], &ref_name("a..b")));
    source.list(&named(&images[3], &ref_name("team/app:1..2")));
    let run = desk.pack("oci:src").ok();
    run.says(&["my image!", digest_of(&images[1]), "can be selected by its digest"]);
    let mut expected: Vec<(Option<String>, String)> =
        [Some("app:1"), None, Some("a..b"), Some("team/app:1..2")]
            .into_iter()
            .zip(&images)
            .map(|(name, image)| (name.map(str::to_owned), digest_of(image).to_owned()))
            .collect();
    let mut found = packed(&desk);
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    desk.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
    assert_eq!(entries(&desk.path("back")).len(), 4);
    // A name that was asked for is not replaced by something else, and its digest selects it.
    std::fs::remove_dir_all(desk.path("out")).unwrap();
    let run = desk.pack(&format!("oci:src@{}", digest_of(&images[1]))).ok();
    assert!(!run.stderr.contains("my image!"), "{}", run.stderr);
    assert_eq!(packed(&desk), [(None, digest_of(&images[1]).to_owned())]);
}

#[test]
fn entries_of_unknown_types_are_passed_over_and_named() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let known = image(&mut source, 1);
    source.list(&named(&known, &ref_name("app:1")));
    let unknown = source.blob(INDEX_TYPE, b"{}");
    source.list(&named(&unknown, &ref_name("future:1")));
    for args in ["oci:src", "oci:src:*"] {
        let run = desk.pack(&format!("{args} --overwrite")).ok();
        run.says(&[digest_of(&unknown), INDEX_TYPE, "passed over"]);
        assert_eq!(packed(&desk).len(), 1);
    }
    // It was asked for, so it is an error.
    desk.pack("oci:src:future:1 --overwrite").ends(1).says(&["not-an-artifact", INDEX_TYPE]);
}

#[test]
fn containerds_full_names_are_the_names() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let (alpine, busybox) = (image(&mut source, 1), image(&mut source, 2));
    source.list(&named(&alpine, &containerd("docker.io/library/alpine:3")));
    source.list(&named(&busybox, &containerd("docker.io/library/busybox:3")));
    source.list(&named(&busybox, &containerd("docker.io/library/busybox:latest")));
    desk.pack("oci:src").ok();
    let names: Vec<Option<String>> = packed(&desk).into_iter().map(|(name, _)| name).collect();
    let full = ["alpine:3", "busybox:3", "busybox:latest"];
    assert_eq!(names, full.map(|name| Some(format!("docker.io/library/{name}"))));
    desk.pack("oci:src:docker.io/library/alpine:3 --overwrite").ok();
    assert_eq!(
        packed(&desk),
        [(Some(format!("docker.io/library/{}", full[0])), digest_of(&alpine).to_owned())]
    );
    // The bare tag selects where it stands for one artifact only.
    desk.pack("oci:src:latest --overwrite").ok();
    assert_eq!(
        packed(&desk),
        [(Some(format!("docker.io/library/{}", full[2])), digest_of(&busybox).to_owned())]
    );
    desk.pack("oci:src:3 --overwrite").ends(4).says(&["ambiguous-name"]);
}

/// Stores of some tools list the signatures of an image under the name of the image.
#[test]
fn entries_of_one_name_are_told_apart_by_their_kind() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let app = image(&mut source, 1);
    let stem = digest_of(&app).replace(':', "-");
    let name = "registry.example/team/app:1";
    let of_kind = |kind: &str| json!({ "kind": format!("dev.cosignproject.cosign/{kind}"), "org.opencontainers.image.ref.name": name });
    source.list(&named(&app, &of_kind("image")));
    let mut more = Vec::new();
    for (seed, kind) in [(2, "sigs"), (3, "atts"), (4, "sboms")] {
        let entry = image(&mut source, seed);
        source.list(&named(&entry, &of_kind(kind)));
        more.push(entry);
    }
    let run = desk.pack("oci:src").ok();
    assert_eq!(packed(&desk), [(Some(name.to_owned()), digest_of(&app).to_owned())]);
    let bundle = desk.inspected("out");
    let referrers = bundle["artifacts"][0]["referrers"].as_array().unwrap();
    let mut found: Vec<(&str, &str)> =
        referrers.iter().map(|r| (r["name"].as_str().unwrap(), r["digest"].as_str().unwrap())).collect();
    found.sort_unstable();
    let tags = ["att", "sbom", "sig"].map(|suffix| format!("registry.example/team/app:{stem}.{suffix}"));
    let digests = [&more[1], &more[2], &more[0]].map(digest_of);
    assert_eq!(found, tags.iter().map(String::as_str).zip(digests).collect::<Vec<_>>());
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
    // A second signature under the same name travels by its digest.
    let second = image(&mut source, 5);
    source.list(&named(&second, &of_kind("sigs")));
    let run = desk.pack("oci:src --overwrite").ok().says(&[digest_of(&second), "second sig"]);
    assert_eq!(packed(&desk).len(), 2, "{}", run.stdout);
}

#[test]
fn a_name_without_a_tag_is_pointed_out() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let app = image(&mut source, 1);
    source.list(&named(&app, &ref_name("team/app")));
    desk.pack("oci:src").ok().says(&["team/app has no tag"]);
    let run = desk.pack("oci:src=team/app:1 --overwrite").ok();
    assert!(!run.stderr.contains("no tag"), "{}", run.stderr);
}
