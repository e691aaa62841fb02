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
