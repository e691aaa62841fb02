//! Bundles that leave out what earlier ones carried.

use serde_json::{Value, json};

use super::layouts::{CONFIG, LAYER, digest_of};
use super::support::{Desk, Run, Source, assert_same_blobs, files, installed, noise};

/// An image with one layer for each seed, of 40,000 bytes.
pub(crate) fn image(source: &Source, seeds: &[u64]) -> Value {
    let config = json!({ "architecture": "amd64", "os": "linux", "seeds": seeds,
        "rootfs": { "type": "layers", "diff_ids": [] } });
    let config = source.blob(CONFIG, config.to_string().as_bytes());
    let layers: Vec<Value> = seeds.iter().map(|seed| layer(source, *seed)).collect();
    source.manifest(&config, &layers)
}

fn layer(source: &Source, seed: u64) -> Value {
    source.blob(LAYER, &noise(seed, 40_000))
}

/// Packs `oci:src:REF` as the bundle NAME into the folder of that name.
fn pack(desk: &Desk, name: &str, reference: &str, options: &str) -> Run {
    desk.carnet(&format!(
        "pack oci:src:{reference} --to {name} --name {name} --key k.key.pem --chunk-size 64KiB {options}"
    ))
}

/// A layout with `app:1`, `app:2` and `app:3`, each with a layer more, and the bundles `one` and `two`, a delta.
fn two_bundles() -> (Desk, Source) {
    let desk = Desk::new();
    let mut source = desk.source("src");
    for (tag, seeds) in [("app:1", &[1, 2][..]), ("app:2", &[1, 2, 3]), ("app:3", &[1, 2, 3, 4])] {
        let image = image(&source, seeds);
        source.tag(&image, tag);
    }
    pack(&desk, "one", "app:1", "").ok();
    pack(&desk, "two", "app:2", "--base one/one_00000.tar").ok();
    (desk, source)
}

fn unpack(desk: &Desk, places: &str, to: &str) -> Run {
    desk.carnet(&format!("unpack {places} --pub k.pub.pem --to {to}"))
}

#[test]
fn a_delta_leaves_out_what_its_base_carried_and_names_it() {
    let (desk, source) = two_bundles();
    let one = desk.inspected("one")["bundle"].clone();
    let two = desk.inspected("two");
    assert_eq!(
        two["left_out"],
        json!([{ "bundle": one, "name": "one", "stream": null, "sequence": null,
        "blobs": 2, "bytes": 80_000 }])
    );
    let mut left_out: Vec<(&str, &str)> = two["elsewhere"]
        .as_array()
        .unwrap()
        .iter()
        .map(|blob| (digest_of(blob), blob["name"].as_str().unwrap()))
        .collect();
    left_out.sort_unstable();
    let (first, second) = (layer(&source, 1), layer(&source, 2));
    let mut expected = [(digest_of(&first), "app:1"), (digest_of(&second), "app:1")];
    expected.sort_unstable();
    assert_eq!(left_out, expected);
    assert_eq!(
        two["artifacts"][0]["bytes"].as_u64().unwrap() / 40_000,
        3,
        "what is left out counts as its size"
    );
    let sizes = |folder: &str| files(&desk.path(folder)).values().map(Vec::len).sum::<usize>();
    assert!(sizes("two") + 30_000 < sizes("one"), "{} bytes after {}", sizes("two"), sizes("one"));
    desk.carnet("inspect two --pub k.pub.pem -v").ok().says(&["LEFT OUT", "one", digest_of(&first)]);
    desk.carnet("verify two --pub k.pub.pem").ok().says(&["COMPLETE", "LEFT OUT", one.as_str().unwrap()]);
    desk.carnet("sign two --key k.key.pem").ok().says(&["LEFT OUT"]);
}

#[test]
fn a_delta_unpacks_into_the_layout_that_has_its_base() {
    let (desk, _) = two_bundles();
    unpack(&desk, "one", "oci:back").ok();
    let report = unpack(&desk, "two", "oci:back").ok().says(&["LEFT OUT"]);
    assert!(report.stdout.contains("2 already present"), "{}", report.stdout);
    let expected = desk.source("expected");
    for seeds in [&[1, 2][..], &[1, 2, 3]] {
        image(&expected, seeds);
    }
    assert_same_blobs(expected.path(), &desk.path("back"));
}

