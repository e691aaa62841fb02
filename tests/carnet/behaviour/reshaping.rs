//! New bundles of verified ones, without their source.

use serde_json::{Value, json};

use super::deltas::image;
use super::layouts::{digest_of, on, plain};
use super::support::{Desk, Run, assert_same_blobs, assert_same_layout, entries, files, installed};

/// The layout `src` with an index for two platforms, an SBOM, and another image; and the bundle `one` of it.
fn packed(options: &str) -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let (amd, arm) = (image(&source, &[1, 2]), image(&source, &[1, 3]));
    let index = source.index(&[on("linux/amd64", &amd), on("linux/arm64/v8", &arm)]);
    source.tag(&index, "team/app:1");
    source.tag(&image(&source, &[4]), "team/other:1");
    let sbom = source.referrer(&index, "application/spdx+json", "sbom");
    source.list(&sbom);
    desk.carnet(&format!("pack oci:src --to one --name one --key k.key.pem --chunk-size 64KiB {options}"))
        .ok();
    desk
}

fn reshape(desk: &Desk, verb: &str, places: &str, options: &str) -> Run {
    desk.carnet(&format!("{verb} {places} --pub k.pub.pem --key k.key.pem {options}"))
}

fn ids(bundle: &Value) -> Vec<&str> {
    bundle["origins"].as_array().unwrap().iter().map(|origin| origin["bundle"].as_str().unwrap()).collect()
}

#[test]
fn a_bundle_is_split_anew_without_its_source() {
    let desk = packed("--label RESTRICTED --expires 2099-01-01");
    std::fs::rename(desk.path("src"), desk.path("kept")).unwrap();
    let one = desk.inspected("one");
    reshape(&desk, "resplit", "one", "--chunk-size 100KiB --to two").ok().says(&["MADE OF", "one"]);
    let two = desk.inspected("two");
    assert_eq!(two["chunk_bytes"], 102_400);
    assert_eq!(ids(&two), [one["bundle"].as_str().unwrap()]);
    for field in ["name", "label", "expires", "artifacts", "omitted", "payload_bytes"] {
        assert_eq!(two[field], one[field], "{field}");
    }
    assert_eq!(two["sequence"], Value::Null);
    desk.carnet("verify two --pub k.pub.pem").ok().says(&["COMPLETE", "MADE OF", "not checked"]);
    desk.carnet("unpack two --pub k.pub.pem --to oci:back").ok();
    assert_same_layout(&desk.path("kept"), &desk.path("back"));
    // Again: nothing changes.
    reshape(&desk, "resplit", "one", "--chunk-size 100KiB --to two").ok().says(&["nothing changed"]);
    // Back again: only the name of the origin differs.
    reshape(&desk, "resplit", "two", "--chunk-size 64KiB --to three").ok();
    let three = desk.inspected("three");
    assert_eq!(three["blobs"], one["blobs"]);
    assert_eq!(ids(&three), [two["bundle"].as_str().unwrap()]);
}

#[test]
fn what_was_signed_travels_and_can_be_checked_by_hand() {
    if !installed(&["openssl"]) {
        return;
    }
    let desk = packed("--stream low --sequence 7");
    desk.carnet("keygen alice").ok();
    desk.carnet("sign one --key alice.key.pem").ok();
    reshape(&desk, "resplit", "one", "--chunk-size 1MiB --to two").ok();
    let origin = desk.inspected("two")["origins"][0].clone();
    assert_eq!((&origin["stream"], &origin["sequence"]), (&json!("low"), &json!(7)));
    assert_eq!(origin["signed_by"].as_array().unwrap().len(), 2, "{origin}");
    desk.sh("tar -xf two/one_00000.tar plan.txt && sed -n 's/^statement //p' plan.txt | base64 -d > statement.txt").ok();
    desk.sh("grep -q '^sequence 7$' statement.txt").ok();
    for key in ["k", "alice"] {
        let verified = |number: usize| {
            desk.sh(&format!(
                "sed -n 's/^signature [^ ]* //p' plan.txt | sed -n {number}p | base64 -d > s.sig"
            ))
            .ok();
            let verify = "openssl pkeyutl -verify -pubin -rawin -in statement.txt -sigfile s.sig -inkey";
            desk.sh(&format!("{verify} {key}.pub.pem")).code == Some(0)
        };
        assert!(verified(1) || verified(2), "{key}");
    }
}

