//! Authentication: passwords, tokens and certificates, and that they never leak.

use std::io::{Read as _, Write as _};

use serde_json::json;

use super::debian::{Debian, Setup};
use super::http::{Exchange, Fault, Host, Response};
use super::server::{Access, Options, Registry, TokenService, Tokens};
use super::station::Station;
use super::tls::{Certificates, Front};
use crate::behaviour::support::{Run, installed};

const SECRET: &str = "me:secret";

fn station() -> Station {
    let station = Station::new();
    let mut source = station.source("src");
    source.tag(&source.image(1, &[30_000]), "low.example/app:1");
    station
}

fn seeded(station: &Station, access: Access) -> Registry {
    let registry = Registry::with(Options { access, ..Options::default() });
    registry.seed(&station.path("src"), "app");
    registry
}

fn basic() -> Access {
    Access::Basic { user: "me", password: "secret" }
}

fn tokens() -> Tokens {
    Tokens { user: Some(("me", "secret")), ..Tokens::default() }
}

/// Asserts that the output has no secret in it.
fn discreet(run: Run, secrets: &[&str]) -> Run {
    for secret in secrets {
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{secret} in {run:?}");
    }
    run
}

#[test]
fn passwords_are_read_from_a_file_or_the_usual_places() {
    let station = station();
    let registry = seeded(&station, basic());
    let at = registry.name();
    let source = format!("docker://{at}/app:1 --overwrite");
    let run = station.pack(&source).ends(1);
    run.says(&["error[registry-unauthorized]", &at, "--authfile"]);
    station.credentials("auth.json", &[(&at, SECRET)]);
    let run = station.pack(&format!("{source} --authfile auth.json -v")).ok();
    discreet(run, &["secret", "bWU6c2VjcmV0"]);
    let moved = |to: &str| {
        let to = station.path(to);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(station.path("auth.json"), &to).unwrap();
        to
    };
    let line = format!("pack {source} --to out --name b --key k.key.pem");
    for (variable, value, file) in [
        ("REGISTRY_AUTH_FILE", "other.json", "other.json"),
        ("XDG_RUNTIME_DIR", "run", "run/containers/auth.json"),
        ("DOCKER_CONFIG", "docker", "docker/config.json"),
        ("NOTHING", "", "home/.config/containers/auth.json"),
        ("NOTHING", "", "home/.docker/config.json"),
    ] {
        let file = moved(file);
        let mut command = station.command(&line);
        if variable != "NOTHING" {
            command.env(variable, station.path(value));
        }
        Run::of(&mut command).ok();
        std::fs::remove_file(file).unwrap();
    }
}

#[test]
fn credentials_for_a_repository_take_precedence_over_its_host() {
    let station = station();
    let registry = seeded(&station, basic());
    let at = registry.name();
    registry.seed(&station.path("src"), "team/app");
    station.credentials("auth.json", &[(&at, "me:wrong"), (&format!("{at}/team"), SECRET)]);
    station.pack(&format!("docker://{at}/team/app:1 --authfile auth.json")).ok();
    station.pack(&format!("docker://{at}/app:1 --authfile auth.json --overwrite")).ends(1);
}

#[test]
fn a_wrong_password_is_tried_once_and_never_shown() {
    for access in [basic(), Access::Token(TokenService::new(tokens()))] {
        let station = station();
        let registry = seeded(&station, access);
        let at = registry.name();
        station.credentials("auth.json", &[(&at, "me:mistaken")]);
        let run = station.pack(&format!("docker://{at}/app:1 --authfile auth.json -v")).ends(1);
        let run = run.says(&["error[registry-unauthorized]", &at]);
        discreet(run, &["mistaken", "bWU6bWlzdGFrZW4"]);
        // Some registries lock an account after a few attempts.
        let tries = registry.log().iter().filter(|one| one.headers.get("Authorization").is_some()).count();
        assert!(tries <= 2, "tried {tries} times");
    }
}

