//! What import puts into a registry, in which order, under which names, and what it leaves alone.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::{Delivery, Exchange, Fault, Request, Response};
use super::packing::fallback_tags;
use super::server::{Options, Registry};
use super::station::{Station, assert_same};
use crate::behaviour::layouts::{CONFIG, EMPTY, INDEX, LAYER, MANIFEST, digest_of, on, plain, with};
use crate::behaviour::support::{noise, signal, wait_for};

const FOREIGN: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";

/// The layout `src` with about everything in it, named `low.example/team/app:1`.
fn everything(station: &Station) {
    let mut source = station.source("src");
    let (one, two) = (source.image(1, &[150_000, 0, 3000]), source.image(2, &[60_000]));
    let config = source.blob(CONFIG, b"{\"os\":\"windows\"}");
    let foreign =
        with(source.blob(FOREIGN, &noise(3, 20_000)), &json!({ "urls": ["https://layers.example/base"] }));
    let windows = source.manifest(&config, &[foreign, source.blob(LAYER, &noise(4, 10))]);
    let children = [on("linux/amd64", &one), on("linux/arm64/v8", &two), on("windows/amd64", &windows)];
    let index = source.index(&children);
    source.tag(&index, "low.example/team/app:1");
    let sbom = source.referrer(&one, "application/spdx+json", "sbom");
    let signature = source.referrer(&sbom, "application/vnd.example.signature", "signature");
    let statement = source.referrer(&index, "application/vnd.in-toto+json", "statement");
    for referrer in [sbom, signature, statement] {
        source.list(&referrer);
    }
}

/// A bundle of `everything`.
fn packed(options: &str) -> Station {
    let station = Station::new();
    everything(&station);
    station.pack(&format!("oci:src {options}")).ok();
    station
}

/// A bundle of one image with that name.
fn one_image(name: &str) -> Station {
    let station = Station::new();
    let mut source = station.source("src");
    source.tag(&source.image(1, &[100_000, 50_000]), name);
    station.pack("oci:src").ok();
    station
}

/// A registry that holds the layout `src` in that repository.
fn expected(station: &Station, repository: &str) -> Registry {
    let registry = Registry::start();
    registry.seed(&station.path("src"), repository);
    registry
}

fn writes(registry: &Registry) -> Vec<Exchange> {
    let mut log = registry.log();
    log.retain(|exchange| !["GET", "HEAD"].contains(&exchange.method.as_str()));
    log
}

