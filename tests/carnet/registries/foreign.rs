//! Non-distributable layers: when they are fetched from the registry, and when from their URLs.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::debian::{Debian, Setup};
use super::files::Files;
use super::http::{Delivery, Fault, Response};
use super::server::Registry;
use super::station::{Station, assert_same, in_time};
use crate::behaviour::layouts::{CONFIG, LAYER, digest_of, with};
use crate::behaviour::support::{Source, noise, signal, wait_for};

const OCI: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
const DOCKER: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

const BYTES: usize = 40_000;

fn foreign() -> Vec<u8> {
    noise(7, BYTES)
}

/// A registry with `app:1`, an image whose foreign layer has these URLs, and that layer.
fn registry(station: &Station, media_type: &str, urls: &[String]) -> (Registry, Value) {
    let mut source = station.source("src");
    let config = source.blob(CONFIG, b"{\"os\":\"windows\"}");
    let layer = with(source.blob(media_type, &foreign()), &json!({ "urls": urls }));
    let image = source.manifest(&config, &[layer.clone(), source.blob(LAYER, &noise(8, 5000))]);
    source.tag(&image, "low.example/app:1");
    let registry = Registry::start();
    registry.seed(source.path(), "app");
    (registry, layer)
}

/// The same, but the registry itself does not have the layer.
fn without(station: &Station, urls: &[String]) -> (Registry, Value) {
    let (registry, layer) = registry(station, OCI, urls);
    registry.change("app", |app| drop(app.blobs.remove(digest_of(&layer))));
    (registry, layer)
}

fn source(registry: &Registry) -> String {
    format!("docker://{}/app:1 --timeout 1 --retries 1", registry.name())
}

#[test]
fn the_registry_is_asked_first() {
    for media_type in [OCI, DOCKER] {
        let station = Station::new();
        let files = Files::start("127.0.0.1", &[("/base", &foreign())]);
        let (registry, layer) = registry(&station, media_type, &[files.url("/base")]);
        station.pack(&source(&registry)).ok();
        assert!(registry.log().iter().any(|one| one.is("GET", digest_of(&layer))));
        assert_eq!(files.accepted_connections(), 0);
    }
}

#[test]
fn urls_are_tried_in_order_without_credentials() {
    let station = Station::new();
    let bad = Files::start("127.0.0.1", &[("/other", &noise(9, BYTES)), ("/short", &foreign()[1..])]);
    let good = Files::start("127.0.0.2", &[("/base", &foreign())]);
    let urls =
        [bad.url("/absent"), bad.url("/other"), bad.url("/short"), good.url("/base"), bad.url("/never")];
    let (registry, layer) = without(&station, &urls);
    station.credentials("auth.json", &[(&good.name(), "me:secret"), (&bad.name(), "me:secret")]);
    let allowed = "--allow-private-urls 127.0.0.1 --allow-private-urls 127.0.0.2 --authfile auth.json";
    station.pack(&format!("{} {allowed}", source(&registry))).ok();
    station.carnet("verify out --pub k.pub.pem").ok();
    let bundle = station.desk.inspected("out");
    let blobs = bundle["blobs"].as_array().unwrap();
    let carried = blobs.iter().find(|blob| digest_of(blob) == digest_of(&layer)).unwrap();
    assert_eq!(carried["class"], "nondistributable");
    for one in bad.log().iter().chain(&good.log()) {
        assert!(one.headers.get("Authorization").is_none(), "{one:?}");
    }
    assert!(good.log().len() <= 2, "looked at, and fetched");
    assert!(bad.log().iter().all(|one| one.path() != "/never"));
}

#[test]
fn a_private_address_is_refused_unless_it_is_allowed() {
    let station = Station::new();
    let files = Files::start("127.0.0.2", &[("/base", &foreign())]);
    let (registry, layer) = without(&station, &[files.url("/base")]);
    let run = station.pack(&source(&registry)).ends(1);
    run.says(&[
        "error[nondistributable-absent]",
        &registry.name(),
        digest_of(&layer),
        &files.url("/base"),
        "--allow-private-urls",
    ]);
    assert_eq!(files.accepted_connections(), 0);
    station.is_tidy();
    station.pack(&format!("{} --allow-private-urls 127.0.0.2", source(&registry))).ok();
}

