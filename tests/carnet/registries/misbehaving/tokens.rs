//! Token services and challenges.

use std::time::Instant;

use serde_json::json;

use super::{fails, registry};
use crate::registries::http::{Delivery, Fault, Response};
use crate::registries::server::{Access, Options, Registry, TokenService, Tokens};
use crate::registries::station::Station;

#[test]
fn broken_token_services_are_reported() {
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
        (
            "endless",
            &["registry-protocol", "registry-stalled"],
            Response::new(200).delivered(Delivery::Endless),
        ),
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
fn tokens_that_never_work_are_given_up() {
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
fn odd_lifetimes_do_not_matter() {
    let station = Station::new();
    for lifetime in [json!(0), json!(-5), json!("300"), json!(299.5), json!(null), json!("soon"), json!([])] {
        let tokens = TokenService::new(Tokens { anonymous: true, ..Tokens::default() });
        let registry = super::registry_with(&station, Access::Token(tokens));
        let odd = lifetime.clone();
        registry.fault(Fault::on("*", "/token").alters(move |response| {
            let mut answer: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
            answer["expires_in"] = odd.clone();
            *response = Response::new(200).json(&answer);
        }));
        let run = station.pack(&format!("docker://{}/app:1 --overwrite", registry.name()));
        assert_eq!(run.code, Some(0), "{lifetime}: {run:?}");
    }
}

#[test]
fn token_services_may_redirect_on_their_host_only() {
    let station = Station::new();
    let elsewhere = Registry::start();
    let other = format!("http://{}/token", elsewhere.name());
    for (location, good) in [("/v3/token".to_owned(), true), (other, false), ("/token".to_owned(), false)] {
        let tokens = TokenService::new(Tokens { user: Some(("me", "secret")), ..Tokens::default() });
        let registry = super::registry_with(&station, Access::Token(tokens));
        station.credentials("auth.json", &[(&registry.name(), "me:secret")]);
        let to = location.clone();
        registry.fault(Fault::on("GET", "/token").answers_with(move |request| {
            let query = request.target.split_once('?').unwrap().1;
            Response::new(307).with("Location", format!("{to}?{query}"))
        }));
        registry.fault(Fault::on("GET", "/v3/token").mishears(|request| {
            request.target = request.target.replace("/v3/token", "/token");
        }));
        let start = Instant::now();
        let source = format!("docker://{}/app:1 --overwrite --authfile auth.json", registry.name());
        let run = station.pack(&source);
        if good {
            run.ok();
        } else {
            fails(&location, &run, &["registry-protocol"], &registry.name(), start);
        }
    }
    assert_eq!(elsewhere.accepted_connections(), 0, "it would have got the password");
}

#[test]
fn a_token_that_breaks_is_requested_again() {
    let station = Station::new();
    let tokens = TokenService::new(Tokens { anonymous: true, ..Tokens::default() });
    let registry = super::registry_with(&station, Access::Token(tokens));
    registry.fault(Fault::on("*", "/token").times(1).delivers(Delivery::Close(9)));
    station.pack(&format!("docker://{}/app:1", registry.name())).ok();
}

#[test]
fn invalid_challenges_are_reported() {
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