#[test]
fn nothing_is_written_where_the_base_is_missing() {
    let (desk, _) = two_bundles();
    let one = desk.inspected("one")["bundle"].as_str().unwrap().to_owned();
    unpack(&desk, "two", "oci:back").ends(4).says(&["error[base-missing]", &one, "2 blobs of 80000 bytes"]);
    assert!(!desk.path("back/index.json").exists());
    unpack(&desk, "two", "oci-archive:a.tar").ends(4).says(&["error[base-missing]", "--bundle"]);
    assert!(!desk.path("a.tar").exists());
    // An unrelated layout stays as it was.
    let mut other = desk.source("other");
    let unrelated = image(&other, &[9]);
    other.tag(&unrelated, "x:1");
    let before = files(other.path());
    unpack(&desk, "two", "oci:other").ends(4).says(&["error[base-missing]"]);
    assert!(files(other.path()) == before, "the layout changed");
}

#[test]
fn a_damaged_blob_in_the_layout_is_not_there() {
    let (desk, source) = two_bundles();
    unpack(&desk, "one", "oci:back").ok();
    let path = desk.path("back").join("blobs").join(digest_of(&layer(&source, 2)).replace(':', "/"));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[20_000] ^= 1;
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, &bytes).unwrap();
    let before = files(&desk.path("back"));
    unpack(&desk, "two", "oci:back")
        .ends(4)
        .says(&["error[base-missing]", "1 blob of 40000 bytes of bundle one"]);
    assert!(files(&desk.path("back")) == before, "the layout changed");
    unpack(&desk, "one", "oci:back").ok();
    unpack(&desk, "two", "oci:back").ok();
}

#[test]
fn the_chunks_of_the_base_may_be_given_instead() {
    let (desk, _) = two_bundles();
    unpack(&desk, "one two", "oci-archive:a.tar").ends(2).says(&["error[several-bundles]"]);
    unpack(&desk, "one two --bundle two", "oci-archive:a.tar").ok();
    unpack(&desk, "one two --bundle two", "oci:back").ok();
    let expected = desk.source("expected");
    image(&expected, &[1, 2, 3]);
    assert_same_blobs(expected.path(), &desk.path("back"));
    // Only the control chunk of the base has no layers.
    unpack(&desk, "one/one_00000.tar two --bundle two", "oci:no").ends(4).says(&["error[base-missing]"]);
    // Files under the base's id that nobody trusts are no source.
    desk.carnet("keygen x").ok();
    desk.sh(
        "cp -r one forged && for f in forged/*.tar; do printf x | dd of=$f bs=1 seek=600 conv=notrunc; done",
    )
    .ok();
    unpack(&desk, "forged two --bundle two", "oci:no").ends(4).says(&["error[base-missing]"]);
}