#[test]
fn redirects_obey_the_same_rules() {
    let station = Station::new();
    let inner = Files::start("127.0.0.2", &[("/base", &foreign())]);
    let outer = Files::start("127.0.0.1", &[]);
    let (registry, _) = without(&station, &[outer.url("/base")]);
    let allowed = format!("{} --allow-private-urls 127.0.0.1", source(&registry));
    for location in
        [inner.url("/base"), "http://169.254.169.254/latest".to_owned(), "file:///etc/passwd".to_owned()]
    {
        outer.heal();
        outer.fault(Fault::on("GET", "/base").answers(Response::new(302).with("Location", location.clone())));
        let run = station.pack(&allowed).ends(1);
        run.says(&["error[nondistributable-absent]", &outer.url("/base"), "redirect"]);
        assert_eq!(inner.accepted_connections(), 0, "{location}");
    }
    outer.heal();
    outer.fault(Fault::on("GET", "/base").answers(Response::new(302).with("Location", inner.url("/base"))));
    station.pack(&format!("{allowed} --allow-private-urls 127.0.0.2")).ok();
    assert!(inner.log().len() <= 2, "looked at, and fetched");
}

#[test]
fn dangerous_urls_are_not_followed() {
    let station = Station::new();
    let urls: Vec<String> = [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/latest",
        "https://10.1.2.3/base",
        "https://192.168.1.1/base",
        "https://172.16.0.9/base",
        "https://100.64.0.1/base",
        "https://[fe80::1]/base",
        "https://[::ffff:10.0.0.1]/base",
        "https://0.0.0.0/base",
        "https://0x7f000001/base",
        "https://2130706433/base",
        "http://198.51.100.7/base",
        "file:///etc/passwd",
        "ftp://127.0.0.1/base",
        "https://me:secret@127.0.0.1/base",
        "javascript:alert(1)",
        "//127.0.0.1/base",
        "",
        "http://[::1/\u{1b}[31m",
    ]
    .map(str::to_owned)
    .to_vec();
    let (registry, layer) = without(&station, &urls);
    let start = Instant::now();
    let run = station.pack(&source(&registry)).ends(1);
    assert!(start.elapsed().as_secs() < 5, "{:?}: something was tried", start.elapsed());
    assert!(!run.stderr.contains('\u{1b}') && !run.stderr.contains("secret"), "{}", run.stderr);
    let run = run.says(&["error[nondistributable-absent]", &registry.name(), digest_of(&layer)]);
    for url in &urls[..14] {
        assert!(run.stderr.contains(url.as_str()), "{url} is not listed in\n{}", run.stderr);
    }
    station.is_tidy();
}

#[test]
fn each_failing_url_is_listed_with_its_reason() {
    let station = Station::new();
    let files = Files::start("127.0.0.1", &[("/stall", &foreign()), ("/long", &foreign()), ("/loop", b"")]);
    files.fault(Fault::on("GET", "/stall").delivers(Delivery::Stall(100)));
    files.fault(Fault::on("GET", "/long").delivers(Delivery::Endless));
    files.fault(Fault::on("GET", "/loop").answers(Response::new(302).with("Location", "/loop")));
    files.fault(Fault::on("GET", "/denied").answers(Response::new(403)));
    files.fault(
        Fault::on("GET", "/login")
            .answers(Response::new(401).with("WWW-Authenticate", "Basic realm=\"registry.example\"")),
    );
    let urls = ["/absent", "/denied", "/login", "/stall", "/long", "/loop"].map(|path| files.url(path));
    let (registry, layer) = without(&station, &urls);
    station.credentials("auth.json", &[(&files.name(), "me:secret")]);
    let options = "--allow-private-urls 127.0.0.1 --authfile auth.json";
    let run = station.pack(&format!("{} {options}", source(&registry))).ends(1);
    let run = run.says(&["error[nondistributable-absent]", digest_of(&layer), "404", "403", "401"]);
    for url in &urls {
        assert!(run.stderr.contains(url.as_str()), "{url} is not listed in\n{}", run.stderr);
    }
    assert!(files.log().iter().all(|one| one.headers.get("Authorization").is_none()));
    // Chunks that were finished before the failure remain, but without the control chunk there is no bundle.
    assert!(!station.chunks().contains(&"b_00000.tar".to_owned()));
}

