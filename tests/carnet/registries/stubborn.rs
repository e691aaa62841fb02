//! Registries that could keep carnet busy for ever: no wait and no retry is endless.

use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::http::{Fault, Request, Response};
use super::importing::one_image;
use super::server::{Options, Registry};
use super::station::Station;
use crate::behaviour::support::{signal, wait_for};

/// A registry with `app:1`, an image whose layer has 100,000 bytes, and the digest of the layer.
fn one_layer(station: &Station) -> (Registry, String) {
    let mut source = station.source("src");
    source.tag(&source.image(1, &[100_000]), "1");
    let registry = Registry::with(Options::default());
    registry.seed(source.path(), "app");
    let app = registry.repository("app");
    let layer = app.blobs.iter().find(|(_, blob)| blob.len() == 100_000).unwrap().0.clone();
    (registry, layer)
}

#[test]
fn a_refused_range_releases_its_permit_before_the_retry() {
    let refused = |fault: Fault| fault.answers(Response::new(416));
    let elsewhere =
        |fault: Fault| fault.alters(|response| response.headers.set("Content-Range", "bytes 5-99999/100000"));
    for spoil in [refused as fn(Fault) -> Fault, elsewhere] {
        let station = Station::new();
        let (registry, layer) = one_layer(&station);
        let on = || Fault::on("GET", &format!("*/{layer}")).times(1);
        registry.fault(on().delivers(super::http::Delivery::Close(30_000)));
        registry.fault(spoil(on()));
        station.pack(&format!("docker://{}/app:1 --timeout 2 --connections 1", registry.name())).ok();
        station.carnet("verify out --pub k.pub.pem").ok();
    }
}

/// The status of an upload: its location, and that `bytes` have arrived.
fn status(request: &Request, bytes: u64) -> Response {
    let location = request.target.clone();
    Response::new(204).with("Location", location).with("Range", format!("0-{}", bytes - 1))
}

#[test]
fn an_upload_without_progress_is_given_up() {
    // The first reports more bytes and fewer bytes in turn. The second loses the upload again and again.
    let back_and_forth = |count: usize, request: &Request| status(request, [50, 100][count % 2]);
    let forgetful = |count: usize, request: &Request| match count % 2 {
        0 => status(request, 100),
        _ => Response::new(404),
    };
    for answer in [back_and_forth as fn(usize, &Request) -> Response, forgetful] {
        let station = one_image("low.example/app:1");
        let registry = Registry::start();
        registry.fault(Fault::on("PATCH", "*/blobs/uploads/*").answers(Response::new(503)));
        let count = AtomicUsize::new(0);
        registry.fault(
            Fault::on("GET", "*/blobs/uploads/*")
                .answers_with(move |request| answer(count.fetch_add(1, Ordering::SeqCst), request)),
        );
        let run = station.import(&registry.name(), "--timeout 1 --retries 2 --connections 1").ends(1);
        run.says(&["error[registry-failed]", &registry.name()]);
    }
}

#[test]
fn a_signal_ends_an_upload_at_the_next_block() {
    let station = one_image("low.example/app:1");
    let registry = Registry::start();
    let line = format!("import out --pub k.pub.pem --to docker://{} --limit-rate 4KB", registry.name());
    let mut child = station.command(&line).stderr(Stdio::null()).spawn().unwrap();
    let is_sending = || registry.open_uploads() > 0;
    assert!(wait_for(&mut child, is_sending), "it ended before");
    std::thread::sleep(Duration::from_millis(500));
    signal(&child, "INT");
    let start = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(start.elapsed() < Duration::from_secs(5), "it took {:?}", start.elapsed());
}
