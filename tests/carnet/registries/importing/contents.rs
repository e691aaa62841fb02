//! What import pushes, in which order, and what it does not send.

use serde_json::json;

use crate::behaviour::layouts::{CONFIG, EMPTY, LAYER, MANIFEST, digest_of, plain};
use crate::behaviour::support::noise;
use crate::registries::http::{Fault, Response};
use crate::registries::server::{Options, Registry};
use crate::registries::station::{Station, assert_same};

use super::{arrivals, expected, packed, writes};

#[test]
fn everything_arrives_byte_for_byte_and_tag_for_tag() {
    for options in ["", "--chunk-size 64KiB"] {
        let station = packed(options);
        let registry = Registry::start();
        station.import(&registry.name(), "").ok();
        assert_same(&registry.repository("team/app"), &expected(&station, "team/app").repository("team/app"));
        assert_eq!(registry.repositories(), ["team/app"]);
        assert_eq!(registry.open_uploads(), 0);
        let refused = registry.log().into_iter().filter(|exchange| exchange.status >= 400);
        let refused: Vec<_> = refused.filter(|one| !["GET", "HEAD"].contains(&one.method.as_str())).collect();
        assert!(refused.is_empty(), "{refused:#?}");
    }
}

#[test]
fn blobs_are_pushed_before_manifests_children_before_indexes_and_tags_last() {
    let station = packed("--chunk-size 64KiB");
    let registry = Registry::start();
    station.import(&registry.name(), "").ok();
    let arrivals = arrivals(&registry);
    let app = registry.repository("team/app");
    let place = |name: &str| {
        arrivals
            .iter()
            .position(|one| one == name)
            .unwrap_or_else(|| panic!("{name} never came: {arrivals:?}"))
    };
    // A document with a tag may be pushed under the tag only.
    let tag = app.tags["1"].clone();
    let of = |digest: &str| if digest == tag { place("1") } else { place(digest) };
    for (digest, manifest) in &app.manifests {
        let document = manifest.document();
        let all = |key: &str| document[key].as_array().cloned().unwrap_or_default();
        let needs = all("layers").into_iter().chain(all("manifests")).chain(document.get("config").cloned());
        for needed in needs {
            let needed = digest_of(&needed);
            assert!(of(needed) < of(digest), "{needed} is needed by {digest}, and came later");
        }
    }
    assert_eq!(arrivals.last().map(String::as_str), Some("1"));
    let first = app.blobs.get(&arrivals[0]).map(|blob| blob.len());
    assert_eq!(first, Some(20_000), "the layer that may not be distributed comes first");
}

#[test]
fn importing_again_changes_nothing() {
    let station = packed("");
    let registry = Registry::start();
    station.import(&registry.name(), "").ok();
    let before = registry.repository("team/app");
    registry.forget();
    station.import(&registry.name(), "").ok();
    assert!(writes(&registry).is_empty(), "{:#?}", writes(&registry));
    assert_same(&registry.repository("team/app"), &before);
}

#[test]
fn blobs_that_the_registry_has_are_not_sent() {
    let station = packed("");
    let registry = Registry::start();
    let whole = expected(&station, "team/app").repository("team/app");
    let missing = whole.blobs.iter().find(|(_, blob)| blob.len() == 60_000).unwrap().0.clone();
    registry.change("team/app", |app| {
        app.blobs.clone_from(&whole.blobs);
        app.blobs.remove(&missing);
    });
    station.import(&registry.name(), "").ok();
    assert_same(&registry.repository("team/app"), &whole);
    let blobs: Vec<_> = arrivals(&registry).into_iter().filter(|one| whole.blobs.contains_key(one)).collect();
    assert_eq!(blobs, [missing]);
    let sent: u64 = writes(&registry).iter().map(|one| one.received).sum();
    assert!(sent < 80_000, "{sent}");
}

/// A bundle with one layer in two repositories.
fn two_repositories() -> Station {
    let station = Station::new();
    let mut source = station.source("src");
    let image = source.image(1, &[90_000]);
    source.tag(&image, "low.example/one:1");
    source.tag(&image, "low.example/two:1");
    station.pack("oci:src").ok();
    station
}

#[test]
fn a_blob_in_two_repositories_is_sent_once_and_mounted() {
    for mounts in [true, false] {
        let station = two_repositories();
        let registry = Registry::with(Options { mounts, ..Options::default() });
        station.import(&registry.name(), "").ok();
        for name in ["one", "two"] {
            assert_eq!(registry.repository(name).tags.len(), 1);
            assert_eq!(registry.repository(name).blobs.len(), 2);
        }
        assert_eq!(registry.open_uploads(), 0);
        let sent: u64 = writes(&registry).iter().map(|one| one.received).sum();
        assert_eq!(sent < 2 * 90_000, mounts, "{sent} bytes were sent");
    }
}

