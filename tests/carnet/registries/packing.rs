//! What is packed from a registry, under which names, and with which requests.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::http::{Delivery, Exchange, Fault, Response};
use super::server::{Options, Registry};
use super::station::{Station, blob_bytes};
use crate::behaviour::layouts::{CONFIG, LAYER, Source, digest_of, on};
use crate::behaviour::support::{assert_same_blobs, noise, signal, wait_for};

/// An index for two platforms. One of them has a referrer, and that has a referrer, too.
fn index(source: &mut Source, name: &str) -> Value {
    let (one, two) = (source.image(1, &[50_000, 3000]), source.image(2, &[60_000]));
    let index = source.index(&[on("linux/amd64", &one), on("linux/arm64/v8", &two)]);
    source.tag(&index, name);
    let sbom = source.referrer(&one, "application/spdx+json", "sbom");
    let signature = source.referrer(&sbom, "application/vnd.example.signature", "signature of the sbom");
    source.list(&sbom);
    source.list(&signature);
    index
}

/// A registry with `index` as `team/app:1`.
fn seeded(station: &Station, options: Options) -> Registry {
    let mut source = station.source("src");
    index(&mut source, "app:1");
    let registry = Registry::with(options);
    registry.seed(source.path(), "team/app");
    registry
}

/// The names of the artifacts in `out`, sorted.
fn names(station: &Station) -> Vec<String> {
    let bundle = station.desk.inspected("out");
    let artifacts = bundle["artifacts"].as_array().unwrap().iter();
    let mut names: Vec<_> = artifacts.map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// The requests with this method and with this text in their path.
fn asked(registry: &Registry, method: &str, part: &str) -> Vec<Exchange> {
    registry.log().into_iter().filter(|exchange| exchange.is(method, part)).collect()
}

#[test]
fn an_index_is_packed_whole_with_its_referrers() {
    for referrers in [true, false] {
        let station = Station::new();
        let registry = seeded(&station, Options { referrers, ..Options::default() });
        if !referrers {
            fallback_tags(&registry, "team/app");
        }
        let at = registry.name();
        station.pack(&format!("docker://{at}/team/app:1")).ok();
        assert_eq!(names(&station), [format!("{at}/team/app:1")]);
        let referrers = &station.desk.inspected("out")["artifacts"][0]["referrers"];
        assert_eq!(referrers.as_array().unwrap().len(), 2, "{referrers}");
        station.carnet("verify out --pub k.pub.pem").ok();
        station.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
        assert_same_blobs(&station.path("src"), &station.path("back"));
    }
}

#[test]
fn the_referrers_api_is_detected_per_repository() {
    let station = Station::new();
    let registry = seeded(&station, Options::default());
    let mut source = station.source("other");
    source.tag(&source.image(40, &[100]), "1");
    registry.seed(source.path(), "aside");
    registry.fault(Fault::on("GET", "/v2/aside/referrers/*").answers(Response::new(404)));
    let at = registry.name();
    station.pack(&format!("docker://{at}/aside:1 docker://{at}/team/app:1")).ok();
    let bundle = station.desk.inspected("out");
    let artifacts = bundle["artifacts"].as_array().unwrap();
    let app = artifacts.iter().find(|one| one["name"] == format!("{at}/team/app:1")).unwrap();
    assert_eq!(app["referrers"].as_array().unwrap().len(), 2, "{app}");
}

/// Adds the fallback tags, by which referrers are found without the referrers API.
pub(super) fn fallback_tags(registry: &Registry, name: &str) {
    let repository = registry.repository(name);
    for subject in repository.manifests.keys() {
        let referrers = registry.referrers(name, subject);
        if !referrers.is_empty() {
            let media_type = "application/vnd.oci.image.index.v1+json";
            let index = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": referrers });
            registry.change(name, |repository| {
                let digest = repository.add(media_type, index.to_string().as_bytes());
                repository.tags.insert(subject.replace(':', "-"), digest);
            });
        }
    }
}

#[test]
fn referrers_in_the_tag_scheme_are_packed() {
    let station = Station::new();
    let mut source = station.source("src");
    let image = source.image(1, &[3000]);
    source.tag(&image, "app:1");
    let digits = digest_of(&image).replace(':', "-");
    for kind in ["sig", "att", "sbom"] {
        let config = source.blob(CONFIG, format!("{{\"{kind}\":1}}").as_bytes());
        let layer = source.blob("application/vnd.example.simplesigning", kind.as_bytes());
        source.tag(&source.manifest(&config, &[layer]), &format!("app:{digits}.{kind}"));
    }
    let registry = Registry::start();
    registry.seed(source.path(), "app");
    station.pack(&format!("docker://{}/app:1", registry.name())).ok();
    station.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
    assert_same_blobs(source.path(), &station.path("back"));
}

#[test]
fn a_list_of_tags_that_is_old_or_denied_hides_no_referrer() {
    let short = Response::new(200).json(&json!({ "name": "app", "tags": ["1"] }));
    let none = Response::new(200).json(&json!({ "name": "app", "tags": null }));
    for answer in [short, none, Response::new(404), Response::new(403)] {
        let station = Station::new();
        let mut source = station.source("src");
        let image = source.image(1, &[3000]);
        source.tag(&image, "app:1");
        let sbom = source.referrer(&image, "application/spdx+json", "sbom");
        source.list(&sbom);
        let config = source.blob(CONFIG, b"{\"sig\":1}");
        let layer = source.blob("application/vnd.example.simplesigning", b"sig");
        let digits = digest_of(&image).replace(':', "-");
        source.tag(&source.manifest(&config, &[layer]), &format!("app:{digits}.sig"));
        let registry = Registry::with(Options { referrers: false, ..Options::default() });
        registry.seed(source.path(), "app");
        fallback_tags(&registry, "app");
        registry.fault(Fault::on("GET", "*/tags/list").answers(answer));
        station.pack(&format!("docker://{}/app:1", registry.name())).ok();
        let referrers = &station.desk.inspected("out")["artifacts"][0]["referrers"];
        assert_eq!(referrers.as_array().unwrap().len(), 2, "{referrers}");
        assert!(asked(&registry, "GET", "/tags/list").is_empty(), "the list decides nothing");
    }
}

#[test]
fn no_referrers_requests_no_referrers() {
    let station = Station::new();
    let registry = seeded(&station, Options::default());
    station.pack(&format!("docker://{}/team/app:1 --no-referrers", registry.name())).ok();
    assert_eq!(station.desk.inspected("out")["artifacts"][0]["referrers"], json!([]));
    assert!(asked(&registry, "GET", "/referrers/").is_empty());
}

#[test]
fn names_come_from_the_registry_or_the_command_line() {
    let station = Station::new();
    let registry = seeded(&station, Options::default());
    let at = registry.name();
    let digest = registry.repository("team/app").tags["1"].clone();
    registry.change("team/app", |app| drop(app.tags.insert("latest".to_owned(), digest.clone())));
    for (source, name) in [
        ("team/app".to_owned(), format!("{at}/team/app:latest")),
        (format!("team/app@{digest}"), format!("{at}/team/app@{digest}")),
        ("team/app:1=low.example/other:2".to_owned(), "low.example/other:2".to_owned()),
    ] {
        station.pack(&format!("docker://{at}/{source} --overwrite")).ok();
        assert_eq!(names(&station), [name]);
    }
}

#[test]
fn patterns_select_tags_and_repositories_over_many_pages() {
    let station = Station::new();
    let registry = seeded(&station, Options { page: 2, ..Options::default() });
    let at = registry.name();
    let app = registry.repository("team/app");
    let digest = app.tags["1"].clone();
    registry.change("team/app", |app| {
        for tag in ["1.0", "1.1", "1.2-rc1", "2.0", "latest"] {
            app.tags.insert(tag.to_owned(), digest.clone());
        }
    });
    for name in ["team/base", "team/tool", "other/app", "zone/a", "zone/b"] {
        registry.change(name, |repository| *repository = app.clone());
    }
    let full = |names: &[&str]| names.iter().map(|name| format!("{at}/{name}")).collect::<Vec<_>>();
    for (source, expected) in [
        ("team/app:1.*", full(&["team/app:1.0", "team/app:1.1", "team/app:1.2-rc1"])),
        (
            "team/app:*",
            full(&[
                "team/app:1",
                "team/app:1.0",
                "team/app:1.1",
                "team/app:1.2-rc1",
                "team/app:2.0",
                "team/app:latest",
            ]),
        ),
        ("team/*:1", full(&["team/app:1", "team/base:1", "team/tool:1"])),
    ] {
        station.pack(&format!("docker://{at}/{source} --overwrite")).ok();
        assert_eq!(names(&station), expected, "{source}");
    }
    for source in ["team/app:9.*", "nobody/*:1"] {
        let run = station.pack(&format!("docker://{at}/{source} --overwrite")).ends(1);
        run.says(&["error[no-such-artifact]", &at]);
    }
}

#[test]
fn a_misspelt_name_suggests_similar_ones() {
    let station = Station::new();
    let registry = seeded(&station, Options::default());
    let at = registry.name();
    let digest = registry.repository("team/app").tags["1"].clone();
    registry.change("team/app", |app| drop(app.tags.insert("1.2.3".to_owned(), digest)));
    let run = station.pack(&format!("docker://{at}/team/app:1.2.4")).ends(1);
    run.says(&["error[no-such-artifact]", &at, "1.2.4", "1.2.3"]);
    station.pack(&format!("docker://{at}/taem/app:1")).ends(1).says(&[
        "error[no-such-artifact]",
        &at,
        "taem/app",
    ]);
    station.is_tidy();
}

#[test]
fn other_sources_and_lists_of_sources_can_be_mixed() {
    let station = Station::new();
    let registry = seeded(&station, Options::default());
    let at = registry.name();
    let mut local = station.source("local");
    local.tag(&local.image(7, &[900]), "local:1");
    station.write("list", &format!("# from the registry\ndocker://{at}/team/app:1\n\noci:local\n"));
    station.pack("--artifacts-from list").ok();
    assert_eq!(names(&station), [format!("{at}/team/app:1"), "local:1".to_owned()]);
}

#[test]
fn docker_images_are_packed_unchanged() {
    let station = Station::new();
    let source = station.source("src");
    let media_type = |kind: &str| format!("application/vnd.docker.{kind}");
    let config = source.blob(&media_type("container.image.v1+json"), b"{\"os\":\"linux\"}");
    let layer = source.blob(&media_type("image.rootfs.diff.tar.gzip"), &noise(5, 4000));
    let fields = json!({ "config": config, "layers": [layer] });
    let image = source.document(&media_type("distribution.manifest.v2+json"), &fields);
    let fields = json!({ "manifests": [on("linux/amd64", &image)] });
    let list = source.document(&media_type("distribution.manifest.list.v2+json"), &fields);
    let mut source = source;
    source.tag(&list, "1");
    let registry = Registry::start();
    registry.seed(source.path(), "app");
    station.pack(&format!("docker://{}/app:1", registry.name())).ok();
    station.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
    assert_same_blobs(source.path(), &station.path("back"));
    let accept = |exchange: &Exchange| exchange.headers.get("Accept").unwrap_or_default().to_owned();
    let accepted = asked(&registry, "GET", "/manifests/1").iter().map(accept).collect::<String>();
    for kind in ["vnd.docker.distribution.manifest.list.v2+json", "vnd.oci.image.index.v1+json"] {
        assert!(accepted.contains(kind), "{accepted}");
    }
}

#[test]
fn docker_schema_1_is_refused_by_name() {
    let station = Station::new();
    let registry = Registry::start();
    registry.change("old", |old| {
        let text = r#"{"schemaVersion":1,"name":"old","tag":"1","fsLayers":[],"history":[]}"#;
        let digest = old.add("application/vnd.docker.distribution.manifest.v1+prettyjws", text.as_bytes());
        old.tags.insert("1".to_owned(), digest);
    });
    let run = station.pack(&format!("docker://{}/old:1", registry.name()));
    assert!(matches!(run.code, Some(1 | 4)), "{run:?}");
    run.says(&["error[", &registry.name(), "Docker schema 1"]);
    station.is_tidy();
}

#[test]
fn an_omitted_platform_is_not_fetched() {
    let station = Station::new();
    let registry = seeded(&station, Options::default());
    station.pack(&format!("docker://{}/team/app:1 --platform linux/arm64", registry.name())).ok();
    let mut sizes: Vec<_> = blob_bytes(&registry).into_values().collect();
    sizes.sort_unstable();
    assert_eq!(sizes.last(), Some(&60_000), "{sizes:?}");
    assert!(!sizes.contains(&50_000) && !sizes.contains(&3000), "{sizes:?}");
}

#[test]
fn a_dry_run_fetches_documents_only() {
    let station = Station::new();
    let registry = seeded(&station, Options::default());
    station.pack(&format!("docker://{}/team/app:1 --dry-run", registry.name())).ok();
    let fetched = blob_bytes(&registry);
    assert!(fetched.values().all(|bytes| *bytes < 3000), "{fetched:?}");
    station.is_tidy();
}

#[test]
fn a_blob_in_two_repositories_is_fetched_once() {
    let station = Station::new();
    let registry = seeded(&station, Options::default());
    let at = registry.name();
    registry.seed(&station.path("src"), "other/app");
    station.pack(&format!("docker://{at}/team/app:1 docker://{at}/other/app:1")).ok();
    let held = registry.repository("team/app").blobs;
    let fetched = blob_bytes(&registry);
    for (digest, blob) in held {
        assert!(fetched.get(&digest).is_none_or(|bytes| *bytes <= blob.len() as u64), "{digest}");
    }
}

#[test]
fn the_order_of_answers_does_not_change_the_bundle() {
    let station = Station::new();
    let mut bundles = Vec::new();
    for connections in [1, 6] {
        let registry = seeded(&station, Options { ranges: connections == 1, ..Options::default() });
        let source = format!("docker://{}/team/app:1=low.example/app:1", registry.name());
        station.pack(&format!("{source} --connections {connections} --chunk-size 64KiB --overwrite")).ok();
        bundles.push(station.desk.files("out"));
    }
    assert!(bundles[0] == bundles[1], "the bundles differ");
}

/// A registry with `app:1`, an image with layers of these sizes.
fn layers(station: &Station, sizes: &[usize], options: Options) -> Registry {
    let mut source = station.source("src");
    source.tag(&source.image(1, sizes), "1");
    let registry = Registry::with(options);
    registry.seed(source.path(), "app");
    registry
}

fn digest_by_size(registry: &Registry, size: usize) -> String {
    let app = registry.repository("app");
    let (digest, _) = app.blobs.iter().find(|(_, blob)| blob.len() == size).unwrap();
    digest.clone()
}

#[test]
fn a_broken_download_is_resumed_where_it_broke() {
    let station = Station::new();
    let registry = layers(&station, &[100_000], Options::default());
    let blob = digest_by_size(&registry, 100_000);
    registry.fault(Fault::on("GET", &format!("*/{blob}")).times(1).delivers(Delivery::Close(30_000)));
    station.pack(&format!("docker://{}/app:1 --timeout 2", registry.name())).ok();
    let ranges: Vec<_> = asked(&registry, "GET", &blob);
    assert_eq!(ranges.len(), 2);
    assert_eq!(ranges[1].headers.get("Range"), Some("bytes=30000-"));
    assert_eq!(blob_bytes(&registry)[&blob], 100_000);
    station.carnet("verify out --pub k.pub.pem").ok();
}

#[test]
fn a_download_that_keeps_breaking_completes_while_it_progresses() {
    let station = Station::new();
    let registry = layers(&station, &[100_000], Options::default());
    let blob = digest_by_size(&registry, 100_000);
    registry.fault(Fault::on("GET", &format!("*/{blob}")).times(4).delivers(Delivery::Reset(20_000)));
    station.pack(&format!("docker://{}/app:1 --timeout 2", registry.name())).ok();
    station.carnet("verify out --pub k.pub.pem").ok();
}

#[test]
fn without_ranges_a_broken_download_is_restarted() {
    let honest = |fault: Fault| fault;
    // A server may also answer with another range than requested, or with the whole blob.
    let elsewhere =
        |fault: Fault| fault.alters(|response| response.headers.set("Content-Range", "bytes 5-99999/100000"));
    let all = |fault: Fault| fault.mishears(|request| request.headers.set("Range", "bytes=0-"));
    let refused = |fault: Fault| fault.answers(Response::new(416));
    let faults = [honest as fn(Fault) -> Fault, elsewhere, all, refused];
    for (at, fault) in faults.into_iter().enumerate() {
        let station = Station::new();
        let registry = layers(&station, &[100_000], Options { ranges: at > 0, ..Options::default() });
        let blob = digest_by_size(&registry, 100_000);
        let on = || Fault::on("GET", &format!("*/{blob}"));
        registry.fault(on().times(1).delivers(Delivery::Close(30_000)));
        if at > 0 {
            registry.fault(fault(on().times(1)));
        }
        station.pack(&format!("docker://{}/app:1 --timeout 2", registry.name())).ok();
        station.carnet("verify out --pub k.pub.pem").ok();
    }
}

const SIZES: [usize; 5] = [400_000, 300_000, 200_000, 100_000, 70_000];

/// The number of bytes that were sent of each layer, by the size of the layer.
fn layer_bytes(registry: &Registry) -> BTreeMap<usize, u64> {
    let app = registry.repository("app");
    let sent = blob_bytes(registry).into_iter().map(|(digest, bytes)| (app.blobs[&digest].len(), bytes));
    sent.filter(|(size, _)| *size >= 70_000).collect()
}

/// A registry with an image of which the third layer, and all after it, stall in the middle.
fn stalling_at_the_third(station: &Station) -> Registry {
    let registry = layers(station, &SIZES, Options::default());
    let layers = AtomicUsize::new(0);
    registry.fault(Fault::on("GET", "*/blobs/*").alters(move |response| {
        if response.body.len() >= 70_000 && layers.fetch_add(1, Ordering::SeqCst) >= 2 {
            response.delivery = Delivery::Stall(40_000);
        }
    }));
    registry
}

/// Runs a pack that stalls at the third layer and lets `end` end it. Packs again, and checks that only the rest
/// is fetched.
fn interrupted(options: &str, end: impl Fn(&Station, &Registry, &str)) {
    let station = Station::new();
    let registry = stalling_at_the_third(&station);
    let line = format!("pack docker://{}/app:1 --to out --name b --key k.key.pem {options}", registry.name());
    let line = format!("{line} --connections 1");
    end(&station, &registry, &line);
    let before = layer_bytes(&registry);
    let done: Vec<_> =
        before.iter().filter(|(size, sent)| **size as u64 == **sent).map(|(size, _)| *size).collect();
    assert_eq!(done.len(), 2, "{before:?}");
    registry.heal();
    registry.forget();
    station.carnet(&line).ok();
    let after = layer_bytes(&registry);
    for (size, sent) in &after {
        assert!(!done.contains(size), "a layer of {size} bytes was there already: {after:?}");
        assert!(*sent <= *size as u64, "{after:?}");
    }
    assert_eq!(after.len(), SIZES.len() - done.len());
    station.carnet("verify out --pub k.pub.pem").ok();
    station.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
    assert_same_blobs(&station.path("src"), &station.path("back"));
    let names = std::fs::read_dir(station.path("out")).unwrap().map(|entry| entry.unwrap().file_name());
    let hidden: Vec<_> = names.filter(|name| name.as_encoded_bytes().starts_with(b".")).collect();
    assert!(hidden.is_empty(), "left behind: {hidden:?}");
}

#[test]
fn after_a_failure_only_the_rest_is_fetched() {
    for size in ["64KiB", "2g"] {
        interrupted(&format!("--chunk-size {size} --timeout 1 --retries 0"), |station, _, line| {
            station.carnet(line).ends(1).says(&["error[registry-stalled]"]);
        });
    }
}

/// The sizes of the blobs in each chunk.
fn sizes_in_chunks(station: &Station) -> Vec<Vec<usize>> {
    station.carnet("pack oci:src --to reference --name b --key k.key.pem --chunk-size 64KiB").ok();
    let mut chunks: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for blob in station.desk.inspected("reference")["blobs"].as_array().unwrap() {
        for chunk in blob["chunks"].as_array().unwrap() {
            let size = usize::try_from(blob["size"].as_u64().unwrap()).unwrap();
            chunks.entry(chunk.as_u64().unwrap()).or_default().push(size);
        }
    }
    chunks.into_values().collect()
}

/// Starts the program, and waits until the third layer stalls and the two before it, whichever they are, are in their chunks.
fn standing_still(station: &Station, registry: &Registry, line: &str) -> Child {
    let chunks = sizes_in_chunks(station);
    let mut child = station.command(line).stderr(Stdio::null()).spawn().unwrap();
    let finished = || {
        let entries = std::fs::read_dir(station.path("out")).into_iter().flatten();
        entries.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_file())).count()
    };
    let stands = || {
        let sent = layer_bytes(registry);
        let is_whole = |size: &usize| sent.get(size) == Some(&(*size as u64));
        let whole = chunks.iter().filter(|sizes| sizes.iter().all(is_whole)).count();
        sent.len() >= 3 && whole > 1 && finished() >= whole
    };
    assert!(wait_for(&mut child, stands), "it ended before");
    child
}