#[test]
fn a_delta_of_a_delta_names_the_bundle_that_carried_the_blob() {
    let (desk, _) = two_bundles();
    let (one, two) = (desk.inspected("one")["bundle"].clone(), desk.inspected("two")["bundle"].clone());
    pack(&desk, "three", "app:3", "--base two/two_00000.tar").ok();
    let three = desk.inspected("three");
    let count = |id: &Value| {
        let bases = three["left_out"].as_array().unwrap().iter();
        bases.filter(|base| base["bundle"] == *id).map(|base| base["blobs"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((count(&one), count(&two)), (2, 1));
    unpack(&desk, "one", "oci:back").ok();
    unpack(&desk, "three", "oci:back").ends(4).says(&["error[base-missing]", two.as_str().unwrap()]);
    unpack(&desk, "two", "oci:back").ok();
    unpack(&desk, "three", "oci:back").ok();
}

#[test]
fn the_source_need_not_have_what_is_left_out() {
    let (desk, source) = two_bundles();
    std::fs::remove_file(source.blob_path(&layer(&source, 1))).unwrap();
    pack(&desk, "full", "app:2", "").ends(4).says(&["error[blob-missing]"]);
    pack(&desk, "again", "app:2", "--base one").ok();
}

#[test]
fn the_same_command_gives_the_same_delta() {
    let (desk, _) = two_bundles();
    let options = "--base two --base one";
    pack(&desk, "three", "app:3", options).ok();
    let before = files(&desk.path("three"));
    pack(&desk, "three", "app:3", "--base one --base two").ok().says(&["nothing changed"]);
    assert!(files(&desk.path("three")) == before);
}

#[test]
fn bases_that_the_far_side_may_not_have_are_refused() {
    let (desk, _) = two_bundles();
    let stream = |name: &str, reference: &str, options: &str| pack(&desk, name, reference, options);
    stream("low1", "app:1", "--stream low --sequence 1").ok();
    stream("low1b", "app:3", "--stream low --sequence 1").ok();
    stream("low2", "app:2", "--stream low --sequence 2").ok();
    let low3 = |options: &str| stream("low3", "app:3", &format!("--stream low --sequence 3 {options}"));
    // Of another stream, of none, and the other way round.
    low3("--base one").ends(3).says(&[
        "error[base-refused]",
        "of no stream",
        "of stream low",
        "--allow-base",
    ]);
    stream("x", "app:3", "--stream high --base low1").ends(3).says(&["error[base-refused]", "of stream low"]);
    stream("x", "app:3", "--base low1").ends(3).says(&["error[base-refused]"]);
    // Two bundles with one number.
    low3("--base low1 --base low1b").ends(3).says(&["error[bundle-forked]", "forked at number 1"]);
    // Not before it.
    stream("x", "app:3", "--stream low --sequence 2 --base low2")
        .ends(3)
        .says(&["error[base-refused]", "lower"]);
    // By another packer.
    desk.carnet("keygen other").ok();
    desk.carnet("pack oci:src:app:1 --to foreign --name foreign --key other.key.pem --chunk-size 64KiB").ok();
    stream("x", "app:3", "--base foreign").ends(3).says(&["error[bundle-untrusted]"]);
    // Damaged, and no control chunk at all.
    desk.sh("cp -r one broken && printf '\\001' | dd of=broken/one_00000.tar bs=1 seek=9000 conv=notrunc")
        .ok();
    stream("x", "app:3", "--base broken").ends(4);
    stream("x", "app:3", "--base one/one_00001.tar").ends(4).says(&["error[control-chunk-missing]"]);
    assert!(!desk.path("x").exists(), "nothing was written");
    low3("--base one --allow-base other-stream").ok();
    desk.sh("rm -r low3").ok();
    low3("--base low1 --base low2").ok();
    // Both carried the layers; the one with the highest number counts.
    let left_out = desk.inspected("low3")["left_out"].clone();
    let of = |base: &Value| (base["name"].clone(), base["blobs"].clone());
    assert_eq!(left_out.as_array().unwrap().iter().map(of).collect::<Vec<_>>(), [(json!("low2"), json!(3))]);
}

#[test]
fn a_base_that_is_not_released_is_refused_unless_told() {
    let (desk, _) = two_bundles();
    desk.carnet("keygen alice").ok();
    let key = |holder: &str, roles: &str| {
        format!(
            "[[keys]]\nholder = \"{holder}\"\npublic-key-file = \"{holder}.pub.pem\"\nroles = [{roles}]\n"
        )
    };
    let trust = format!(
        "version = 1\nrelease-threshold = 1\n{}{}",
        key("k", "\"packer\""),
        key("alice", "\"releaser\"")
    );
    std::fs::write(desk.path("trust.toml"), trust).unwrap();
    let three = |options: &str| {
        pack(&desk, "three", "app:3", &format!("--base one --base-trust trust.toml {options}"))
    };
    three("").ends(3).says(&["error[bundle-untrusted]", "release signature"]);
    three("--allow-base unreleased").ok();
    desk.sh("rm -r three").ok();
    desk.carnet("sign one --key alice.key.pem").ok();
    three("").ok();
}

#[test]
fn a_base_with_an_annex_needs_its_annex_chunks() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    for seed in 0..150 {
        let image = image(&source, &[seed % 5 + 1, 10_000 + seed]);
        source.tag(&image, &format!("team/application-number-{seed}:1.0"));
    }
    let many = image(&source, &[1, 2, 3, 4, 5, 20_000]);
    source.tag(&many, "many:1");
    desk.carnet("pack oci:src --to one --name one --key k.key.pem --chunk-size 64KiB").ok();
    let inspected = desk.inspected("one");
    let chunks = inspected["chunks"].as_array().unwrap();
    let annex: Vec<u64> = chunks[1..]
        .iter()
        .filter(|chunk| chunk["kind"] == "control")
        .map(|chunk| chunk["number"].as_u64().unwrap())
        .collect();
    assert!(!annex.is_empty(), "it has an annex");
    pack(&desk, "two", "many:1", "--base one/one_00000.tar")
        .ends(4)
        .says(&["error[control-chunk-missing]", "annex"]);
    let files: String = annex.iter().map(|number| format!(" --base one/one_{number:05}.tar")).collect();
    pack(&desk, "two", "many:1", &format!("--base one/one_00000.tar{files}")).ok();
    let two = desk.inspected("two");
    assert_eq!(two["left_out"][0]["blobs"], 6);
    // The manifests of the base are in data chunks that were not given, so no artifact of it is known to need a blob.
    assert!(two["elsewhere"].as_array().unwrap().iter().all(|blob| blob["name"].is_null()), "{two}");
}

#[test]
fn an_audit_says_what_a_delta_leaves_out_as_not_seen() {
    let (desk, _) = two_bundles();
    let one = desk.inspected("one")["bundle"].as_str().unwrap().to_owned();
    let report = desk.carnet("audit two --pub k.pub.pem --json").json();
    let unread = report["coverage"]["unread"].as_array().unwrap();
    assert_eq!(unread.len(), 2, "{unread:?}");
    assert!(unread.iter().all(|layer| layer["why"].as_str().unwrap().contains(&one)), "{unread:?}");
    assert_eq!(report["coverage"]["complete"], false);
    let both = desk.carnet("audit one two --pub k.pub.pem --json").json();
    assert_eq!(both["coverage"]["unread"], json!([]), "the base was given");
}

#[test]
fn the_recovery_text_says_what_is_absent() {
    if !installed(&["openssl"]) {
        return;
    }
    let (desk, source) = two_bundles();
    let recover = |name: &str| {
        desk.sh(&format!("mkdir r{name} && cp {name}/*.tar r{name}/ && cp k.pub.pem r{name}/packer.pub.pem"))
            .ok();
        desk.sh(&format!("tar -xOf {name}/{name}_00000.tar recover.txt > recover.sh")).ok();
        desk.sh(&format!("cd r{name} && sh ../recover.sh"))
    };
    recover("one").ok();
    let one = desk.inspected("one")["bundle"].as_str().unwrap().to_owned();
    let run = recover("two").ends(1);
    let absent = digest_of(&layer(&source, 1)).to_owned();
    let run = run.says(&["absent, because bundle one", &one, &absent, "without what is absent"]);
    assert!(!run.stderr.contains("missing or incomplete"), "{}", run.stderr);
    desk.sh("cp -R rone/out/blobs/. rtwo/out/blobs/ && rm -rf rtwo/again && mkdir rtwo/again").ok();
    unpack(&desk, "one two --bundle two", "oci:back").ok();
    for name in files(&desk.path("back/blobs")).keys() {
        assert!(desk.path("rtwo/out/blobs").join(name).exists(), "{name}");
    }
}

#[test]
fn nondistributable_layers_are_left_out_too() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    let base = source.blob(foreign, &noise(7, 40_000));
    for (tag, seed) in [("app:1", 1), ("app:2", 2)] {
        let config = source.blob(CONFIG, format!("{{\"os\":\"windows\",\"seed\":{seed}}}").as_bytes());
        let image = source.manifest(&config, &[base.clone(), layer(&source, seed)]);
        source.tag(&image, tag);
    }
    pack(&desk, "one", "app:1", "").ok();
    pack(&desk, "two", "app:2", "--base one").ok();
    let two = desk.inspected("two");
    assert_eq!(two["elsewhere"][0]["class"], "nondistributable");
    assert_eq!(two["elsewhere"].as_array().unwrap().len(), 1);
    unpack(&desk, "one", "oci:back").ok();
    unpack(&desk, "two", "oci:back").ok();
    // Left out on request is another thing than left out because it is there.
    pack(&desk, "omitted", "app:2", "--base one --nondistributable omit").ok();
    let omitted = desk.inspected("omitted");
    assert_eq!(omitted["elsewhere"], json!([]));
    assert_eq!(omitted["omitted"][0]["reason"], "nondistributable");
}
