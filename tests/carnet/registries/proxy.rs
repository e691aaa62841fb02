//! A registry that is reached only through a proxy, under a name that does not resolve here.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::server::{Access, Options, Registry};
use super::station::{Station, in_time};
use crate::behaviour::support::Run;

/// A proxy that connects every CONNECT to one address, and records the requested targets.
struct Proxy {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn to(target: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (noted, target) = (Arc::clone(&asked), target.to_owned());
        thread::spawn(move || {
            for client in listener.incoming() {
                let (noted, target) = (Arc::clone(&noted), target.clone());
                thread::spawn(move || lead(client.unwrap(), &target, &noted));
            }
        });
        Proxy { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn lead(mut client: TcpStream, target: &str, asked: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if client.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let first = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
    asked.lock().unwrap().push(first);
    let mut server = TcpStream::connect(target).unwrap();
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    let (mut from, mut into) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut into);
        let _ = into.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(&mut server, &mut client);
    let _ = client.shutdown(Shutdown::Both);
}

#[test]
fn the_proxy_of_the_environment_is_used_except_for_loopback() {
    let station = Station::new();
    let mut source = station.source("src");
    source.tag(&source.image(1, &[30_000]), "low.example/app:1");
    let registry = Registry::start();
    registry.seed(&station.path("src"), "app");
    let proxy = Proxy::to(&registry.name());
    let run = |host: &str, direct: &str| {
        let line = format!("pack docker://{host}/app:1 --plain-http {host} --to out --name b --overwrite");
        let mut command = station.command(&format!("{line} --key k.key.pem --timeout 2 --retries 0"));
        command.env("HTTP_PROXY", &proxy.url).env("HTTPS_PROXY", &proxy.url).env("NO_PROXY", direct);
        in_time(&mut command, Duration::from_secs(20))
    };
    let pack = |host: &str| run(host, "other.example");
    pack(&registry.name()).ok();
    assert!(proxy.asked().is_empty(), "{:?}", proxy.asked());
    pack("registry.example:5000").ok();
    let asked = proxy.asked();
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|line| line == "CONNECT registry.example:5000 HTTP/1.1"), "{asked:?}");
    station.carnet("inspect out --pub k.pub.pem").ok().says(&["registry.example:5000/app:1"]);
    // Without the proxy nobody knows the name.
    run("registry.example:5000", ".test,registry.example").ends(1).says(&["error[registry-unreachable]"]);
    assert_eq!(proxy.asked(), asked);
}

/// The real Docker Hub is not contacted: the proxy leads its host to the registry of the test.
#[test]
fn docker_hub_is_reached_by_the_names_that_everyone_writes() {
    let station = Station::new();
    let mut source = station.source("src");
    source.tag(&source.image(1, &[30_000]), "3");
    let access = Access::Basic { user: "me", password: "secret" };
    let registry = Registry::with(Options { access, ..Options::default() });
    registry.seed(&station.path("src"), "library/alpine");
    let proxy = Proxy::to(&registry.name());
    // As docker writes it.
    station.credentials("home/.docker/config.json", &[("https://index.docker.io/v1/", "me:secret")]);
    for name in ["docker.io/library/alpine", "docker.io/alpine", "index.docker.io/alpine"] {
        let line = format!("pack docker://{name}:3 --plain-http docker.io --to out --name b --overwrite");
        let mut command = station.command(&format!("{line} --key k.key.pem --timeout 2 --retries 0"));
        command.env("HTTP_PROXY", &proxy.url);
        in_time(&mut command, Duration::from_secs(20)).ok();
        let asked = proxy.asked();
        assert!(asked.iter().all(|line| line == "CONNECT registry-1.docker.io:80 HTTP/1.1"), "{asked:?}");
        let run = station.carnet("inspect out --pub k.pub.pem").ok();
        assert!(run.stdout.contains("docker.io/library/alpine:3"), "{name}: {run:?}");
        assert!(!run.stdout.contains("index.docker.io"), "{name}: {run:?}");
    }
    let line = "pack docker://docker.io/alpine:3 --to o --name b --key k.key.pem --timeout 2 --retries 0";
    let run = in_time(&mut station.command(line), Duration::from_secs(20)).ends(1);
    run.says(&["error[registry-unreachable]", "registry-1.docker.io (for docker.io)"]);
}

#[test]
fn an_unsupported_proxy_is_refused_and_not_bypassed() {
    let station = Station::new();
    let registry = Registry::start();
    for (variable, value) in
        [("HTTPS_PROXY", "socks5://me:secret@127.0.0.1:1"), ("all_proxy", "ftp://127.0.0.1")]
    {
        let line = format!("pack docker://{}/app:1 --to out --name b --key k.key.pem", registry.name());
        let run = Run::of(station.command(&line).env(variable, value)).ends(2);
        let run = run.says(&["error[proxy-unusable]", variable]);
        assert!(!run.stderr.contains("secret"), "{run:?}");
    }
    assert_eq!(registry.accepted_connections(), 0);
}
