//! Registries that answer with anything but what they should: every command ends in time, says which host
//! it was and what, and leaves nothing behind.

use std::time::{Duration, Instant};

use serde_json::json;

use super::http::{Delivery, Fault, Request, Response};
use super::server::{Access, Options, Registry, TokenService, Tokens};
use super::station::Station;
use crate::behaviour::support::{Run, noise};

/// How long a command may take that meets a registry which never gets better.
const PATIENCE: Duration = Duration::from_secs(15);

const LAYER_BYTES: usize = 60_000;

/// What is wrong, how it is brought about, and the codes that say so.
struct Case {
    what: &'static str,
    fault: fn(&Registry) -> Fault,
    codes: &'static [&'static str],
}

fn case(what: &'static str, codes: &'static [&'static str], fault: fn(&Registry) -> Fault) -> Case {
    Case { what, fault, codes }
}

fn registry(station: &Station) -> Registry {
    let mut source = station.source("src");
    source.tag(&source.image(1, &[LAYER_BYTES]), "1");
    let registry = Registry::start();
    registry.seed(source.path(), "app");
    registry
}

/// The error has one of the codes and names the host; the program ended by itself and in time.
#[track_caller]
fn fails(what: &str, run: &Run, codes: &[&str], host: &str, start: Instant) {
    assert!(matches!(run.code, Some(1 | 4)), "{what}: {run:?}");
    let code = run.stderr.split_once("error[").and_then(|(_, rest)| rest.split_once(']'));
    let (code, message) = code.unwrap_or_else(|| panic!("{what}: no error in {run:?}"));
    assert!(codes.contains(&code), "{what}: {code} instead of one of {codes:?}\n{}", run.stderr);
    let message = message.split("\n  hint:").next().unwrap();
    assert!(message.contains(host), "{what}: the host {host} is not named in\n{}", run.stderr);
    assert!(run.stderr.len() < 4000, "{what}: an essay\n{}", run.stderr);
    assert!(start.elapsed() < PATIENCE, "{what}: it took {:?}", start.elapsed());
    assert!(!run.stderr.contains('\x1b'), "{what}: raw controls");
}

/// Packs `app:1` from a registry with each of these faults.
#[track_caller]
fn packing_fails(cases: &[Case]) {
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

/// Imports an image into a registry with each of these faults, which must be left without a tag.
#[track_caller]
fn importing_fails(cases: &[Case]) {
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

fn blobs() -> Fault {
    Fault::on("GET", "*/blobs/*")
}

fn manifests() -> Fault {
    // Where a registry has one fault for GET, it may have it for HEAD.
    Fault::on("*", "*/manifests/*")
}

/// A fault of the layer alone: small documents come as they should.
fn layers(change: impl Fn(&mut Response) + Send + Sync + 'static) -> Fault {
    blobs().alters(move |response| {
        if response.body.len() > 1000 {
            change(response);
        }
    })
}

const BROKEN: &[&str] = &["registry-unreachable", "registry-failed", "registry-protocol"];
const STALLED: &[&str] = &["registry-stalled"];
const FALSE: &[&str] = &["blob-mismatch"];
const SIZE: &[&str] = &["blob-size", "registry-protocol"];
const NONSENSE: &[&str] = &["registry-protocol"];

#[test]
fn blobs_that_are_not_what_was_asked_for() {
    packing_fails(&[
        case("other bytes", FALSE, |_| layers(|response| response.body[500] ^= 1)),
        case("other bytes of the configuration", FALSE, |_| blobs().alters(|response| response.body[5] ^= 1)),
        case("too short", SIZE, |_| layers(|response| response.body.truncate(LAYER_BYTES - 1))),
        case("too long", SIZE, |_| layers(|response| response.body.push(0))),
        case("empty", SIZE, |_| layers(|response| response.body.clear())),
        case("endless", SIZE, |_| layers(|response| response.delivery = Delivery::Endless)),
        case("endless, and said so", SIZE, |_| {
            layers(|response| {
                response.headers.set("Content-Length", "9223372036854775807");
                response.delivery = Delivery::Endless;
            })
        }),
        case("a length beyond numbers", &["blob-size", "registry-protocol", "registry-unreachable"], |_| {
            layers(|response| response.headers.set("Content-Length", "99999999999999999999999"))
        }),
        case("a negative length", &["blob-size", "registry-protocol", "registry-unreachable"], |_| {
            layers(|response| response.headers.set("Content-Length", "-1"))
        }),
        case("a page for people", &["blob-size", "blob-mismatch", "registry-protocol"], |_| {
            blobs().answers(Response::new(200).body("text/html", "<html>please log in</html>"))
        }),
    ]);
}

#[test]
fn blobs_that_break_again_and_again() {
    packing_fails(&[
        case("closed at once", BROKEN, |_| layers(|response| response.delivery = Delivery::Close(0))),
        case("reset at once", BROKEN, |_| layers(|response| response.delivery = Delivery::Reset(0))),
        case("no answer but the end", BROKEN, |_| {
            blobs().answers(Response::new(200).delivered(Delivery::Raw))
        }),
    ]);
}

#[test]
fn blobs_that_stand_still() {
    packing_fails(&[
        case("in the middle", STALLED, |_| layers(|response| response.delivery = Delivery::Stall(0))),
        case("silence", STALLED, |_| blobs().delivers(Delivery::Silence)),
    ]);
}

#[test]
fn answers_that_drip() {
    // A byte now and then is not nothing; but a layer that would take days is a registry that is broken.
    packing_fails(&[
        case("a layer", STALLED, |_| {
            layers(|response| response.delivery = Delivery::Drip(Duration::from_millis(300)))
        }),
        case("a manifest", STALLED, |_| manifests().delivers(Delivery::Drip(Duration::from_millis(300)))),
    ]);
}

#[test]
fn statuses_that_say_no() {
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
fn a_registry_that_wants_to_be_left_alone_for_a_week() {
    packing_fails(&[
        case("429 in a week", &["registry-rate-limited"], |_| {
            manifests().answers(Response::new(429).with("Retry-After", "604800"))
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
fn what_is_over_soon_is_waited_for() {
    let station = Station::new();
    let retry = |seconds: &str| Response::new(429).with("Retry-After", seconds);
    for (fault, least) in [
        (manifests().times(2).answers(Response::new(429)), Duration::ZERO),
        (manifests().times(1).answers(retry("1")), Duration::from_secs(1)),
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
fn manifests_that_are_none() {
    packing_fails(&[
        case("bad JSON", &["registry-protocol", "malformed-document", "blob-mismatch"], |_| {
            manifests()
                .answers(Response::new(200).body("application/vnd.oci.image.manifest.v1+json", "{\"a\":"))
        }),
        case("a page for people", &["registry-protocol", "malformed-document", "not-an-artifact"], |_| {
            manifests().answers(Response::new(200).body("text/html", "<html>please log in</html>"))
        }),
        case("nothing", &["registry-protocol", "malformed-document", "blob-size"], |_| {
            manifests().answers(Response::new(200).body("application/vnd.oci.image.manifest.v1+json", ""))
        }),
        case("a giant", NONSENSE, |_| {
            manifests().alters(|response| response.body.extend(vec![b' '; 40 << 20]))
        }),
        case("a giant that is not there", NONSENSE, |_| {
            manifests().alters(|response| response.headers.set("Content-Length", "1099511627776"))
        }),
        case("endless", NONSENSE, |_| manifests().delivers(Delivery::Endless)),
        case("another digest in the header", NONSENSE, |_| {
            manifests().alters(|response| {
                response.headers.set("Docker-Content-Digest", format!("sha256:{}", "1".repeat(64)));
            })
        }),
        case("no digest, but nonsense in the header", NONSENSE, |_| {
            manifests()
                .alters(|response| response.headers.set("Docker-Content-Digest", "sha256:../../x\x1b[31m"))
        }),
        case(
            "the type of another document",
            &["registry-protocol", "malformed-document", "not-an-artifact"],
            |_| {
                manifests().alters(|response| {
                    response.headers.set("Content-Type", "application/vnd.oci.image.index.v1+json");
                })
            },
        ),
    ]);
}

#[test]
fn answers_that_are_not_http() {
    packing_fails(&[
        case("another protocol", BROKEN, |_| {
            Fault::on("*", "*")
                .answers(Response::new(200).body("", "SSH-2.0-OpenSSH_9.2\r\n").delivered(Delivery::Raw))
        }),
        case("noise", BROKEN, |_| {
            Fault::on("*", "*").answers(Response::new(200).body("", noise(1, 5000)).delivered(Delivery::Raw))
        }),
        case("a header without end", BROKEN, |_| Fault::on("*", "*").delivers(Delivery::EndlessHead)),
        case("a hundred thousand fields", BROKEN, |_| {
            let fields = "X-Field: 0123456789\r\n".repeat(100_000);
            let text = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n");
            Fault::on("*", "*").answers(Response::new(200).body("", text).delivered(Delivery::Raw))
        }),
        case("chunks that are none", BROKEN, |_| {
            let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n";
            Fault::on("GET", "*").answers(Response::new(200).body("", text).delivered(Delivery::Raw))
        }),
        case("a chunk of nearly all bytes", BROKEN, |_| {
            let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff0\r\nabc\r\n";
            Fault::on("GET", "*").answers(Response::new(200).body("", text).delivered(Delivery::Raw))
        }),
    ]);
}

#[test]
fn redirects_that_lead_nowhere() {
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
fn lists_that_never_end() {
    let page = |names: &str, n: usize| {
        Response::new(200)
            .with("Link", format!("</v2/app/tags/list?last={n}>; rel=\"next\""))
            .body("application/json", names.to_owned())
    };
    let number = |request: &Request| request.query("last").and_then(|last| last.parse().ok()).unwrap_or(0);
    let same = move |_: &Request| page(r#"{"name":"app","tags":["1"]}"#, 1);
    let empty = move |request: &Request| page(r#"{"name":"app","tags":[]}"#, number(request) + 1);
    let new = move |request: &Request| {
        let first: usize = number(request);
        let names: Vec<_> =
            (first..first + 1000).map(|tag| format!("tag-{tag:09}-{}", "x".repeat(90))).collect();
        page(&json!({ "name": "app", "tags": names }).to_string(), first + 1000)
    };
    let station = Station::new();
    for what in ["the same page", "empty pages", "new pages", "a page without end", "bad JSON", "other JSON"]
    {
        let registry = registry(&station);
        let tags = Fault::on("GET", "*/tags/list");
        registry.fault(match what {
            "the same page" => tags.answers_with(same),
            "empty pages" => tags.answers_with(empty),
            "new pages" => tags.answers_with(new),
            "a page without end" => tags.delivers(Delivery::Endless),
            "bad JSON" => tags.answers(Response::new(200).body("application/json", "{\"tags\":[")),
            _ => tags.answers(Response::new(200).body("application/json", "{\"tags\":{\"1\":2}}")),
        });
        let start = Instant::now();
        let run = station.pack(&format!("docker://{}/app:9* --timeout 1 --retries 1", registry.name()));
        fails(what, &run, NONSENSE, &registry.name(), start);
        station.is_tidy();
    }
}

#[test]
fn catalogues_that_never_end() {
    let station = Station::new();
    let registry = registry(&station);
    registry.fault(Fault::on("GET", "/v2/_catalog").answers_with(|request| {
        let last: usize = request.query("last").and_then(|last| last.parse().ok()).unwrap_or(0);
        let names: Vec<_> =
            (last..last + 1000).map(|name| format!("name-{name:09}-{}", "x".repeat(90))).collect();
        Response::new(200)
            .with("Link", format!("</v2/_catalog?last={}>; rel=\"next\"", last + 1000))
            .json(&json!({ "repositories": names }))
    }));
    let start = Instant::now();
    let run = station.pack(&format!("docker://{}/ap*:1 --timeout 1 --retries 1", registry.name()));
    fails("catalogue", &run, NONSENSE, &registry.name(), start);
}

#[test]
fn names_in_lists_that_are_none_are_not_asked_for() {
    let station = Station::new();
    let registry = registry(&station);
    let tags =
        json!({ "name": "app", "tags": ["1", "../../../x", "a b", "\u{1b}[31mred", "x".repeat(500), ""] });
    registry.fault(Fault::on("GET", "*/tags/list").answers(Response::new(200).json(&tags)));
    let run = station.pack(&format!("docker://{}/app:* --timeout 1 --retries 1", registry.name()));
    assert!(matches!(run.code, Some(0 | 1)), "{run:?}");
    assert!(!run.stderr.contains('\u{1b}'));
    assert!(registry.log().iter().all(|one| !one.target.contains("..") && !one.target.contains(' ')));
}

#[test]
fn lists_of_referrers_that_lie() {
    let other = format!("sha256:{}", "2".repeat(64));
    let one = move |digest: &str, size: u64| {
        json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": size }] })
    };
    let station = Station::new();
    for (what, document) in [
        ("one that is not there", one(&other, 500).to_string()),
        ("a giant", one(&other, 1 << 50).to_string()),
        ("no digest", one("sha256:../../../etc/passwd", 5).to_string()),
        ("bad JSON", "{".to_owned()),
        ("no index", "[1,2]".to_owned()),
    ] {
        let registry = registry(&station);
        let answer = Response::new(200).body("application/vnd.oci.image.index.v1+json", document);
        registry.fault(Fault::on("GET", "*/referrers/*").answers(answer));
        let start = Instant::now();
        let run = station.pack(&format!("docker://{}/app:1 --timeout 1 --retries 1", registry.name()));
        // Signatures that are lost without a word would be worse than a failure.
        let codes =
            ["registry-protocol", "blob-missing", "malformed-document", "no-such-artifact", "refused-graph"];
        fails(what, &run, &codes, &registry.name(), start);
        station.is_tidy();
    }
}

#[test]
fn a_list_of_referrers_without_an_end() {
    let station = Station::new();
    let registry = registry(&station);
    registry.fault(Fault::on("GET", "*/referrers/*").delivers(Delivery::Endless));
    let start = Instant::now();
    let run = station.pack(&format!("docker://{}/app:1 --timeout 1 --retries 1", registry.name()));
    fails("endless", &run, NONSENSE, &registry.name(), start);
}

#[test]
fn token_services_that_are_none() {
    let station = Station::new();
    for (what, codes, answer) in [
        (
            "bad JSON",
            &["registry-protocol", "registry-unauthorized"][..],
            Response::new(200).body("application/json", "{"),
        ),
        ("no token", &["registry-protocol", "registry-unauthorized"], Response::new(200).json(&json!({}))),
        (
            "a token with line ends",
            &["registry-protocol", "registry-unauthorized"],
            Response::new(200).json(&json!({ "token": "a\r\nX-Injected: 1" })),
        ),
        ("endless", &["registry-protocol"], Response::new(200).delivered(Delivery::Endless)),
        ("401", &["registry-unauthorized"], Response::new(401)),
        ("500", &["registry-failed"], Response::new(500)),
        ("silence", &["registry-stalled"], Response::new(200).delivered(Delivery::Silence)),
    ] {
        let tokens = TokenService::new(Tokens { anonymous: true, ..Tokens::default() });
        let registry = Registry::with(Options { access: Access::Token(tokens), ..Options::default() });
        registry.fault(Fault::on("*", "/token").answers(answer));
        let start = Instant::now();
        let run = station.pack(&format!("docker://{}/app:1 --timeout 1 --retries 1", registry.name()));
        fails(what, &run, codes, &registry.name(), start);
        assert!(registry.log().iter().all(|one| one.headers.get("X-Injected").is_none()));
        station.is_tidy();
    }
}

#[test]
fn tokens_that_are_never_good() {
    let station = Station::new();
    let tokens = TokenService::new(Tokens { anonymous: true, worthless: true, ..Tokens::default() });
    let access = Access::Token(tokens.clone());
    let registry = Registry::with(Options { access, ..Options::default() });
    let start = Instant::now();
    let run = station.pack(&format!("docker://{}/app:1 --timeout 1 --retries 1", registry.name()));
    fails("worthless", &run, &["registry-unauthorized"], &registry.name(), start);
    assert!(tokens.minted().len() < 8, "{} tokens", tokens.minted().len());
}

#[test]
fn challenges_that_make_no_sense() {
    let station = Station::new();
    for challenge in [
        "Bearer",
        "Bearer realm=\"\"",
        "Bearer realm=\"ftp://127.0.0.1/token\"",
        "Bearer realm=\"file:///etc/passwd\",service=\"x\"",
        "Bearer realm=\"http://[/token\",service=\"x\"",
        "Bearer realm=\"unclosed",
        "Negotiate",
        "Digest realm=\"x\", nonce=\"y\"",
        ",,,=",
    ] {
        let registry = registry(&station);
        registry
            .fault(Fault::on("*", "/v2/*").answers(Response::new(401).with("WWW-Authenticate", challenge)));
        let start = Instant::now();
        let run = station.pack(&format!("docker://{}/app:1 --timeout 1 --retries 1", registry.name()));
        let codes = ["registry-unauthorized", "registry-protocol", "registry-host-refused"];
        fails(challenge, &run, &codes, &registry.name(), start);
    }
}

#[test]
fn nobody_there() {
    let station = Station::new();
    // A port that nobody listens on, and one whose listener never accepts.
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
fn uploads_that_go_wrong() {
    importing_fails(&[
        case("no location", NONSENSE, |_| {
            Fault::on("POST", "*/blobs/uploads/*").alters(|response| response.headers.remove("Location"))
        }),
        case("a location that is none", NONSENSE, |_| {
            Fault::on("POST", "*/blobs/uploads/*")
                .alters(|response| response.headers.set("Location", "http://[::1"))
        }),
        case("a file as location", &["registry-protocol", "registry-host-refused"], |_| {
            Fault::on("POST", "*/blobs/uploads/*")
                .alters(|response| response.headers.set("Location", "file:///etc/passwd"))
        }),
        case("no begin", &["registry-failed"], |_| Fault::on("POST", "*").answers(Response::new(500))),
        case("200 for a begin", NONSENSE, |_| Fault::on("POST", "*").answers(Response::new(200))),
        case("denied", &["registry-denied"], |_| Fault::on("POST", "*").answers(Response::new(403))),
        case("unauthorized", &["registry-unauthorized"], |_| {
            Fault::on("POST", "*").answers(Response::new(401))
        }),
        case("rate", &["registry-rate-limited"], |_| Fault::on("POST", "*").answers(Response::new(429))),
        case("never finished", &["registry-failed"], |_| {
            Fault::on("PUT", "*/blobs/uploads/*").answers(Response::new(502))
        }),
        case("never finished, and at once", &["registry-failed", "registry-unreachable"], |_| {
            Fault::on("PUT", "*/blobs/uploads/*").answers(Response::new(502)).at_once()
        }),
        case("finished without saying so", STALLED, |_| {
            Fault::on("PUT", "*/blobs/uploads/*").delivers(Delivery::Silence)
        }),
        case("the digest is refused", &["registry-protocol", "registry-failed", "blob-mismatch"], |_| {
            Fault::on("PUT", "*/blobs/uploads/*").answers(Response::new(400).json(
                &json!({ "errors": [{ "code": "DIGEST_INVALID", "message": "provided digest did not match" }] }),
            ))
        }),
        case("a redirect to itself", NONSENSE, |_| {
            Fault::on("POST", "*").answers_with(|one| Response::new(307).with("Location", one.target.clone()))
        }),
    ]);
}

#[test]
fn manifests_that_are_not_taken() {
    importing_fails(&[
        case("refused, with a reason", &["registry-protocol", "registry-failed", "registry-denied"], |_| {
            Fault::on("PUT", "*/manifests/*").answers(Response::new(400).json(
                &json!({ "errors": [{ "code": "MANIFEST_INVALID", "message": "manifest invalid \u{1b}[31m" }] }),
            ))
        }),
        case("too large", &["registry-protocol", "registry-failed", "registry-denied"], |_| {
            Fault::on("PUT", "*/manifests/*").answers(Response::new(413))
        }),
        case("an error without end", &["registry-failed", "registry-protocol"], |_| {
            Fault::on("PUT", "*/manifests/*").answers(Response::new(500).delivered(Delivery::Endless))
        }),
        case("unavailable", &["registry-failed"], |_| {
            Fault::on("PUT", "*/manifests/*").answers(Response::new(503))
        }),
        case("silence", STALLED, |_| {
            Fault::on("PUT", "*/manifests/*").answers(Response::new(201).delivered(Delivery::Silence))
        }),
    ]);
}

#[test]
fn a_head_that_lies_is_not_believed_for_the_tag() {
    // A registry says that it has every blob. It refuses the manifest, and there is no tag.
    importing_fails(&[case(
        "has all, takes nothing",
        &["registry-protocol", "registry-failed", "blob-missing"],
        |_| Fault::on("HEAD", "*/blobs/*").answers(Response::new(200)),
    )]);
}
