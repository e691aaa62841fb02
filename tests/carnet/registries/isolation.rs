//! On the isolated side carnet contacts only the registry that was named.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::files::Files;
use super::http::{Fault, Host, Response};
use super::server::{Access, Options, Registry, TokenService, Tokens};
use super::station::{Station, in_time};
use crate::behaviour::layouts::{CONFIG, LAYER, with};
use crate::behaviour::support::{CARNET, installed, noise, skipped};

/// A bundle with an image that has a layer with this URL, and whose documents name more hosts.
fn packed(url: &str) -> Station {
    let station = Station::new();
    let mut source = station.source("src");
    let config = source.blob(CONFIG, b"{}");
    let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    let urls = json!({ "urls": [url, "https://layers.invalid/base"],
        "annotations": { "org.opencontainers.image.source": url } });
    let layers = [with(source.blob(foreign, &noise(1, 9000)), &urls), source.blob(LAYER, &noise(2, 100))];
    let image = source.manifest(&config, &layers);
    source.tag(&image, "registry.invalid/team/app:1");
    source.list(&source.referrer(&image, "application/spdx+json", url));
    station.pack("oci:src").ok();
    station
}

/// The addresses that a traced program connected or sent to, as strace writes them.
fn addresses(trace: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in trace.lines().filter(|line| line.contains("sa_family=AF_")) {
        let family = line.split_once("sa_family=").unwrap().1;
        let family = family.split([',', '}']).next().unwrap();
        let part =
            |start: &str, end: char| line.split_once(start).and_then(|(_, rest)| rest.split(end).next());
        match family {
            "AF_INET" => {
                let (ip, port) = (part("inet_addr(\"", '"').unwrap(), part("sin_port=htons(", ')').unwrap());
                found.insert(format!("{ip}:{port}"));
            }
            _ => drop(found.insert(line.to_owned())),
        }
    }
    found
}

#[test]
fn import_connects_to_the_target_only() {
    if !installed(&["strace"]) {
        return;
    }
    let bait = Files::start("127.0.0.1", &[("/base", &noise(1, 9000))]);
    let station = packed(&bait.url("/base"));
    let registry = Registry::with(Options { referrers: false, ..Options::default() });
    let calls = "trace=connect,sendto,sendmsg,sendmmsg,bind";
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "trace", "-e", calls, CARNET]);
    let line = format!("import out --pub k.pub.pem --to docker://{} --receipt receipt.json", registry.name());
    command.args(line.split_whitespace());
    station.furnish(&mut command);
    let run = in_time(&mut command, Duration::from_secs(60));
    if run.stderr.contains("Operation not permitted") {
        skipped("strace may not trace here");
        return;
    }
    run.ok();
    let trace = std::fs::read_to_string(station.path("trace")).unwrap();
    assert_eq!(addresses(&trace), BTreeSet::from([registry.name()]), "{trace}");
    assert!(trace.contains("connect("), "{trace}");
    assert_eq!(bait.accepted_connections(), 0);
    assert_eq!(registry.repository("team/app").tags["1"].len(), 71);
}

#[test]
fn offline_commands_open_no_connection() {
    if !installed(&["strace"]) {
        return;
    }
    let station = packed("https://layers.invalid/base");
    for line in [
        "verify out --pub k.pub.pem",
        "inspect out",
        "unpack out --pub k.pub.pem --to oci:back",
        "missing out",
    ] {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "trace", "-e", "trace=socket,connect", CARNET]);
        command.args(line.split_whitespace());
        station.furnish(&mut command);
        let run = in_time(&mut command, Duration::from_secs(60));
        if run.stderr.contains("Operation not permitted") {
            skipped("strace may not trace here");
            return;
        }
        run.ok();
        let trace = std::fs::read_to_string(station.path("trace")).unwrap();
        assert!(!trace.contains("connect(") && !trace.contains("AF_INET"), "{line}: {trace}");
    }
}

#[test]
fn other_hosts_are_refused() {
    let bait = Host::start("127.0.0.2", TokenService::new(Tokens { anonymous: true, ..Tokens::default() }));
    let station = packed("https://layers.invalid/base");
    let url = format!("http://{}", bait.name());
    let away = |path: &str| Response::new(307).with("Location", format!("{url}{path}"));
    let located = |url: String| {
        move |response: &mut Response| {
            if response.headers.get("Location").is_some() {
                response.headers.set("Location", format!("{url}/upload?_state=1"));
            }
        }
    };
    let challenge = format!("Bearer realm=\"{url}/token\",service=\"registry.example\"");
    for (what, fault) in [
        ("redirect of a look", Fault::on("HEAD", "*").answers(away("/head"))),
        ("redirect of a read", Fault::on("GET", "*").answers(away("/get"))),
        ("redirect of an upload", Fault::on("POST", "*").answers(away("/post"))),
        ("redirect of a manifest", Fault::on("PUT", "*/manifests/*").answers(away("/put"))),
        ("location of an upload", Fault::on("POST", "*").alters(located(url.clone()))),
        ("realm", Fault::on("*", "*").answers(Response::new(401).with("WWW-Authenticate", challenge))),
    ] {
        let registry = Registry::with(Options { referrers: false, ..Options::default() });
        registry.fault(fault);
        let run = station.import(&registry.name(), "--timeout 2 --retries 1");
        assert_eq!(bait.accepted_connections(), 0, "{what}");
        if what == "redirect of a look" && run.code == Some(0) {
            continue; // If HEAD fails, it may send the blob anyway.
        }
        run.ends(1).says(&["error[registry-host-refused]", &registry.name(), "127.0.0.2"]);
        assert!(registry.repository("team/app").tags.is_empty(), "{what}");
    }
}

#[test]
fn allowed_hosts_are_followed_without_credentials() {
    let station = packed("https://layers.invalid/base");
    // Uploads go to a second registry, which acts as the blob store of the first one here.
    let store = Registry::with(Options { ip: "127.0.0.2", ..Options::default() });
    let registry = Registry::with(Options {
        access: Access::Basic { user: "me", password: "secret" },
        ..Options::default()
    });
    let url = format!("http://{}", store.name());
    registry.fault(Fault::on("POST", "*").answers_with(move |request| {
        Response::new(307).with("Location", format!("{url}{}", request.target))
    }));
    station.credentials("auth.json", &[(&registry.name(), "me:secret"), (&store.name(), "me:secret")]);
    let options = format!("--authfile auth.json --allow-host {} --timeout 2 --retries 1", store.name());
    // The first registry has no blobs, so it refuses the manifest. This test is only about the uploads.
    let run = station.import(&registry.name(), &options).ends(1);
    run.says(&["error[", &registry.name()]);
    assert!(!store.log().is_empty());
    let leaked: Vec<_> =
        store.log().into_iter().filter(|one| one.headers.get("Authorization").is_some()).collect();
    assert!(leaked.is_empty(), "{leaked:#?}");
}