#[test]
fn old_releases_release_nothing() {
    let desk = packed("");
    desk.carnet("keygen alice").ok();
    desk.carnet("keygen other").ok();
    let key = |holder: &str, role: &str| {
        format!(
            "[[keys]]\nholder = \"{holder}\"\npublic-key-file = \"{holder}.pub.pem\"\nroles = [\"{role}\"]\n"
        )
    };
    let trust =
        ["version = 1\nrelease-threshold = 1\n".to_owned(), key("k", "packer"), key("alice", "releaser")];
    std::fs::write(desk.path("trust.toml"), trust.concat()).unwrap();
    let resplit = |options: &str| {
        desk.carnet(&format!("resplit one --trust trust.toml --chunk-size 1MiB --to two {options}"))
    };
    // One that is not released is not reshaped.
    resplit("--key k.key.pem").ends(3).says(&["error[bundle-untrusted]"]);
    assert!(!desk.path("two").exists());
    desk.carnet("sign one --key alice.key.pem").ok();
    resplit("--key k.key.pem").ok();
    desk.carnet("verify two --trust trust.toml").ends(3).says(&["NOT RELEASED", "0 of 1"]);
    // A new packer that nobody trusts is not trusted because of what it took.
    resplit("--key other.key.pem --name foreign").ok();
    desk.sh("rm two/one_*").ok();
    desk.carnet("verify two --trust trust.toml").ends(3).says(&["NOT TRUSTED"]);
}

#[test]
fn some_artifacts_are_extracted_with_their_referrers() {
    let desk = packed("");
    reshape(&desk, "extract", "one", "--artifact team/app:1 --to two --name app").ok();
    let two = desk.inspected("two");
    let names: Vec<&str> =
        two["artifacts"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["team/app:1"]);
    assert_eq!(two["artifacts"][0]["referrers"].as_array().unwrap().len(), 1);
    desk.carnet("unpack two --pub k.pub.pem --to oci:back").ok();
    assert_eq!(entries(&desk.path("back")).len(), 2);
    assert!(!entries(&desk.path("back")).iter().any(|entry| entry.0.as_deref() == Some("team/other:1")));
    let other = desk.inspected("one")["artifacts"][1]["digest"].as_str().unwrap().to_owned();
    reshape(&desk, "extract", "one", &format!("--artifact {other} --to three --name other")).ok();
    reshape(&desk, "extract", "one", "--artifact team/ap:1 --to four --name x")
        .ends(1)
        .says(&["error[no-such-artifact]", "team/app:1"]);
    assert!(!desk.path("four").exists());
}

#[test]
fn what_was_left_out_stays_named() {
    let desk = packed("--platform linux/amd64");
    let one = desk.inspected("one");
    assert_eq!(one["omitted"].as_array().unwrap().len(), 1);
    reshape(&desk, "resplit", "one", "--chunk-size 1MiB --to two").ok();
    let two = desk.inspected("two");
    assert_eq!(two["omitted"], one["omitted"]);
    assert_eq!(two["platforms"], one["platforms"]);
    desk.carnet("verify two --pub k.pub.pem").ok();
}

#[test]
fn bundles_are_merged_and_a_delta_with_its_base_becomes_full() {
    let desk = packed("");
    let mut more = desk.source("more");
    more.tag(&image(&more, &[1, 2, 5]), "team/new:1");
    desk.carnet("pack oci:more --to delta --name delta --key k.key.pem --chunk-size 64KiB --base one").ok();
    assert_eq!(desk.inspected("delta")["left_out"][0]["blobs"], 2);
    reshape(&desk, "merge", "one delta", "--to all --name all").ok();
    let all = desk.inspected("all");
    assert_eq!(all["left_out"], json!([]));
    let (one, delta) = (desk.inspected("one"), desk.inspected("delta"));
    let mut expected = [one["bundle"].as_str().unwrap(), delta["bundle"].as_str().unwrap()];
    expected.sort_unstable();
    assert_eq!(ids(&all), expected);
    desk.carnet("unpack all --pub k.pub.pem --to oci:back").ok();
    desk.sh("cp -r src expected && cp -r more/blobs expected/").ok();
    assert_same_blobs(&desk.path("expected"), &desk.path("back"));
    // A delta alone stays one.
    reshape(&desk, "resplit", "delta", "--chunk-size 1MiB --to alone").ok();
    let alone = desk.inspected("alone");
    assert_eq!(alone["left_out"], delta["left_out"]);
    assert_eq!(alone["elsewhere"], delta["elsewhere"]);
}

