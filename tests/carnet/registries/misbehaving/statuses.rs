//! Error statuses, redirects, and temporary failures.

use std::time::{Duration, Instant};

use super::{NONSENSE, PATIENCE, STALLED, blobs, case, fails, manifests, packing_fails, registry};
use crate::registries::http::{Delivery, Fault, Request, Response};
use crate::registries::station::Station;

#[test]
fn error_statuses_are_reported() {
    packing_fails(&[
        case("401 without a challenge", &["registry-unauthorized"], |_| {
            Fault::on("*", "/v2/*").answers(Response::new(401))
        }),
        case("403", &["registry-denied"], |_| manifests().answers(Response::new(403))),
        case("403 on blobs", &["registry-denied"], |_| blobs().answers(Response::new(403))),
        case("429 without end", &["registry-rate-limited"], |_| manifests().answers(Response::new(429))),
        case("500 without end", &["registry-failed"], |_| manifests().answers(Response::new(500))),
        case("503 on blobs", &["registry-failed"], |_| blobs().answers(Response::new(503))),
        case("418", NONSENSE, |_| manifests().answers(Response::new(418))),
        case("204 for a blob", NONSENSE, |_| blobs().answers(Response::new(204))),
        case("999", NONSENSE, |_| manifests().answers(Response::new(999))),
    ]);
}

#[test]
fn long_retry_after_times_end_the_run() {
    packing_fails(&[
        case("429 in a week", &["registry-rate-limited"], |_| {
            manifests().answers(Response::new(429).with("Retry-After", "604800"))
        }),
        case("429 in an hour, as a date", &["registry-rate-limited"], |_| {
            let answer = Response::new(429).with("Date", "Thu, 26 Nov 2026 23:30:00 GMT");
            manifests().answers(answer.with("Retry-After", "Fri, 27 Nov 2026 00:30:00 GMT"))
        }),
        case("429 at no time", &["registry-rate-limited"], |_| {
            manifests().answers(Response::new(429).with("Retry-After", "when the moon is full"))
        }),
        case("503 in a year", &["registry-failed"], |_| {
            blobs().answers(Response::new(503).with("Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"))
        }),
    ]);
}

#[test]
fn a_long_wait_is_named() {
    let station = Station::new();
    for status in [429, 503] {
        let registry = registry(&station);
        registry.fault(manifests().answers(Response::new(status).with("Retry-After", "3600")));
        let run = station.pack(&format!("docker://{}/app:1", registry.name())).ends(1);
        run.says(&[&format!("HTTP {status}"), "retry after 3600 s"]);
    }
}

#[test]
fn temporary_failures_are_retried() {
    let station = Station::new();
    let retry = |seconds: &str| Response::new(429).with("Retry-After", seconds);
    for (fault, least) in [
        (manifests().times(2).answers(Response::new(429)), Duration::ZERO),
        (manifests().times(1).answers(retry("1")), Duration::from_secs(1)),
        // The clock of this machine says something else.
        (
            manifests().times(1).answers(
                retry("Wed, 01 Jan 2031 00:00:01 GMT").with("Date", "Tue, 31 Dec 2030 23:59:59 GMT"),
            ),
            Duration::from_secs(2),
        ),
        (manifests().times(1).answers(retry("Fri, 31 Dec 9999 23:59:59 GMT")), Duration::ZERO),
        (blobs().times(2).answers(Response::new(500)), Duration::ZERO),
        (blobs().times(1).answers(retry("0")), Duration::ZERO),
        (blobs().times(1).delivers(Delivery::Silence), Duration::ZERO),
        (manifests().times(1).delivers(Delivery::Reset(10)), Duration::ZERO),
        (Fault::on("*", "*").times(1).delivers(Delivery::Reset(0)), Duration::ZERO),
    ] {
        let registry = registry(&station);
        registry.fault(fault);
        let start = Instant::now();
        let source = format!("docker://{}/app:1", registry.name());
        station.pack(&format!("{source} --timeout 1 --retries 3 --overwrite")).ok();
        assert!(start.elapsed() >= least && start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    }
}

#[test]
fn bad_redirects_are_refused() {
    packing_fails(&[
        case("to itself", NONSENSE, |_| {
            blobs()
                .answers_with(|request: &Request| Response::new(307).with("Location", request.target.clone()))
        }),
        case("on and on", NONSENSE, |_| {
            blobs().answers_with(|request: &Request| {
                Response::new(302).with("Location", format!("{}0", request.target))
            })
        }),
        case("of a manifest", NONSENSE, |_| {
            manifests()
                .answers_with(|request: &Request| Response::new(301).with("Location", request.target.clone()))
        }),
        case("without a location", NONSENSE, |_| blobs().answers(Response::new(307))),
        case("to a file", &["registry-protocol", "registry-host-refused"], |_| {
            blobs().answers(Response::new(307).with("Location", "file:///etc/passwd"))
        }),
        case("to no URL", NONSENSE, |_| {
            blobs().answers(Response::new(307).with("Location", "http://[::1/\x1b[2J"))
        }),
        case("to a port that is closed", &["registry-unreachable"], |_| {
            blobs().answers(Response::new(307).with("Location", "http://127.0.0.1:1/blob"))
        }),
    ]);
}

#[test]
fn unreachable_hosts_are_reported() {
    let station = Station::new();
    // A port without a listener, and one whose listener never accepts.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for (host, codes) in [
        ("127.0.0.1:1".to_owned(), &["registry-unreachable"][..]),
        (deaf.local_addr().unwrap().to_string(), STALLED),
        ("nobody.invalid".to_owned(), &["registry-unreachable"]),
    ] {
        let start = Instant::now();
        let run = station.pack(&format!("docker://{host}/app:1 --timeout 1 --retries 1"));
        fails("nobody", &run, codes, &host, start);
        station.is_tidy();
    }
}

#[test]
fn secrets_in_a_location_are_not_repeated() {
    let station = Station::new();
    let registry = registry(&station);
    let location = "https://me:hush@store.example/blob?signature=hush";
    registry.fault(blobs().answers(Response::new(307).with("Location", location)));
    let run = station.pack(&format!("docker://{}/app:1 --timeout 1 --retries 1", registry.name())).ends(1);
    assert!(!run.stderr.contains("hush"), "{}", run.stderr);
    run.says(&["error[registry-host-refused]", "store.example", &registry.name()]);
}