#[test]
fn a_dry_run_changes_nothing() {
    let station = packed("");
    let registry = Registry::start();
    station.import(&registry.name(), "--dry-run").ok().says(&["team/app:1"]);
    assert!(writes(&registry).is_empty());
    assert_eq!(registry.repositories(), Vec::<String>::new());
}

#[test]
fn if_one_artifact_fails_the_others_arrive() {
    let station = Station::new();
    let mut source = station.source("src");
    for (seed, name) in ["one", "two", "three"].into_iter().enumerate() {
        source.tag(&source.image(seed as u64, &[500]), &format!("low.example/{name}:1"));
    }
    station.pack("oci:src").ok();
    let fault = || {
        let registry = Registry::start();
        registry.fault(Fault::on("PUT", "/v2/two/manifests/*").answers(Response::new(403)));
        registry
    };
    let registry = fault();
    station.import(&registry.name(), "").ends(1).says(&["error[registry-denied]", &registry.name()]);
    assert!(registry.repository("two").tags.is_empty());
    let registry = fault();
    let run = station.import(&registry.name(), "--continue-on-errors").ends(4);
    run.says(&["low.example/two:1", "registry-denied"]);
    for name in ["one", "three"] {
        assert_eq!(registry.repository(name).tags.len(), 1, "{name}");
    }
    assert!(registry.repository("two").tags.is_empty());
}

#[test]
fn an_untrusted_or_incomplete_bundle_reaches_no_registry() {
    let station = packed("--chunk-size 64KiB");
    station.carnet("keygen stranger").ok();
    let registry = Registry::start();
    let to = format!("--to docker://{}", registry.name());
    station.carnet(&format!("import out --pub stranger.pub.pem {to}")).ends(3);
    let last = station.chunks().pop().unwrap();
    std::fs::rename(station.path("out").join(&last), station.path("aside")).unwrap();
    station.import(&registry.name(), "").ends(4);
    assert_eq!(registry.accepted_connections(), 0);
    // A damaged byte is found at the latest when its blob is sent, and the upload is not completed.
    let mut bytes = std::fs::read(station.path("aside")).unwrap();
    let at = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[at] ^= 1;
    std::fs::write(station.path("out").join(&last), bytes).unwrap();
    station.import(&registry.name(), "").ends(4);
    assert!(registry.repository("team/app").tags.is_empty());
}

#[test]
fn a_manifest_with_another_digest_than_its_tag_shows_is_unchanged() {
    let station = Station::new();
    let mut source = station.source("src");
    let manifest = source.image(1, &[500]);
    let bytes = std::fs::read(source.blob_path(&manifest)).unwrap();
    source.tag(&source.blob_sha512(MANIFEST, &bytes), "low.example/app:1");
    station.pack("oci:src").ok();
    let registry = Registry::start();
    station.import(&registry.name(), "").ok();
    assert!(registry.repository("app").tags["1"].starts_with("sha256:"));
    registry.forget();
    station.import(&registry.name(), "").ok().says(&["unchanged"]);
    assert!(writes(&registry).is_empty(), "{:#?}", writes(&registry));
}

#[test]
fn artifacts_of_every_kind_arrive() {
    let station = Station::new();
    let mut source = station.source("src");
    let empty = source.blob(EMPTY, b"{}");
    let chart = source.blob("application/vnd.cncf.helm.chart.content.v1.tar+gzip", &noise(1, 3000));
    let fields = json!({ "config": empty, "layers": [chart], "artifactType": "application/vnd.cncf.helm.config.v1+json" });
    source.tag(&source.document(MANIFEST, &fields), "low.example/charts/app:1.0.0");
    let long = source.blob_sha512(LAYER, &noise(2, 70_000));
    let config = source.blob(CONFIG, b"{}");
    let image = source.manifest(&config, &[long, source.blob(LAYER, b"")]);
    source.tag(&source.index(&[plain(&image)]), "low.example/nested:1");
    source.tag(&source.index(&[]), "low.example/empty:1");
    station.pack("oci:src").ok();
    let registry = Registry::start();
    station.import(&registry.name(), "").ok();
    for name in ["charts/app", "nested", "empty"] {
        assert_eq!(registry.repository(name).tags.len(), 1, "{name}");
    }
    let nested = registry.repository("nested");
    assert!(nested.blobs.keys().any(|digest| digest.starts_with("sha512:")));
    assert!(nested.blobs.values().any(|blob| blob.is_empty()));
}