#[test]
fn bundles_that_contradict_each_other_are_not_merged() {
    let desk = packed("");
    let mut other = desk.source("otherwise");
    other.tag(&image(&other, &[8]), "team/app:1");
    let pack = |name: &str, source: &str, options: &str| {
        let pack = format!(
            "pack oci:{source} --to {name} --name {name} --key k.key.pem --chunk-size 64KiB {options}"
        );
        desk.carnet(&pack).ok();
    };
    let merge = |places: &str| reshape(&desk, "merge", places, "--to all --name all");
    pack("renamed", "otherwise", "");
    merge("one renamed").ends(1).says(&["error[name-twice]", "team/app:1"]);
    pack("narrow", "src", "--platform linux/amd64");
    merge("one narrow").ends(2).says(&["error[bundles-differ]", "platforms"]);
    pack("bare", "src", "--no-referrers");
    merge("one bare").ends(2).says(&["error[bundles-differ]", "referrers"]);
    pack("marked", "src", "--label SECRET");
    merge("one marked").ends(2).says(&["error[bundles-differ]", "--label"]);
    assert!(!desk.path("all").exists());
    reshape(&desk, "merge", "one marked", "--to all --name all --label SECRET").ok();
    assert_eq!(desk.inspected("all")["label"], "SECRET");
}

#[test]
fn what_is_incomplete_or_damaged_makes_no_bundle() {
    let desk = packed("");
    desk.sh("cp -r one lost && rm lost/one_00001.tar").ok();
    reshape(&desk, "resplit", "lost", "--chunk-size 1MiB --to two")
        .ends(4)
        .says(&["error[bundle-incomplete]"]);
    assert!(!desk.path("two").exists());
    // A flipped byte in a layer shows when it is moved.
    desk.sh("cp -r one flipped && printf '\\001' | dd of=flipped/one_00001.tar bs=1 seek=30000 conv=notrunc")
        .ok();
    reshape(&desk, "resplit", "flipped", "--chunk-size 1MiB --to two")
        .ends(4)
        .says(&["error[blob-mismatch]"]);
    assert!(!files(&desk.path("two")).contains_key("one_00000.tar"), "no control chunk");
    // Running it again with good chunks is safe.
    reshape(&desk, "resplit", "one", "--chunk-size 1MiB --to two").ok();
    desk.carnet("verify two --pub k.pub.pem").ok();
}

#[test]
fn nondistributable_layers_still_come_first() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    let config = source.blob(super::layouts::CONFIG, b"{\"os\":\"windows\"}");
    let layer = source.blob(foreign, &super::support::noise(7, 40_000));
    let image = source.manifest(&config, std::slice::from_ref(&layer));
    source.tag(&image, "app:1");
    desk.carnet("pack oci:src --to one --name one --key k.key.pem --chunk-size 64KiB").ok();
    reshape(&desk, "resplit", "one", "--chunk-size 1MiB --to two").ok();
    let two = desk.inspected("two");
    assert_eq!(two["chunks"][1]["class"], "nondistributable");
    assert_eq!(digest_of(&two["blobs"][0]), digest_of(&plain(&layer)));
    desk.carnet("pack oci:src --to less --name less --key k.key.pem --nondistributable omit").ok();
    reshape(&desk, "resplit", "less", "--chunk-size 1MiB --to three").ok();
    assert_eq!(desk.inspected("three")["omitted"][0]["reason"], "nondistributable");
    reshape(&desk, "merge", "one less", "--to all --name all").ends(2).says(&["error[bundles-differ]"]);
}
