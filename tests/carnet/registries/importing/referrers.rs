//! Referrers where the registry tells of them, and where it does not.

use serde_json::{Value, json};

use crate::behaviour::layouts::{INDEX, MANIFEST};
use crate::registries::packing::fallback_tags;
use crate::registries::server::{Options, Registry};
use crate::registries::station::assert_same;

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
fn a_fallback_tag_keeps_what_it_lists_and_needs_no_permission_to_grow() {
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
fn where_the_registry_tells_of_subjects_there_are_no_fallback_tags() {
    let station = packed("");
    let registry = Registry::start();
    station.import(&registry.name(), "").ok();
    let tags: Vec<_> = registry.repository("team/app").tags.into_keys().collect();
    assert_eq!(tags, ["1"]);
}
