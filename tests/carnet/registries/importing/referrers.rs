//! Referrers in registries with and without the referrers API.

use serde_json::{Value, json};

use crate::behaviour::layouts::{INDEX, MANIFEST, digest_of};
use crate::registries::http::{Fault, Response};
use crate::registries::packing::fallback_tags;
use crate::registries::server::{Options, Registry};
use crate::registries::station::{Station, assert_same};

use super::{expected, packed, writes};

#[test]
fn without_the_api_referrers_are_found_by_fallback_tags() {
    let station = packed("");
    let registry = Registry::with(Options { referrers: false, ..Options::default() });
    let app = || registry.repository("team/app");
    station.import(&registry.name(), "").ok();
    let whole = expected(&station, "team/app");
    fallback_tags(&whole, "team/app");
    let tags: Vec<_> = app().tags.into_keys().collect();
    assert_eq!(tags, whole.repository("team/app").tags.into_keys().collect::<Vec<_>>());
    assert_eq!(tags.len(), 4);
    for subject in whole.repository("team/app").manifests.keys() {
        let told = |one: &Value| (one["digest"].clone(), one["artifactType"].clone(), one["size"].clone());
        let mut expected: Vec<_> = whole.referrers("team/app", subject).iter().map(told).collect();
        let tag = subject.replace(':', "-");
        let document =
            app().resolve(&tag).map(|digest| app().manifests[digest].document()).unwrap_or_default();
        let listed = document["manifests"].as_array().cloned().unwrap_or_default();
        let mut found: Vec<_> = listed.iter().map(told).collect();
        expected.sort_by_key(|one| one.0.to_string());
        found.sort_by_key(|one| one.0.to_string());
        assert_eq!(found, expected, "{subject}");
    }
    let before = app();
    registry.forget();
    station.import(&registry.name(), "").ok();
    assert!(writes(&registry).is_empty(), "{:#?}", writes(&registry));
    assert_same(&app(), &before);
}

#[test]
fn a_fallback_tag_keeps_its_entries_and_can_always_be_extended() {
    let station = packed("");
    let registry = Registry::with(Options { referrers: false, ..Options::default() });
    let subject = {
        let whole = expected(&station, "team/app").repository("team/app");
        whole.tags["1"].clone()
    };
    let other = json!({ "mediaType": MANIFEST, "digest": format!("sha256:{}", "7".repeat(64)), "size": 7,
        "artifactType": "application/vnd.example.other", "annotations": { "who": "was first" } });
    registry.change("team/app", |app| {
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [other] });
        let digest = app.add(INDEX, index.to_string().as_bytes());
        app.tags.insert(subject.replace(':', "-"), digest);
        let stranger = Vec::from(*b"{}");
        app.manifests.insert(
            other["digest"].as_str().unwrap().to_owned(),
            crate::registries::server::Manifest { media_type: MANIFEST.to_owned(), bytes: stranger },
        );
    });
    station.import(&registry.name(), "").ok();
    let app = registry.repository("team/app");
    let index = app.manifests[app.resolve(&subject.replace(':', "-")).unwrap()].document();
    let listed = index["manifests"].as_array().unwrap();
    assert_eq!(listed.len(), 2, "{index}");
    assert!(listed.contains(&other), "{index}");
}

#[test]
fn registries_with_the_referrers_api_get_no_fallback_tags() {
    let station = packed("");
    let registry = Registry::start();
    station.import(&registry.name(), "").ok();
    let tags: Vec<_> = registry.repository("team/app").tags.into_keys().collect();
    assert_eq!(tags, ["1"]);
}

/// A bundle with two images, of which the first has two referrers, and the digests of the referrers.
fn signed() -> (Station, [String; 2]) {
    let station = Station::new();
    let mut source = station.source("src");
    let one = source.image(1, &[500]);
    source.tag(&one, "low.example/one:1");
    source.tag(&source.image(2, &[500]), "low.example/two:1");
    let referrers = ["signature", "sbom"].map(|text| {
        let referrer = source.referrer(&one, "application/vnd.example.referrer", text);
        source.list(&referrer);
        digest_of(&referrer).to_owned()
    });
    station.pack("oci:src").ok();
    (station, referrers)
}

#[test]
fn an_artifact_is_not_tagged_if_its_referrers_fail() {
    let (station, [signature, _]) = signed();
    let registry = Registry::start();
    let path = format!("/v2/one/manifests/{signature}");
    registry.fault(Fault::on("PUT", &path).answers(Response::new(403)));
    let run = station.import(&registry.name(), "--continue-on-errors --receipt receipt.json").ends(4);
    run.says(&["low.example/one:1", "registry-denied"]);
    assert!(registry.repository("one").tags.is_empty(), "{:?}", registry.repository("one").tags);
    assert_eq!(registry.repository("two").tags.len(), 1);
    registry.heal();
    station.import(&registry.name(), "").ok();
    assert_eq!(registry.repository("one").tags.len(), 1);
}

#[test]
fn without_its_referrers_list_every_referrer_has_failed() {
    let (station, referrers) = signed();
    let registry = Registry::with(Options { referrers: false, ..Options::default() });
    registry.fault(Fault::on("PUT", "/v2/one/manifests/sha256-*").answers(Response::new(403)));
    station.import(&registry.name(), "--continue-on-errors --receipt receipt.json").ends(4);
    let receipt = std::fs::read(station.path("receipt.json")).unwrap();
    let receipt: Value = serde_json::from_slice(&receipt).unwrap();
    for digest in referrers {
        let all = receipt["referrers"].as_array().unwrap();
        let told = all.iter().find(|one| one["digest"] == digest.as_str()).unwrap();
        assert_eq!(told["outcome"], "failed", "{told}");
    }
    assert!(registry.repository("one").tags.is_empty());
    assert_eq!(registry.repository("two").tags.len(), 1);
}
