//! Lists of tags, repositories and referrers.

use std::time::Instant;

use serde_json::json;

use super::{NONSENSE, fails, registry};
use crate::behaviour::layouts::{INDEX, LAYER, digest_of};
use crate::registries::http::{Delivery, Fault, Request, Response};
use crate::registries::server::{Options, Registry};
use crate::registries::station::Station;

#[test]
fn endless_lists_are_given_up() {
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
fn lists_with_huge_names_are_bounded() {
    let station = Station::new();
    let registry = registry(&station);
    registry.fault(Fault::on("GET", "*/tags/list").answers_with(|request| {
        let last: usize = request.query("last").and_then(|last| last.parse().ok()).unwrap_or(0);
        Response::new(200)
            .with("Link", format!("</v2/app/tags/list?last={}>; rel=\"next\"", last + 1))
            .json(&json!({ "name": "app", "tags": ["x".repeat(4 << 20)] }))
    }));
    let start = Instant::now();
    let run = station.pack(&format!("docker://{}/app:9* --timeout 1 --retries 1", registry.name()));
    fails("giants", &run, NONSENSE, &registry.name(), start);
    let asked = registry.log().len();
    assert!(asked < 50, "{asked} pages of 4 MiB were read");
}

/// The answer to a list of tags in two pages, with this text in the `Link` header. HOST stands for the registry.
fn two_pages(link: &'static str) -> impl Fn(&Request) -> Response + Send + Sync + 'static {
    move |request: &Request| {
        if request.query("last").is_some() {
            return Response::new(200).json(&json!({ "name": "app", "tags": ["2"] }));
        }
        let host = request.headers.get("Host").unwrap_or_default();
        let first = Response::new(200).json(&json!({ "name": "app", "tags": ["1"] }));
        first.with("Link", link.replace("HOST", host))
    }
}

/// A registry with the tags 1 and 2, and a Link header of the test's choice.
fn registry_of_two(station: &Station, link: &'static str) -> Registry {
    let registry = registry(station);
    registry.change("app", |app| {
        let digest = app.tags["1"].clone();
        app.tags.insert("2".to_owned(), digest);
    });
    registry.fault(Fault::on("GET", "*/tags/list").answers_with(two_pages(link)));
    registry
}

#[test]
fn the_next_page_is_found_in_every_valid_link() {
    let station = Station::new();
    for link in [
        "</v2/app/tags/list?last=1>; rel=\"next\"",
        "</v2/app/tags/list?last=1>;rel=next",
        "<http://HOST/v2/app/tags/list?last=1>; title=\"a, b\"; REL=\"NEXT\"",
        "<?last=1>; rel=\"last next\"",
        "</v2/app/tags/list>; rel=first, </v2/app/tags/list?last=1>; rel=next",
        "</v2/app/tags/list>; rel=first\r\nLink: </v2/app/tags/list?last=1>; rel=next",
    ] {
        let registry = registry_of_two(&station, link);
        station.pack(&format!("docker://{}/app:* --overwrite", registry.name())).ok();
        let run = station.carnet("inspect out --pub k.pub.pem").ok();
        assert!(run.stdout.contains("app:1") && run.stdout.contains("app:2"), "{link}: {run:?}");
    }
}

#[test]
fn a_next_page_that_cannot_be_read_is_no_end_of_the_list() {
    let station = Station::new();
    for link in [
        "/v2/app/tags/list?last=1; rel=next",
        "</v2/app/tags/list?last=1; rel=next",
        "</v2/app/tags/list?last=1>; rel=\"next",
        "</v2/app/tags/list?last=1> rel=next",
        "</v2/other/tags/list?last=1>; rel=next",
        "</v2/_catalog?last=1>; rel=next",
        "<http://127.0.0.9:5000/v2/app/tags/list?last=1>; rel=next",
        "<http://[/v2>; rel=next",
        "</v2/app/tags/list?last=1>; rel=next, </v2/app/tags/list?last=2>; rel=next",
    ] {
        let registry = registry_of_two(&station, link);
        let start = Instant::now();
        let run = station.pack(&format!("docker://{}/app:* --retries 1", registry.name()));
        fails(link, &run, NONSENSE, &registry.name(), start);
        station.is_tidy();
    }
}

#[test]
fn a_later_page_that_fails_is_no_end_of_the_list() {
    let station = Station::new();
    for (what, answer) in [
        ("404", Response::new(404)),
        ("an error with 200", Response::new(200).json(&json!({ "errors": [{ "code": "UNKNOWN" }] }))),
        ("an invalid tag", Response::new(200).json(&json!({ "name": "app", "tags": ["a b"] }))),
    ] {
        let registry = registry(&station);
        registry.fault(
            Fault::on("GET", "*/tags/list")
                .times(1)
                .answers_with(two_pages("</v2/app/tags/list?last=1>; rel=next")),
        );
        registry.fault(Fault::on("GET", "*/tags/list").answers(answer));
        let start = Instant::now();
        let run = station.pack(&format!("docker://{}/app:* --retries 1", registry.name()));
        fails(what, &run, &["registry-protocol", "registry-failed"], &registry.name(), start);
        station.is_tidy();
    }
}

#[test]
fn pages_that_break_are_requested_again() {
    let station = Station::new();
    for path in ["*/tags/list", "*/referrers/*"] {
        for delivery in [Delivery::Reset(5), Delivery::Close(5)] {
            let registry = registry(&station);
            registry.fault(Fault::on("GET", path).times(1).delivers(delivery));
            station.pack(&format!("docker://{}/app:* --retries 1 --overwrite", registry.name())).ok();
        }
        // In chunks, the end of the connection is not the end of the body.
        let registry = registry(&station);
        let cut = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n{\"tags\": [\"1\"";
        let cut = Response::new(200).body("text/plain", cut).delivered(Delivery::Raw);
        registry.fault(Fault::on("GET", path).times(1).answers(cut));
        station.pack(&format!("docker://{}/app:* --retries 1 --overwrite", registry.name())).ok();
    }
}

#[test]
fn endless_catalogues_are_given_up() {
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
fn invalid_names_in_lists_are_not_requested() {
    let station = Station::new();
    let registry = registry(&station);
    let tags =
        json!({ "name": "app", "tags": ["1", "../../../x", "a b", "\u{1b}[31mred", "x".repeat(500), ""] });
    registry.fault(Fault::on("GET", "*/tags/list").answers(Response::new(200).json(&tags)));
    let run = station.pack(&format!("docker://{}/app:* --timeout 1 --retries 1", registry.name())).ends(1);
    // A list with names that cannot exist is broken, and what else it lacks is unknown.
    let run = run.says(&["error[registry-protocol]", &registry.name(), "../../../x"]);
    assert!(!run.stderr.contains('\u{1b}'));
    station.is_tidy();
    assert!(registry.log().iter().all(|one| !one.target.contains("..") && !one.target.contains(' ')));
}

#[test]
fn false_lists_of_referrers_are_refused() {
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
        // Losing signatures silently would be worse than a failure.
        let codes =
            ["registry-protocol", "blob-missing", "malformed-document", "no-such-artifact", "refused-graph"];
        fails(what, &run, &codes, &registry.name(), start);
        station.is_tidy();
    }
}

#[test]
fn an_endless_list_of_referrers_is_given_up() {
    let station = Station::new();
    let registry = registry(&station);
    registry.fault(Fault::on("GET", "*/referrers/*").delivers(Delivery::Endless));
    let start = Instant::now();
    let run = station.pack(&format!("docker://{}/app:1 --timeout 1 --retries 1", registry.name()));
    fails("endless", &run, NONSENSE, &registry.name(), start);
}

#[test]
fn listed_referrers_must_refer_to_the_subject() {
    let station = Station::new();
    let mut source = station.source("src");
    let app = source.image(1, &[500]);
    source.tag(&app, "1");
    let other = source.image(2, &[600]);
    let foreign = source.referrer(&other, "application/spdx+json", "of another");
    let blob = source.blob(LAYER, b"no document");
    for (what, listed) in [("an image", &other), ("another's referrer", &foreign), ("a blob", &blob)] {
        for api in [true, false] {
            let registry = Registry::with(Options { referrers: api, ..Options::default() });
            registry.seed(source.path(), "app");
            let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [listed] }).to_string();
            if api {
                let answer = Response::new(200).body(INDEX, index);
                let path = format!("/v2/app/referrers/{}", digest_of(&app));
                registry.fault(Fault::on("GET", &path).answers(answer));
            } else {
                registry.change("app", |repository| {
                    let digest = repository.add(INDEX, index.as_bytes());
                    repository.tags.insert(digest_of(&app).replace(':', "-"), digest);
                });
            }
            let start = Instant::now();
            let run = station.pack(&format!("docker://{}/app:1 --retries 1", registry.name()));
            fails(what, &run, NONSENSE, &registry.name(), start);
            assert!(run.stderr.contains(digest_of(listed)), "{what}: {}", run.stderr);
            station.is_tidy();
        }
    }
}

#[test]
fn every_tag_that_registries_accept_travels() {
    let station = Station::new();
    let registry = registry(&station);
    registry.change("app", |app| {
        let digest = app.tags["1"].clone();
        for tag in ["2..0", "_", "x-", "y.", "_.-..-_"] {
            app.tags.insert(tag.to_owned(), digest.clone());
        }
    });
    station.pack(&format!("docker://{}/app:* --retries 1", registry.name())).ok();
    let bundle = station.desk.inspected("out");
    let names: Vec<&str> =
        bundle["artifacts"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect();
    for tag in ["2..0", "_", "x-", "y.", "_.-..-_"] {
        assert!(names.iter().any(|name| name.ends_with(&format!("/app:{tag}"))), "{tag}: {names:?}");
    }
}

#[test]
fn huge_values_are_not_repeated_in_errors() {
    let station = Station::new();
    let giant = "x".repeat(1 << 20);
    let manifest = "application/vnd.oci.image.manifest.v1+json";
    let document = |field: &str| {
        let mut document = json!({ "schemaVersion": 2, "mediaType": manifest, "config": {}, "layers": [] });
        document[field] = json!(giant);
        Response::new(200).body(manifest, document.to_string())
    };
    for (what, path, answer) in [
        ("tags", "*/tags/list", Response::new(200).json(&json!({ "name": "app", "tags": giant }))),
        ("layers", "*/manifests/1", document("layers")),
        ("a type", "*/manifests/1", document("mediaType")),
        ("a purpose", "*/manifests/1", document("artifactType")),
    ] {
        let registry = registry(&station);
        registry.fault(Fault::on("GET", path).answers(answer));
        let wanted = if what == "tags" { "*" } else { "1" };
        let start = Instant::now();
        let run = station.pack(&format!("docker://{}/app:{wanted} --retries 1", registry.name()));
        fails(what, &run, &["registry-protocol", "malformed-document"], &registry.name(), start);
    }
}