#[test]
fn a_bad_url_of_one_image_does_not_hide_a_good_url_of_another() {
    let station = Station::new();
    let files = Files::start("127.0.0.1", &[("/base", &foreign())]);
    let mut source = station.source("src");
    let layer = source.blob(OCI, &foreign());
    let image = |source: &mut Source, urls: &[String]| {
        let config = source.blob(CONFIG, urls.concat().as_bytes());
        source.manifest(&config, &[with(layer.clone(), &json!({ "urls": urls }))])
    };
    let (bad, good) = (files.url("/absent"), files.url("/base"));
    let (first, second) = (image(&mut source, &[bad, good.clone()]), image(&mut source, &[good]));
    source.tag(&first, "low.example/app:1");
    source.tag(&second, "low.example/app:2");
    let registry = Registry::start();
    registry.seed(source.path(), "app");
    registry.change("app", |app| drop(app.blobs.remove(digest_of(&layer))));
    let at = registry.name();
    let sources = format!("docker://{at}/app:1 docker://{at}/app:2 --timeout 1 --retries 1");
    station.pack(&format!("{sources} --allow-private-urls 127.0.0.1")).ok();
}

#[test]
fn a_bad_url_is_given_up_in_any_spelling() {
    let station = Station::new();
    let files = Files::start("127.0.0.1", &[("/base", &noise(9, BYTES))]);
    let odd = files.url("/./base").replace("http:", "HTTP:");
    let (registry, layer) = without(&station, &[odd]);
    let run = station.pack(&format!("{} --allow-private-urls 127.0.0.1", source(&registry))).ends(1);
    run.says(&["error[nondistributable-absent]", digest_of(&layer)]);
}

#[test]
fn allowing_one_port_allows_no_other() {
    let station = Station::new();
    let files = Files::start("127.0.0.1", &[("/base", &foreign())]);
    let (registry, _) = without(&station, &[files.url("/base")]);
    let run = station.pack(&format!("{} --allow-private-urls 127.0.0.1:1", source(&registry))).ends(1);
    run.says(&["error[nondistributable-absent]", &files.url("/base")]);
    assert_eq!(files.accepted_connections(), 0);
    station.pack(&format!("{} --allow-private-urls {}", source(&registry), files.name())).ok();
}

#[test]
fn the_proxy_does_not_make_loopback_public() {
    let station = Station::new();
    let inner = Files::start("127.0.0.1", &[("/base", &foreign())]);
    let port = inner.name().rsplit(':').next().unwrap().to_owned();
    let (registry, _) = without(&station, &[format!("https://localhost:{port}/base")]);
    let mut command =
        station.command(&format!("pack {} --to out --name b --key k.key.pem", source(&registry)));
    command.env("HTTPS_PROXY", "http://localhost:1").env("NO_PROXY", "localhost");
    in_time(&mut command, Duration::from_secs(20)).ends(1).says(&["error[nondistributable-absent]"]);
    assert_eq!(inner.accepted_connections(), 0);
}

#[test]
fn a_blob_that_breaks_at_its_url_is_resumed_or_fetched_again() {
    let station = Station::new();
    let files = Files::start("127.0.0.1", &[("/base", &foreign())]);
    files.fault(Fault::on("GET", "/base").times(1).delivers(Delivery::Close(1000)));
    let (registry, _) = without(&station, &[files.url("/base")]);
    station.pack(&format!("{} --allow-private-urls 127.0.0.1", source(&registry))).ok();
    station.carnet("verify out --pub k.pub.pem").ok();
}

#[test]
fn an_omitted_layer_is_not_requested() {
    let station = Station::new();
    let files = Files::start("127.0.0.1", &[("/base", &foreign())]);
    let (registry, layer) = without(&station, &[files.url("/base")]);
    let options = "--nondistributable omit --allow-private-urls 127.0.0.1";
    station.pack(&format!("{} {options}", source(&registry))).ok().says(&[digest_of(&layer)]);
    assert_eq!(files.accepted_connections(), 0);
    assert!(registry.log().iter().all(|one| !one.is("GET", digest_of(&layer))));
}

#[test]
fn a_layer_with_urls_and_an_ordinary_type_is_an_ordinary_layer() {
    let station = Station::new();
    let files = Files::start("127.0.0.1", &[("/base", &foreign())]);
    let (registry, layer) = registry(&station, LAYER, &[files.url("/base")]);
    let options = format!("{} --allow-private-urls 127.0.0.1", source(&registry));
    // It comes from the registry, and its class is that of any layer, so it is never omitted.
    station.pack(&format!("{options} --nondistributable omit")).ok();
    let bundle = station.desk.inspected("out");
    let blobs = bundle["blobs"].as_array().unwrap();
    let carried = blobs.iter().find(|blob| digest_of(blob) == digest_of(&layer)).unwrap();
    assert_ne!(carried["class"], "nondistributable");
    // If the registry lacks it, its URL is not a way out: the registry is damaged.
    registry.change("app", |app| drop(app.blobs.remove(digest_of(&layer))));
    let run = station.pack(&format!("{options} --overwrite")).ends(1);
    run.says(&["error[registry-content-missing]", &registry.name(), digest_of(&layer)]);
    assert_eq!(files.accepted_connections(), 0);
}

