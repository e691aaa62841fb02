//! Registries that keep us busy: nothing waits, and nothing is tried, for ever.

use super::http::{Fault, Request, Response};
use super::importing::one_image;
use super::server::{Options, Registry};
use super::station::Station;

/// A registry with an image whose layer has 100,000 bytes, as `app:1`; and the layer's digest.
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
fn a_refused_range_gives_its_turn_back_before_the_blob_is_asked_for_anew() {
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