#[test]
fn after_a_kill_only_the_rest_is_fetched() {
    interrupted("--chunk-size 64KiB", |station, registry, line| {
        let mut child = standing_still(station, registry, line);
        child.kill().unwrap();
        child.wait().unwrap();
    });
}

#[test]
fn after_a_signal_only_the_rest_is_fetched() {
    interrupted("--chunk-size 64KiB", |station, registry, line| {
        let mut child = standing_still(station, registry, line);
        signal(&child, "INT");
        let start = Instant::now();
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert!(start.elapsed() < Duration::from_secs(5), "it took {:?}", start.elapsed());
    });
}

#[test]
fn the_number_of_connections_is_limited() {
    let station = Station::new();
    let registry = layers(&station, &[3000; 0], Options::default());
    let mut source = station.source("many");
    let sizes: Vec<_> = (0..12).map(|at| 200 + at).collect();
    source.tag(&source.image(9, &sizes), "1");
    registry.seed(source.path(), "many");
    registry.fault(Fault::on("GET", "*/blobs/*").delivers(Delivery::Drip(Duration::from_micros(300))));
    station.pack(&format!("docker://{}/many:1 --connections 3", registry.name())).ok();
    let most = registry.most_connections();
    assert!((2..=3).contains(&most), "{most} at once");
}

