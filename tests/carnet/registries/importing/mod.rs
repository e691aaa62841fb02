//! What import pushes, in which order and under which names, and what it leaves alone.

mod contents;
mod lists;
mod names;
mod profile;
mod proof;
mod referrers;
mod slips;
mod uploads;

use serde_json::json;

use super::http::Exchange;
use super::server::Registry;
use super::station::Station;
use crate::behaviour::layouts::{CONFIG, LAYER, on, with};
use crate::behaviour::support::noise;

pub(super) const FOREIGN: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";

/// The layout `src` with every kind of content, named `low.example/team/app:1`.
pub(super) fn everything(station: &Station) {
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
pub(in crate::registries) fn packed(options: &str) -> Station {
    let station = Station::new();
    everything(&station);
    station.pack(&format!("oci:src {options}")).ok();
    station
}

/// A bundle of one image with that name.
pub(in crate::registries) fn one_image(name: &str) -> Station {
    let station = Station::new();
    let mut source = station.source("src");
    source.tag(&source.image(1, &[100_000, 50_000]), name);
    station.pack("oci:src").ok();
    station
}

/// A registry that holds the layout `src` in that repository.
pub(in crate::registries) fn expected(station: &Station, repository: &str) -> Registry {
    let registry = Registry::start();
    registry.seed(&station.path("src"), repository);
    registry
}

pub(super) fn writes(registry: &Registry) -> Vec<Exchange> {
    let mut log = registry.log();
    log.retain(|exchange| !["GET", "HEAD"].contains(&exchange.method.as_str()));
    log
}

/// What successful requests put into the registry, digests and tags, in their order.
pub(super) fn arrivals(registry: &Registry) -> Vec<String> {
    let name = |exchange: &Exchange| {
        let mounted = || Some(exchange.target.split_once("mount=")?.1.split('&').next()?.to_owned());
        let uploaded = || Some(exchange.target.split_once("digest=")?.1.split('&').next()?.to_owned());
        let manifest = || Some(exchange.target.split_once("/manifests/")?.1.to_owned());
        mounted().or_else(uploaded).or_else(manifest).map(|name| name.replace("%3A", ":"))
    };
    let made = |exchange: &Exchange| exchange.status == 201;
    writes(registry).iter().filter(|exchange| made(exchange)).filter_map(name).collect()
}
