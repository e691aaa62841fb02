//! Registries that do not answer as they should. Every command ends in time, names the host and the problem,
//! and leaves nothing behind.

mod bodies;
mod lists;
mod statuses;
mod tokens;
mod uploads;

use std::time::{Duration, Instant};

use super::http::{Fault, Response};
use super::server::{Access, Options, Registry};
use super::station::Station;
use crate::behaviour::support::Run;

/// How long a command may take if the registry never recovers.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

pub(super) const LAYER_BYTES: usize = 60_000;

/// What is wrong, the fault that causes it, and the accepted error codes.
pub(super) struct Case {
    what: &'static str,
    fault: fn(&Registry) -> Fault,
    codes: &'static [&'static str],
}

pub(super) fn case(
    what: &'static str,
    codes: &'static [&'static str],
    fault: fn(&Registry) -> Fault,
) -> Case {
    Case { what, fault, codes }
}

pub(super) fn registry(station: &Station) -> Registry {
    registry_with(station, Access::Open)
}

pub(super) fn registry_with(station: &Station, access: Access) -> Registry {
    let mut source = station.source("src");
    source.tag(&source.image(1, &[LAYER_BYTES]), "1");
    let registry = Registry::with(Options { access, ..Options::default() });
    registry.seed(source.path(), "app");
    registry
}

/// Asserts that the error has one of the codes and names the host, and that the program ended in time.
#[track_caller]
pub(super) fn fails(what: &str, run: &Run, codes: &[&str], host: &str, start: Instant) {
    assert!(matches!(run.code, Some(1 | 4)), "{what}: {run:?}");
    let code = run.stderr.split_once("error[").and_then(|(_, rest)| rest.split_once(']'));
    let (code, message) = code.unwrap_or_else(|| panic!("{what}: no error in {run:?}"));
    assert!(codes.contains(&code), "{what}: {code} instead of one of {codes:?}\n{}", run.stderr);
    let message = message.split("\n  hint:").next().unwrap();
    assert!(message.contains(host), "{what}: the host {host} is not named in\n{}", run.stderr);
    assert!(run.stderr.len() < 4000, "{what}: too much text\n{}", run.stderr);
    assert!(start.elapsed() < PATIENCE, "{what}: it took {:?}", start.elapsed());
    assert!(!run.stderr.contains('\x1b'), "{what}: raw controls");
}

/// Asserts that packing `app:1` fails with each of these faults.
#[track_caller]
pub(super) fn packing_fails(cases: &[Case]) {
    let station = Station::new();
    for Case { what, fault, codes } in cases {
        let registry = registry(&station);
        registry.fault(fault(&registry));
        let start = Instant::now();
        let run = station.pack(&format!("docker://{}/app:1 --timeout 1 --retries 1", registry.name()));
        fails(what, &run, codes, &registry.name(), start);
        station.is_tidy();
        let _ = std::fs::remove_dir_all(station.path("out"));
    }
}

/// Asserts that importing an image fails with each of these faults and leaves no tag.
#[track_caller]
pub(super) fn importing_fails(cases: &[Case]) {
    let station = Station::new();
    let mut source = station.source("src");
    source.tag(&source.image(1, &[LAYER_BYTES]), "low.example/app:1");
    station.pack("oci:src").ok();
    for Case { what, fault, codes } in cases {
        let registry = Registry::start();
        registry.fault(fault(&registry));
        let start = Instant::now();
        let run = station.import(&registry.name(), "--timeout 1 --retries 1");
        fails(what, &run, codes, &registry.name(), start);
        assert!(registry.repository("app").tags.is_empty(), "{what}: there is a tag");
        for folder in ["home", "scratch"] {
            assert!(station.desk.files(folder).is_empty(), "{what}");
        }
    }
}

pub(super) fn blobs() -> Fault {
    Fault::on("GET", "*/blobs/*")
}

pub(super) fn manifests() -> Fault {
    // A fault may affect both GET and HEAD.
    Fault::on("*", "*/manifests/*")
}

/// A fault that affects only the layer. Small documents are served normally.
pub(super) fn layers(change: impl Fn(&mut Response) + Send + Sync + 'static) -> Fault {
    blobs().alters(move |response| {
        if response.body.len() > 1000 {
            change(response);
        }
    })
}

pub(super) const BROKEN: &[&str] = &["registry-unreachable", "registry-failed", "registry-protocol"];
pub(super) const STALLED: &[&str] = &["registry-stalled"];
pub(super) const FALSE: &[&str] = &["blob-mismatch"];
pub(super) const SIZE: &[&str] = &["blob-size-mismatch", "registry-protocol"];
pub(super) const NONSENSE: &[&str] = &["registry-protocol"];