#[test]
fn a_layer_can_be_pushed_to_another_registry_while_packing() {
    let station = Station::new();
    let files = Files::start("127.0.0.1", &[("/base", &foreign())]);
    let (registry, layer) = without(&station, &[files.url("/base")]);
    let keeper = Registry::start();
    let options =
        format!("--allow-private-urls 127.0.0.1 --push-nondistributable-to docker://{}/keep", keeper.name());
    station.pack(&format!("{} {options}", source(&registry))).ok();
    let holders: Vec<_> = keeper
        .repositories()
        .into_iter()
        .filter(|name| keeper.repository(name).blobs.contains_key(digest_of(&layer)))
        .collect();
    assert_eq!(holders.len(), 1, "{holders:?}");
    assert!(holders[0].starts_with("keep/"), "{holders:?}");
    assert_eq!(keeper.repository(&holders[0]).blobs.len(), 1, "nothing but that layer");
}

#[test]
fn import_pushes_the_layer_first_and_never_asks_its_url() {
    let station = Station::new();
    let files = Files::start("127.0.0.1", &[("/base", &foreign())]);
    let (registry, layer) = without(&station, &[files.url("/base")]);
    station.pack(&format!("{} --allow-private-urls 127.0.0.1", source(&registry))).ok();
    let asked = files.accepted_connections();
    let target = Registry::start();
    station.import(&target.name(), "").ok();
    assert_eq!(files.accepted_connections(), asked);
    let made = target.log().into_iter().find(|one| one.status == 201).unwrap();
    let digits = digest_of(&layer).rsplit(':').next().unwrap().to_owned();
    assert!(made.target.contains(&digits), "{made:?}");
    registry.change("app", |app| {
        app.blobs.insert(digest_of(&layer).to_owned(), std::sync::Arc::new(foreign()));
    });
    assert_same(&target.repository("app"), &registry.repository("app"));
}

#[test]
fn debians_registry_accepts_the_manifest_if_configured_to() {
    let station = Station::new();
    let files = Files::start("127.0.0.1", &[("/base", &foreign())]);
    let (registry, layer) = without(&station, &[files.url("/base")]);
    station.pack(&format!("{} --allow-private-urls 127.0.0.1", source(&registry))).ok();
    let Some(strict) = Debian::plain() else { return };
    let run = station.import(strict.name(), "--retries 0").ends(1);
    run.says(&["error[registry-failed]", strict.name(), "MANIFEST", "validation.manifests.urls.allow"]);
    let open = Setup { urls: Some("^http://127\\.0\\.0\\.1:.*"), ..Setup::default() };
    let Some(open) = Debian::start(&open) else { return };
    station.import(open.name(), "").ok();
    // There it is an ordinary blob that can be fetched by its digest.
    let got = station.path("got");
    let url = format!("http://{}/v2/app/blobs/{}", open.name(), digest_of(&layer));
    station.desk.sh(&format!("curl -sSfo {} {url}", got.display())).ok();
    assert!(std::fs::read(got).unwrap() == foreign());
    // Packing from there needs no URL.
    let before = files.accepted_connections();
    station.pack(&format!("docker://{}/app:1 --overwrite", open.name())).ok();
    assert_eq!(files.accepted_connections(), before);
}

#[test]
fn a_signal_while_a_url_stalls_is_an_interruption() {
    for options in ["", "--continue-on-errors"] {
        let station = Station::new();
        let files = Files::start("127.0.0.1", &[("/base", &foreign())]);
        files.fault(Fault::on("GET", "/base").delivers(Delivery::Silence));
        let (registry, _) = without(&station, &[files.url("/base")]);
        let line = format!("pack {} --allow-private-urls 127.0.0.1 {options}", source_of(&registry));
        let mut command = station.command(&format!("{line} --to out --name b --key k.key.pem"));
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        assert!(wait_for(&mut child, || files.accepted_connections() >= 1), "it ended before");
        std::thread::sleep(Duration::from_millis(200));
        let start = Instant::now();
        signal(&child, "INT");
        assert_eq!(child.wait().unwrap().code(), Some(130), "{options}");
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    }
}

/// The source without a timeout and a limit on retries.
fn source_of(registry: &Registry) -> String {
    format!("docker://{}/app:1", registry.name())
}