#[test]
fn broken_credentials_files_are_named_but_not_shown() {
    let station = station();
    let registry = seeded(&station, basic());
    for text in ["{\"auths\":", "[]", r#"{"auths":{"HOST":{"auth":"%%%secret"}}}"#] {
        station.write("auth.json", &text.replace("HOST", &registry.name()));
        let run = station.pack(&format!("docker://{}/app:1 --authfile auth.json", registry.name()));
        assert!(matches!(run.code, Some(1 | 2)), "{run:?}");
        discreet(run.says(&["error[", "auth.json"]), &["%%%secret"]);
    }
    let run = station.pack(&format!("docker://{}/app:1 --authfile nowhere.json", registry.name()));
    assert!(matches!(run.code, Some(1 | 2)), "{run:?}");
    run.says(&["nowhere.json"]);
    assert_eq!(registry.accepted_connections(), 0);
}

#[test]
fn credentials_files_are_read_in_all_the_forms_that_tools_write() {
    let station = station();
    let registry = seeded(&station, basic());
    let at = registry.name();
    let source = format!("docker://{at}/app:1 --overwrite --authfile auth.json");
    for (what, text) in [
        (
            "an empty auth beside a name",
            r#"{"auths":{"HOST":{"auth":"","username":"me","password":"secret"}}}"#,
        ),
        ("no auth", r#"{"auths":{"HOST":{"username":"me","password":"secret"}}}"#),
        ("nulls", r#"{"auths":{"a.example":null,"HOST":{"auth":"bWU6c2VjcmV0"}},"credHelpers":null}"#),
        ("null helpers", r#"{"auths":{"HOST":{"auth":"bWU6c2VjcmV0"}},"credHelpers":{"HOST":null}}"#),
        ("numbers elsewhere", r#"{"auths":{"a.example":5,"HOST":{"auth":"bWU6c2VjcmV0","email":null}}}"#),
        ("a .dockercfg", r#"{"HOST":{"auth":"bWU6c2VjcmV0","email":""}}"#),
        ("a URL as key", r#"{"auths":{"https://HOST/v1/":{"auth":"bWU6c2VjcmV0"}}}"#),
        ("no padding, and a zero", r#"{"auths":{"HOST":{"auth":"bWU6c2VjcmV0AA"}}}"#),
        ("a byte order mark", "\u{feff}{\"auths\":{\"HOST\":{\"auth\":\"bWU6c2VjcmV0\"}}}\r\n"),
    ] {
        station.write("auth.json", &text.replace("HOST", &at));
        let run = station.pack(&source);
        assert_eq!(run.code, Some(0), "{what}: {run:?}");
    }
    for text in
        ["", "\n", "{}", r#"{"auths":null}"#, r#"{"auths":{"HOST":{}}}"#, r#"{"auths":{"HOST":{"auth":""}}}"#]
    {
        station.write("auth.json", &text.replace("HOST", &at));
        station.pack(&source).ends(1).says(&["error[registry-unauthorized]"]);
    }
}

#[test]
fn a_helper_that_is_not_installed_is_named() {
    let station = station();
    let registry = seeded(&station, basic());
    let at = registry.name();
    for text in
        [r#"{"credsStore":"of-nobody"}"#.to_owned(), format!(r#"{{"credHelpers":{{"{at}":"of-nobody"}}}}"#)]
    {
        station.write("auth.json", &text);
        let run = station.pack(&format!("docker://{at}/app:1 --authfile auth.json")).ends(2);
        run.says(&["error[registry-setup]", "auth.json", "docker-credential-of-nobody", "installed"]);
    }
}

#[test]
fn what_strangers_do_not_see_is_seen_with_credentials() {
    for challenges in [true, false] {
        let station = station();
        let registry = seeded(&station, Access::Public { user: "me", password: "secret", challenges });
        let at = registry.name();
        registry.seed(&station.path("src"), "secret/app");
        registry.fault(Fault::on("GET", "/v2/app/tags/list").answers_with(|request| {
            let all = if request.basic().is_some() { json!(["1", "2"]) } else { json!(["1"]) };
            Response::new(200).json(&json!({ "name": "app", "tags": all }))
        }));
        registry.change("app", |app| {
            let digest = app.tags["1"].clone();
            app.tags.insert("2".to_owned(), digest);
        });
        // Strangers get what they may see.
        station.pack(&format!("docker://{at}/secret/app:1")).ends(1).says(&["error[no-such-artifact]"]);
        station.pack(&format!("docker://{at}/app:* --overwrite")).ok();
        let run = station.carnet("inspect out --pub k.pub.pem").ok();
        assert!(!run.stdout.contains("app:2"), "{run:?}");
        station.credentials("auth.json", &[(&at, SECRET)]);
        for options in ["--dry-run", ""] {
            station
                .pack(&format!("docker://{at}/secret/app:1 --overwrite --authfile auth.json {options}"))
                .ok();
        }
        station.pack(&format!("docker://{at}/app:* --overwrite --authfile auth.json")).ok();
        let run = station.carnet("inspect out --pub k.pub.pem").ok();
        assert!(run.stdout.contains("app:1") && run.stdout.contains("app:2"), "{run:?}");
    }
}

#[test]
fn a_dry_run_says_what_the_import_says() {
    let station = station();
    station.pack("oci:src").ok();
    for challenges in [true, false] {
        let registry = seeded(&station, Access::Public { user: "me", password: "secret", challenges });
        let at = registry.name();
        registry.seed(&station.path("src"), "secret/app");
        registry.change("secret/app", |app| {
            let digest = app.add("application/vnd.oci.image.manifest.v1+json", b"{}");
            app.tags.insert("1".to_owned(), digest);
        });
        station.credentials("wrong.json", &[(&at, "me:wrong")]);
        station.credentials("auth.json", &[(&at, SECRET)]);
        for options in ["--dry-run", ""] {
            let run = station.import(&at, &format!("--authfile wrong.json {options}")).ends(1);
            run.says(&["error[registry-unauthorized]"]);
            let to = format!("{at}/secret");
            let run = station.import(&to, &format!("--authfile auth.json {options}")).ends(1);
            run.says(&["error[tag-exists]"]);
        }
    }
}

#[test]
fn credentials_for_one_repository_do_not_stop_the_others() {
    let station = station();
    let registry = seeded(&station, Access::Token(TokenService::new(Tokens { anonymous: true, ..tokens() })));
    let at = registry.name();
    registry.seed(&station.path("src"), "team/app");
    station.credentials("auth.json", &[(&format!("{at}/team"), SECRET)]);
    let sources = format!("docker://{at}/team/app:1 docker://{at}/app:1");
    station.pack(&format!("{sources} --authfile auth.json")).ok();
}

#[test]
fn tokens_are_requested_with_service_and_scope() {
    let station = station();
    let service = TokenService::new(tokens());
    let registry = seeded(&station, Access::Token(service.clone()));
    let at = registry.name();
    station.credentials("auth.json", &[(&at, SECRET)]);
    let run = station.pack(&format!("docker://{at}/app:1 --authfile auth.json -v")).ok();
    discreet(run, &["secret", "bWU6c2VjcmV0", "minted-"]);
    assert!(
        service.minted().iter().flatten().all(|scope| scope == "repository:app:pull"),
        "{:?}",
        service.minted()
    );
    assert!(service.minted().len() <= 2, "one token serves many requests: {:?}", service.minted());
    // The token service gets the password, the registry gets the token.
    for one in registry.log() {
        let sent = one.headers.get("Authorization").unwrap_or_default();
        let password = sent.starts_with("Basic");
        assert!(!password || one.path() == "/token", "{one:?}");
    }
}

#[test]
fn anonymous_pulls_need_no_credentials() {
    let station = station();
    let service = TokenService::new(Tokens { anonymous: true, ..tokens() });
    let registry = seeded(&station, Access::Token(service));
    station.pack(&format!("docker://{}/app:1", registry.name())).ok();
    let run = station.import(&format!("{}/elsewhere", registry.name()), "").ends(1);
    assert!(
        run.stderr.contains("registry-unauthorized") || run.stderr.contains("registry-denied"),
        "{run:?}"
    );
}

#[test]
fn an_identity_token_replaces_a_password() {
    let station = station();
    let rules = Tokens { identity: Some("refresh-me"), ..Tokens::default() };
    let registry = seeded(&station, Access::Token(TokenService::new(rules)));
    let at = registry.name();
    let auth = json!({ "auths": { &at: { "auth": "PHRva2VuPjo=", "identitytoken": "refresh-me" } } });
    station.write("auth.json", &auth.to_string());
    let run = station.pack(&format!("docker://{at}/app:1 --authfile auth.json -v")).ok();
    discreet(run, &["refresh-me", "minted-"]);
    assert!(registry.log().iter().any(|one| one.is("POST", "/token")));
    assert!(registry.log().iter().all(|one| !one.target.contains("refresh-me")), "not in a URL");
}

#[test]
fn a_token_that_expires_midway_is_renewed() {
    let station = Station::new();
    let mut source = station.source("src");
    source.tag(&source.image(1, &[3000, 4000, 5000, 6000, 7000]), "low.example/app:1");
    let service = TokenService::new(Tokens { uses: 3, ..tokens() });
    let registry = seeded(&station, Access::Token(service.clone()));
    station.credentials("auth.json", &[(&registry.name(), SECRET)]);
    station.pack(&format!("docker://{}/app:1 --authfile auth.json --connections 1", registry.name())).ok();
    assert!(service.minted().len() >= 2);
    let service = TokenService::new(Tokens { uses: 3, ..tokens() });
    let target = Registry::with(Options { access: Access::Token(service), ..Options::default() });
    station.credentials("auth.json", &[(&target.name(), SECRET)]);
    station.import(&target.name(), "--authfile auth.json --connections 1").ok();
    assert_eq!(target.repository("app").tags, registry.repository("app").tags);
}

#[test]
fn import_requests_no_more_scope_than_it_needs() {
    let station = station();
    station.pack("oci:src").ok();
    let service = TokenService::new(tokens());
    let registry = Registry::with(Options { access: Access::Token(service.clone()), ..Options::default() });
    station.credentials("auth.json", &[(&registry.name(), SECRET)]);
    station.import(&format!("{}/team", registry.name()), "--authfile auth.json").ok();
    for scope in service.minted().iter().flatten() {
        assert!(scope.starts_with("repository:team/app:"), "{scope}");
        assert!(!scope.contains("delete") && !scope.contains('*'), "{scope}");
    }
}

#[test]
fn a_blob_is_mounted_with_tokens_for_both_repositories() {
    let station = Station::new();
    let mut source = station.source("src");
    let image = source.image(1, &[30_000]);
    source.tag(&image, "low.example/one:1");
    source.tag(&image, "low.example/two:1");
    station.pack("oci:src").ok();
    let registry =
        Registry::with(Options { access: Access::Token(TokenService::new(tokens())), ..Options::default() });
    station.credentials("auth.json", &[(&registry.name(), SECRET)]);
    station.import(&registry.name(), "--authfile auth.json").ok();
    assert_eq!(registry.repository("two").tags.len(), 1);
    let sent: u64 = registry.log().iter().map(|one| one.received).sum();
    assert!(sent < 60_000, "{sent}");
}

/// A host that has the blobs of a registry, and logs the requests.
fn elsewhere(registry: &Registry) -> Host {
    struct Blobs(super::server::Repository);
    impl super::http::Site for Blobs {
        fn answer(&self, request: &super::http::Request) -> Response {
            let digest = request.path().rsplit('/').next().unwrap();
            match self.0.blobs.get(digest) {
                Some(blob) => Response::new(200).body("application/octet-stream", blob.as_slice()),
                None => Response::new(404),
            }
        }
    }
    let host = Host::start("127.0.0.2", Blobs(registry.repository("app")));
    let name = host.name();
    registry.fault(Fault::on("GET", "*/blobs/*").alters(move |response| {
        if response.status == 200 {
            let digest = response.headers.get("Docker-Content-Digest").unwrap().to_owned();
            *response = Response::new(307).with("Location", format!("http://{name}/store/{digest}"));
        }
    }));
    host
}

fn authorized(log: &[Exchange]) -> Vec<&Exchange> {
    log.iter().filter(|one| one.headers.get("Authorization").is_some()).collect()
}

#[test]
fn redirects_to_another_host_are_followed_without_credentials() {
    for access in [basic(), Access::Token(TokenService::new(tokens()))] {
        let station = station();
        let registry = seeded(&station, access);
        let host = elsewhere(&registry);
        // There are credentials for the other host, too, but only for a registry on that host.
        station.credentials("auth.json", &[(&registry.name(), SECRET), (&host.name(), "other:word")]);
        station.pack(&format!("docker://{}/app:1 --authfile auth.json", registry.name())).ok();
        assert!(host.log().len() >= 2, "{:?}", host.log());
        assert!(authorized(&host.log()).is_empty(), "{:#?}", host.log());
        assert!(!authorized(&registry.log()).is_empty());
        for one in host.log() {
            assert!(one.headers.get("Cookie").is_none() && one.headers.get("Referer").is_none(), "{one:?}");
        }
    }
}

#[test]
fn a_token_service_elsewhere_is_used_when_packing_and_refused_when_importing() {
    let station = station();
    let service = TokenService::new(Tokens { anonymous: true, ..tokens() });
    let host = Host::start("127.0.0.2", service.clone());
    let there = service.elsewhere(format!("http://{}/auth/token", host.name()));
    let registry = seeded(&station, Access::Token(there.clone()));
    station.credentials("auth.json", &[(&registry.name(), SECRET)]);
    station.pack(&format!("docker://{}/app:1 --authfile auth.json", registry.name())).ok();
    assert!(!host.log().is_empty());
    let target = Registry::with(Options { access: Access::Token(there), ..Options::default() });
    station.credentials("auth.json", &[(&target.name(), SECRET)]);
    let asked = host.accepted_connections();
    let run = station.import(&target.name(), "--authfile auth.json").ends(1);
    run.says(&["error[registry-host-refused]", &target.name(), "127.0.0.2", "--allow-host"]);
    assert_eq!(host.accepted_connections(), asked, "it was not even connected to");
    let allowed = format!("--authfile auth.json --allow-host {}", host.name());
    station.import(&target.name(), &allowed).ok();
    assert_eq!(target.repository("app").tags, registry.repository("app").tags);
}

#[test]
fn debians_registry_accepts_a_password_by_htpasswd() {
    let Some(registry) = Debian::start(&Setup { password: true, ..Setup::default() }) else { return };
    let station = station();
    station.pack("oci:src").ok();
    let run = station.import(registry.name(), "").ends(1);
    run.says(&["error[registry-unauthorized]", registry.name()]);
    station.credentials("auth.json", &[(registry.name(), SECRET)]);
    station.import(registry.name(), "--authfile auth.json").ok();
    let source = format!("docker://{}/app:1 --overwrite", registry.name());
    station.pack(&format!("{source} --authfile auth.json")).ok();
    station.credentials("auth.json", &[(registry.name(), "me:wrong")]);
    station.pack(&format!("{source} --authfile auth.json")).ends(1);
}

#[test]
fn debians_registry_is_reached_over_tls_with_a_given_ca() {
    let certificates = Certificates::new();
    let Some(registry) = Debian::start(&Setup { tls: Some(&certificates), ..Setup::default() }) else {
        return;
    };
    let station = station();
    station.pack("oci:src").ok();
    let at = registry.name();
    let run = station.import(at, &format!("--tls {at} --retries 0")).ends(1);
    run.says(&["error[registry-unreachable]", at, "--ca"]);
    // Plain HTTP to a port that speaks TLS.
    let run = station.import(at, "--retries 0 --timeout 2").ends(1);
    run.says(&["error[registry-failed]", at, "pass --tls HOST"]);
    let tls = format!("--tls {at} --ca {}", certificates.file("ca.pem"));
    station.import(at, &tls).ok();
    station.pack(&format!("docker://{at}/app:1 {tls} --overwrite")).ok();
    let other = format!("--tls {at} --ca {} --retries 0", certificates.file("other.pem"));
    station.import(at, &other).ends(1).says(&["error[registry-unreachable]", at, "--ca FILE"]);
}

#[test]
fn debians_registry_accepts_a_client_certificate() {
    let certificates = Certificates::new();
    let setup = Setup { tls: Some(&certificates), client_certificates: true, ..Setup::default() };
    let Some(registry) = Debian::start(&setup) else { return };
    let station = station();
    station.pack("oci:src").ok();
    let at = registry.name();
    let tls = format!("--tls {at} --ca {} --retries 0", certificates.file("ca.pem"));
    let with = |name: &str| {
        let (cert, key) =
            (certificates.file(&format!("{name}.pem")), certificates.file(&format!("{name}.key")));
        format!("{tls} --client-cert {cert} --client-key {key}")
    };
    station.import(at, &with("client")).ok();
    station.pack(&format!("docker://{at}/app:1 {} --overwrite", with("client"))).ok();
    station.import(at, &tls).ends(1).says(&["error[registry-unreachable]", at, "with --client-cert"]);
    let run = station.import(at, &with("stranger")).ends(1);
    run.says(&["error[registry-unreachable]", at, "with --client-cert"]);
    let half = format!("{tls} --client-cert {}", certificates.file("client.pem"));
    station.import(at, &half).ends(2);
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    if !installed(&["openssl", "python3"]) {
        return;
    }
    let (station, certificates) = (station(), Certificates::new());
    let registry = seeded(&station, Access::Open);
    let front = Front::start(&certificates, "elsewhere", None, &registry.name());
    let tls = format!("--tls {} --ca {} --retries 0", front.name(), certificates.file("ca.pem"));
    let run = station.pack(&format!("docker://{}/app:1 {tls}", front.name())).ends(1);
    run.says(&[
        "error[registry-unreachable]",
        front.name(),
        "a host name that the registry's certificate covers",
    ]);
    assert_eq!(registry.accepted_connections(), 0);
}

#[test]
fn authorities_that_the_environment_names_are_trusted() {
    if !installed(&["openssl", "python3"]) {
        return;
    }
    let (station, certificates) = (station(), Certificates::new());
    let registry = seeded(&station, Access::Open);
    let front = Front::start(&certificates, "server", None, &registry.name());
    let line = format!(
        "pack docker://{0}/app:1 --tls {0} --retries 0 --key k.key.pem --to out --name b",
        front.name()
    );
    let pack =
        |authority: &str| Run::of(station.command(&line).env("SSL_CERT_FILE", certificates.path(authority)));
    pack("other.pem").ends(1).says(&["error[registry-unreachable]", "--ca FILE"]);
    pack("ca.pem").ok();
}

#[test]
fn a_port_without_tls_is_told_apart() {
    let station = station();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    // As web servers answer to bytes that are not HTTP.
    let server = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        assert_ne!(client.read(&mut [0; 1024]).unwrap(), 0);
        client.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").unwrap();
        let _ = client.read_to_end(&mut Vec::new());
    });
    let run = station.pack(&format!("docker://{at}/app:1 --tls {at} --retries 0 --timeout 5")).ends(1);
    run.says(&["error[registry-unreachable]", &at, "leave out --tls"]);
    server.join().unwrap();
}

#[test]
fn redirects_from_https_to_http_are_refused() {
    if !installed(&["openssl", "python3"]) {
        return;
    }
    let (station, certificates) = (station(), Certificates::new());
    let registry = seeded(&station, Access::Open);
    let host = elsewhere(&registry);
    let front = Front::start(&certificates, "server", None, &registry.name());
    let tls = format!("--tls {} --ca {} --retries 0", front.name(), certificates.file("ca.pem"));
    let run = station.pack(&format!("docker://{}/app:1 {tls}", front.name())).ends(1);
    run.says(&["error[registry-host-refused]", front.name()]);
    assert_eq!(host.accepted_connections(), 0);
    // The same for the token service, which would get the password in clear text.
    let host = Host::start("127.0.0.2", TokenService::new(tokens()));
    let challenge = format!("Bearer realm=\"http://{}/token\",service=\"registry.example\"", host.name());
    registry.heal();
    registry.fault(Fault::on("*", "*").answers(Response::new(401).with("WWW-Authenticate", challenge)));
    station.credentials("auth.json", &[(front.name(), SECRET)]);
    let line = format!("docker://{}/app:1 {tls} --authfile auth.json", front.name());
    station.pack(&line).ends(1).says(&["error[registry-host-refused]", front.name()]);
    assert_eq!(host.accepted_connections(), 0);
}

#[test]
fn a_login_that_a_redirect_target_requires_is_that_of_the_target() {
    let station = station();
    let other = Registry::with(Options { ip: "127.0.0.2", access: basic(), ..Options::default() });
    let registry = seeded(&station, Access::Open);
    let to = other.name();
    registry.fault(Fault::on("GET", "*/manifests/*").answers_with(move |request| {
        Response::new(307).with("Location", format!("http://{to}{}", request.target))
    }));
    station.credentials("auth.json", &[(&registry.name(), SECRET), (&other.name(), SECRET)]);
    let run = station.pack(&format!("docker://{}/app:1 --authfile auth.json", registry.name())).ends(1);
    let words =
        format!("{}, a redirect target of {}, requires authentication", other.name(), registry.name());
    let hint = format!("if {} is a registry, name it", other.name());
    run.says(&["error[registry-unauthorized]", &words, &hint]);
}

#[test]
fn a_credential_helper_is_asked() {
    use std::os::unix::fs::PermissionsExt as _;
    let station = station();
    let registry = seeded(&station, basic());
    let at = registry.name();
    // As docker-credential-helpers do: read the host, write JSON, report unknown hosts.
    station.write(
        "bin/docker-credential-drawer",
        &format!(
            "#!/bin/sh\nread -r host\nif [ \"$host\" = {at} ]; then\n  \
             echo '{{\"ServerURL\":\"'$host'\",\"Username\":\"me\",\"Secret\":\"secret\"}}'\nelse\n  \
             echo 'credentials not found in native keychain'; exit 1\nfi\n"
        ),
    );
    let helper = station.path("bin/docker-credential-drawer");
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", station.path("bin").display(), std::env!("PATH"));
    let pack = |config: &serde_json::Value| {
        station.write("config.json", &config.to_string());
        let line = format!("pack docker://{at}/app:1 --authfile config.json --to out --name b --overwrite");
        let mut command = station.command(&format!("{line} --key k.key.pem --retries 0"));
        command.env("PATH", &path);
        super::station::in_time(&mut command, std::time::Duration::from_secs(20))
    };
    discreet(pack(&json!({ "credHelpers": { &at: "drawer" } })).ok(), &["secret"]);
    discreet(pack(&json!({ "credsStore": "drawer" })).ok(), &["secret"]);
    let elsewhere = json!({ "credHelpers": { "other.example": "drawer" } });
    pack(&elsewhere).ends(1).says(&["error[registry-unauthorized]"]);
    let run = pack(&json!({ "credsStore": "nobody" })).ends(2);
    run.says(&["error[registry-setup]", "config.json"]);
}