/// What a successful request put into the registry: digest or tag, in the order of their coming.
fn arrivals(registry: &Registry) -> Vec<String> {
    let name = |exchange: &Exchange| {
        let mounted = || Some(exchange.target.split_once("mount=")?.1.split('&').next()?.to_owned());
        let uploaded = || Some(exchange.target.split_once("digest=")?.1.split('&').next()?.to_owned());
        let manifest = || Some(exchange.target.split_once("/manifests/")?.1.to_owned());
        mounted().or_else(uploaded).or_else(manifest).map(|name| name.replace("%3A", ":"))
    };
    let made = |exchange: &Exchange| exchange.status == 201;
    writes(registry).iter().filter(|exchange| made(exchange)).filter_map(name).collect()
}

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
fn blobs_come_before_manifests_children_before_indexes_and_the_tag_last() {
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
    // A document that has a tag may come by that tag alone.
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
fn once_more_changes_nothing() {
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
fn what_the_registry_has_is_not_sent_again() {
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

#[test]
fn a_tag_that_points_elsewhere_is_left_alone_replaced_or_kept_aside() {
    let station = one_image("low.example/app:1");
    let new = expected(&station, "app").repository("app").tags["1"].clone();
    let start = || {
        let registry = Registry::start();
        let mut source = station.source("old");
        source.tag(&source.image(50, &[700]), "1");
        registry.seed(source.path(), "app");
        registry
    };
    let registry = start();
    let before = registry.repository("app");
    let old = before.tags["1"].clone();
    let run = station.import(&registry.name(), "").ends(1);
    run.says(&["error[tag-exists]", &registry.name(), "app:1", &old, &new, "--overwrite-tags"]);
    assert_eq!(registry.repository("app").tags, before.tags);
    station.import(&registry.name(), "--overwrite-tags").ok();
    assert_eq!(registry.repository("app").tags["1"], new);

    let registry = start();
    station.import(&registry.name(), "--backup-tags .old").ok();
    let tags = registry.repository("app").tags;
    assert_eq!((&tags["1"], &tags["1.old"], tags.len()), (&new, &old, 2));
    // The old one is kept before the new one takes its place.
    let arrivals = arrivals(&registry);
    let place = |name: &str| arrivals.iter().position(|one| one == name).unwrap();
    assert!(place("1.old") < place("1"), "{arrivals:?}");
    // A tag that points where it should needs neither.
    station.import(&registry.name(), "--backup-tags .older").ok();
    assert_eq!(registry.repository("app").tags, tags);
}

#[test]
fn a_taken_tag_is_noticed_before_anything_is_sent() {
    let station = one_image("low.example/app:1");
    let registry = Registry::start();
    let mut source = station.source("old");
    source.tag(&source.image(50, &[700]), "1");
    registry.seed(source.path(), "app");
    station.import(&registry.name(), "").ends(1);
    assert!(writes(&registry).is_empty(), "{:#?}", writes(&registry));
}

#[test]
fn names_lose_their_host_and_gain_a_prefix_or_are_changed_by_rule() {
    let station = Station::new();
    let mut source = station.source("src");
    for (seed, name) in [
        "registry.example/team/app:1",
        "registry.example:5000/team/base:2",
        "low.example/lone:3",
        "team/local:4",
    ]
    .into_iter()
    .enumerate()
    {
        source.tag(&source.image(seed as u64, &[300]), name);
    }
    station.pack("oci:src").ok();
    let held = |registry: &Registry| {
        let names = registry.repositories().into_iter().flat_map(|name| {
            let tags = registry.repository(&name).tags.into_keys();
            tags.map(|tag| format!("{name}:{tag}")).collect::<Vec<_>>()
        });
        names.collect::<Vec<_>>()
    };
    let registry = Registry::start();
    station.import(&registry.name(), "").ok();
    assert_eq!(held(&registry), ["lone:3", "team/app:1", "team/base:2", "team/local:4"]);
    let registry = Registry::start();
    station.import(&format!("{}/from/low", registry.name()), "").ok();
    assert_eq!(
        held(&registry),
        ["from/low/lone:3", "from/low/team/app:1", "from/low/team/base:2", "from/low/team/local:4"]
    );
    let registry = Registry::start();
    let rules = "--rename registry\\.example(:5000)?/team/(.*):(.*)=new/$2:v$3 \
                 --rename .*/lone:.*=single --rename .*=never/$0";
    station.import(&format!("{}/pre", registry.name()), rules).ok();
    let held = held(&registry);
    assert!(held.contains(&"pre/new/app:v1".to_owned()), "{held:?}");
    assert!(held.contains(&"pre/new/base:v2".to_owned()), "{held:?}");
    assert!(held.iter().any(|name| name.starts_with("pre/single")), "{held:?}");
}

#[test]
fn a_name_without_a_repository_is_an_error_that_says_how_to_name_it() {
    let station = one_image("1.0");
    let registry = Registry::start();
    let run = station.import(&registry.name(), "").ends(2);
    run.says(&["error[repository-unnamed]", "1.0", "--rename"]);
    assert_eq!(registry.accepted_connections(), 0, "it is known without asking");
    station.import(&registry.name(), "--rename 1\\.0=app:1.0").ok();
    assert!(registry.repository("app").tags.contains_key("1.0"));
}

#[test]
fn one_artifact_of_many_is_imported_alone() {
    let station = Station::new();
    let mut source = station.source("src");
    source.tag(&source.image(1, &[300]), "low.example/one:1");
    source.tag(&source.image(2, &[400]), "low.example/two:1");
    station.pack("oci:src").ok();
    let registry = Registry::start();
    station.import(&registry.name(), "--artifact low.example/two:1").ok();
    assert_eq!(registry.repositories(), ["two"]);
    assert!(registry.repository("two").blobs.values().all(|blob| blob.len() != 300));
    let run = station.import(&registry.name(), "--artifact low.example/tow:1").ends(1);
    run.says(&["error[no-such-artifact]", "low.example/tow:1", "low.example/two:1"]);
    station.import(&registry.name(), "--bundle nobody").ends(1);
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
fn a_blob_of_two_repositories_is_sent_once_and_mounted() {
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
fn a_dry_run_only_looks() {
    let station = packed("");
    let registry = Registry::start();
    station.import(&registry.name(), "--dry-run").ok().says(&["team/app:1"]);
    assert!(writes(&registry).is_empty());
    assert_eq!(registry.repositories(), Vec::<String>::new());
}

#[test]
fn one_artifact_may_fail_and_the_others_arrive() {
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
fn what_is_not_trusted_or_not_whole_touches_no_registry() {
    let station = packed("--chunk-size 64KiB");
    station.carnet("keygen stranger").ok();
    let registry = Registry::start();
    let to = format!("--to docker://{}", registry.name());
    station.carnet(&format!("import out --pub stranger.pub.pem {to}")).ends(3);
    let last = station.chunks().pop().unwrap();
    std::fs::rename(station.path("out").join(&last), station.path("aside")).unwrap();
    station.import(&registry.name(), "").ends(4);
    assert_eq!(registry.accepted_connections(), 0);
    // A damaged byte is found at the latest when its blob is sent: nothing is made of it.
    let mut bytes = std::fs::read(station.path("aside")).unwrap();
    let at = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[at] ^= 1;
    std::fs::write(station.path("out").join(&last), bytes).unwrap();
    station.import(&registry.name(), "").ends(4);
    assert!(registry.repository("team/app").tags.is_empty());
}

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
            super::server::Manifest { media_type: MANIFEST.to_owned(), bytes: stranger },
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

#[test]
fn an_upload_that_breaks_is_gone_on_with_or_begun_again() {
    let faults = [
        |fault: Fault| fault.takes_only(40_000),
        |fault: Fault| fault.answers(Response::new(503)),
        |fault: Fault| fault.answers(Response::new(429)).at_once(),
        |fault: Fault| fault.answers(Response::new(404)), // The registry forgot the upload.
        |fault: Fault| fault.delivers(Delivery::Silence),
        |fault: Fault| fault.delivers(Delivery::Reset(0)),
    ];
    for (at, fault) in faults.into_iter().enumerate() {
        for method in ["PATCH", "PUT"] {
            let station = one_image("low.example/app:1");
            let registry = Registry::start();
            registry.fault(fault(Fault::on(method, "*/blobs/uploads/*").after(1).times(1)));
            let run = station.import(&registry.name(), "--timeout 1 --retries 3");
            assert_eq!(run.code, Some(0), "{method}, fault {at}: {run:?}");
            assert_same(&registry.repository("app"), &expected(&station, "app").repository("app"));
        }
    }
}

#[test]
fn locations_are_used_as_they_are_given() {
    let station = one_image("low.example/app:1");
    let registry = Registry::start();
    let name = registry.name();
    // Absolute, where the registry's own are relative.
    registry.fault(Fault::on("*", "*/blobs/uploads/*").alters(move |response| {
        if let Some(location) = response.headers.get("Location").map(str::to_owned) {
            response.headers.set("Location", format!("http://{name}{location}"));
        }
    }));
    station.import(&registry.name(), "").ok();
    assert_same(&registry.repository("app"), &expected(&station, "app").repository("app"));
}

#[test]
fn interrupted_it_leaves_no_tag_and_goes_on_where_it_was() {
    let station = one_image("low.example/app:1");
    let registry = Registry::start();
    // The second blob of three that is finished is the last that is answered.
    registry.fault(Fault::on("PUT", "*/blobs/uploads/*").after(2).delivers(Delivery::Silence));
    let line = format!("import out --pub k.pub.pem --to docker://{} --connections 1", registry.name());
    let mut child = station.command(&line).stderr(Stdio::null()).spawn().unwrap();
    assert!(wait_for(&mut child, || registry.repository("app").blobs.len() >= 2), "it ended before");
    std::thread::sleep(Duration::from_millis(200));
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let held = registry.repository("app");
    assert!(held.tags.is_empty() && held.manifests.is_empty());
    registry.heal();
    registry.forget();
    station.import(&registry.name(), "").ok();
    assert_same(&registry.repository("app"), &expected(&station, "app").repository("app"));
    let again = arrivals(&registry).into_iter().filter(|name| held.blobs.contains_key(name)).count();
    assert_eq!(again, 0, "{:?}", arrivals(&registry));
}

#[test]
fn a_registry_that_stores_something_else_is_caught() {
    let other = format!("sha256:{}", "0".repeat(64));
    for part in ["*/manifests/*", "*/blobs/uploads/*"] {
        let station = one_image("low.example/app:1");
        let registry = Registry::start();
        let other = other.clone();
        registry.fault(Fault::on("PUT", part).alters(move |response| {
            response.headers.set("Docker-Content-Digest", other.clone());
        }));
        let run = station.import(&registry.name(), "--retries 0").ends(1);
        run.says(&["error[registry-protocol]", &registry.name()]);
    }
}

#[test]
fn a_registry_that_forgets_what_it_took_is_caught_before_the_tag() {
    let station = one_image("low.example/app:1");
    let registry = Registry::start();
    let forgets = |request: &Request| {
        let digest = request.query("digest").unwrap_or_default();
        Response::new(201).with("Location", "/v2/app/blobs/x").with("Docker-Content-Digest", digest)
    };
    registry.fault(Fault::on("PUT", "*/blobs/uploads/*").answers_with(forgets));
    let run = station.import(&registry.name(), "--retries 0").ends(1);
    run.says(&["error[", &registry.name(), "MANIFEST_BLOB_UNKNOWN"]);
    assert!(registry.repository("app").tags.is_empty());
}