#[test]
fn the_rate_is_limited_over_all_connections() {
    let station = Station::new();
    let registry = layers(&station, &[500_000, 500_001], Options::default());
    let start = Instant::now();
    station.pack(&format!("docker://{}/app:1 --limit-rate 500KB", registry.name())).ok();
    let took = start.elapsed();
    assert!(took > Duration::from_millis(1300) && took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn one_artifact_can_fail_alone() {
    let station = Station::new();
    let registry = seeded(&station, Options::default());
    let at = registry.name();
    let mut source = station.source("other");
    let config = source.blob(CONFIG, b"{}");
    let layer = source.blob(LAYER, &noise(77, 5000));
    source.tag(&source.manifest(&config, std::slice::from_ref(&layer)), "1");
    registry.seed(source.path(), "other");
    registry.change("other", |other| drop(other.blobs.remove(digest_of(&layer))));
    let sources = format!("docker://{at}/other:1 docker://{at}/team/app:1");
    let run = station.pack(&sources);
    assert!(matches!(run.code, Some(1 | 4)), "{run:?}");
    run.says(&["error[registry-content-missing]", digest_of(&layer), &at]);
    station.is_tidy();
    station.pack(&format!("{sources} --continue-on-errors")).ends(4).says(&[&format!("{at}/other:1")]);
    assert_eq!(names(&station), [format!("{at}/team/app:1")]);
}

#[test]
fn a_pattern_skips_repositories_without_the_tag() {
    let station = Station::new();
    let registry = Registry::start();
    for (repository, tag) in [("team/a", "1"), ("team/b", "2"), ("team/c", "1")] {
        let mut source = station.source(repository);
        source.tag(&source.image(1, &[3000]), &format!("x:{tag}"));
        registry.seed(&station.path(repository), repository);
    }
    station.pack(&format!("docker://{}/team/*:1", registry.name())).ok();
    let at = registry.name();
    let run = station.carnet("inspect out --pub k.pub.pem").ok();
    let run = run.says(&[&format!("{at}/team/a:1"), &format!("{at}/team/c:1")]);
    assert!(!run.stdout.contains("team/b"), "{run:?}");
    let run = station.pack(&format!("docker://{at}/team/*:3 --overwrite")).ends(1);
    run.says(&["error[no-such-artifact]", "team/*:3"]);
}

#[test]
fn fetched_blobs_survive_a_run_that_fails_early() {
    let station = Station::new();
    let registry = stalling_at_the_third(&station);
    let line = format!("pack docker://{}/app:1 --to out --name b --key k.key.pem", registry.name());
    let line = format!("{line} --connections 1 --timeout 1 --retries 0");
    station.carnet(&line).ends(1);
    // A file has the name of a chunk.
    std::fs::write(station.path("out/b_00000.tar"), "in the way").unwrap();
    station.carnet(&line).ends(1).says(&["error[target-exists]"]);
    std::fs::remove_file(station.path("out/b_00000.tar")).unwrap();
    registry.heal();
    registry.forget();
    station.carnet(&line).ok();
    assert_eq!(layer_bytes(&registry).len(), SIZES.len() - 2);
    assert!(!station.path("out/.b.partial").exists());
}

#[test]
fn a_name_does_not_keep_an_address_in_brackets() {
    // Some machines have no IPv6.
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let station = Station::new();
    let mut source = station.source("src");
    let image = source.image(1, &[3000]);
    source.tag(&image, "1");
    let registry = Registry::with(Options { ip: "::1", ..Options::default() });
    registry.seed(source.path(), "team/app");
    let at = registry.name();
    assert!(at.starts_with("[::1]:"), "{at}");
    let digest = digest_of(&image);
    for (source, name) in [
        (format!("{at}/team/app:1"), "team/app:1"),
        (format!("{at}/team/app:1@{digest}"), "team/app:1"),
        (format!("{at}/team/app:1=low.example/team/app:1"), "low.example/team/app:1"),
    ] {
        station.pack(&format!("docker://{source} --overwrite")).ok();
        let run = station.carnet("inspect out --pub k.pub.pem --json").ok();
        assert!(run.stdout.contains(&format!("\"{name}\"")), "{source}: {run:?}");
    }
    let target = Registry::with(Options { ip: "::1", ..Options::default() });
    station.import(&target.name(), "").ok();
    assert_eq!(target.repository("team/app").tags.len(), 1);
}
