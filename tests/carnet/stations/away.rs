//! Registries and places that are away, bundles that fail, and runs by hand beside the service.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::service::{Service, runs, write_station};
use super::watching::{deliver_all, desk};
use crate::behaviour::support::Desk;
use crate::registries::debian::Debian;

/// Passes connections on to a registry, or breaks them off while that is away.
struct Relay {
    name: String,
    is_away: Arc<AtomicBool>,
    broken: Arc<AtomicUsize>,
}

impl Relay {
    fn to(registry: &Debian) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let name = listener.local_addr().unwrap().to_string();
        let (is_away, broken) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let relay = Relay { name, is_away: Arc::clone(&is_away), broken: Arc::clone(&broken) };
        let target = registry.name().to_owned();
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                if is_away.load(Ordering::SeqCst) {
                    broken.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                let server = TcpStream::connect(&target).unwrap();
                pass(client.try_clone().unwrap(), server.try_clone().unwrap());
                pass(server, client);
            }
        });
        relay
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.flush();
        let _ = to.shutdown(Shutdown::Write);
    });
}

/// Lets what failed be tried again after a second.
fn retry_soon(desk: &Desk) {
    let station = fs::read_to_string(desk.path("station.toml")).unwrap();
    fs::write(desk.path("station.toml"), format!("retry-after = \"1s\"\n{station}")).unwrap();
}

#[test]
fn a_registry_that_is_away_is_told_once_and_tried_again() {
    let Some(registry) = Debian::plain() else { return };
    let relay = Relay::to(&registry);
    let desk = desk(&["app", "b"]);
    write_station(&desk, &relay.name, "");
    retry_soon(&desk);
    let service = Service::start(&desk);
    assert!(service.page("/healthz").starts_with("HTTP/1.1 200"));
    deliver_all(&desk, "app");
    deliver_all(&desk, "b");
    service.wait("it is seen", || service.page("/healthz").starts_with("HTTP/1.1 503"));
    assert!(service.page("/healthz").contains(&format!("mirror: the registry {} is away", relay.name)));
    service.wait("the page says when", || service.page("/").contains("tried again at"));
    let asked = relay.broken.load(Ordering::SeqCst);
    service.wait("it is asked again", || relay.broken.load(Ordering::SeqCst) > asked);
    let asked = relay.broken.load(Ordering::SeqCst);
    service.wait("and again", || relay.broken.load(Ordering::SeqCst) > asked);
    assert_eq!(service.count(" error mirror"), 1);
    assert!(runs(&desk, "failed").is_empty());

    relay.is_away.store(false, Ordering::SeqCst);
    service.wait("both are imported", || runs(&desk, "succeeded").len() == 2);
    service.wait("all is well", || service.page("/healthz").starts_with("HTTP/1.1 200"));
    assert_eq!((service.count("is away"), service.count("is back")), (1, 1));
    assert!(runs(&desk, "failed").is_empty());
    service.stop();
}

#[test]
fn a_source_that_is_away_is_told_once_and_leaves_no_records() {
    let Some(registry) = Debian::plain() else { return };
    let relay = Relay::to(&registry);
    let desk = desk(&["app"]);
    desk.carnet(&format!("import app --pub k.pub.pem --to docker://{}", registry.name())).ok();
    let export = format!(
        "[export.out]\nartifacts = [\"docker://{}/app:*\"]\nto = \"to\"\nkey = \"k.key.pem\"\nschedule = \"1s\"\n",
        relay.name
    );
    write_station(&desk, registry.name(), &export);
    retry_soon(&desk);
    let service = Service::start(&desk);
    service.wait("it is told", || service.count("is away, so nothing is exported") == 1);
    let health = service.page("/healthz");
    assert!(
        health.starts_with("HTTP/1.1 503") && health.contains(&format!("out: the registry {}", relay.name))
    );
    for _ in 0..2 {
        let asked = relay.broken.load(Ordering::SeqCst);
        service.wait("it is asked again", || relay.broken.load(Ordering::SeqCst) > asked);
    }
    assert_eq!(service.count(" error out"), 1);
    assert!(runs(&desk, "failed").is_empty() && runs(&desk, "running").is_empty());

    relay.is_away.store(false, Ordering::SeqCst);
    service.wait("it is exported", || runs(&desk, "succeeded").len() == 1);
    service.wait("all is well", || service.page("/healthz").starts_with("HTTP/1.1 200"));
    assert_eq!((service.count("is away"), service.count("is back")), (1, 1));
    assert!(runs(&desk, "failed").is_empty());
    service.stop();
}

/// What can be exported is not held up by a registry that is away, if that is wanted.
#[test]
fn one_source_of_two_that_is_away_does_not_hold_up_the_other() {
    let Some(registry) = Debian::plain() else { return };
    let desk = desk(&["app"]);
    desk.carnet(&format!("import app --pub k.pub.pem --to docker://{}", registry.name())).ok();
    let export = format!(
        "[export.out]\nartifacts = [\"docker://127.0.0.1:1/app:1\", \"docker://{}/app:1\"]\nto = \"to\"\nkey = \"k.key.pem\"\n\
         schedule = \"1s\"\noptions = [\"ContinueOnErrors\"]\n",
        registry.name()
    );
    write_station(&desk, registry.name(), &export);
    retry_soon(&desk);
    let service = Service::start(&desk);
    service.wait("the other is exported", || desk.path("to/out000001_00000.tar").exists());
    service.wait("the run has ended", || runs(&desk, "failed").len() == 1);
    let run = &runs(&desk, "failed")[0];
    let outcomes = run["exportedArtifacts"].as_array().unwrap();
    assert_eq!(outcomes.iter().filter(|one| one["error"].is_string()).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.len(), 2);
    assert_eq!(service.count("is away"), 0);
    service.stop();
}

#[test]
fn a_bundle_that_fails_shows_and_moved_tags_need_an_option() {
    let Some(registry) = Debian::plain() else { return };
    let desk = desk(&["app"]);
    // Both bundles have the tag `app:1`, for different images.
    let mut source = desk.source("src-b");
    let image = source.image(50, &[100]);
    source.tag(&image, "app:1");
    super::watching::pack(&desk, "b", "b", "k");
    write_station(&desk, registry.name(), "");
    retry_soon(&desk);
    let service = Service::start(&desk);
    deliver_all(&desk, "app");
    service.wait("the first is imported", || runs(&desk, "succeeded").len() == 1);
    deliver_all(&desk, "b");
    service.wait("it fails", || !runs(&desk, "failed").is_empty());
    service.wait("it shows", || service.page("/healthz").starts_with("HTTP/1.1 503"));
    assert!(
        service.page("/healthz").contains("the bundle b is not imported"),
        "{}",
        service.page("/healthz")
    );
    service.wait("it is tried again", || runs(&desk, "failed").len() > 1);
    service.stop();
    write_station(&desk, registry.name(), "options = [\"OverwriteTags\"]\n");
    let service = Service::start(&desk);
    service.wait("the tag is moved", || runs(&desk, "succeeded").len() == 2);
    service.wait("all is well", || service.page("/healthz").starts_with("HTTP/1.1 200"));
    service.stop();
}

#[test]
fn a_place_that_is_away_is_told_once_and_looked_into_again() {
    let desk = desk(&["app"]);
    write_station(&desk, "127.0.0.1:1", "");
    fs::rename(desk.path("in"), desk.path("elsewhere")).unwrap();
    let service = Service::start(&desk);
    service.wait("it is told", || service.count("cannot look into the inbox") > 0);
    service.wait("it shows", || service.page("/healthz").starts_with("HTTP/1.1 503"));
    fs::rename(desk.path("elsewhere"), desk.path("in")).unwrap();
    service.wait("it is back", || service.count("the inbox can be looked into again") > 0);
    service.wait("all is well", || service.page("/healthz").starts_with("HTTP/1.1 200"));
    assert_eq!(service.count("cannot look into the inbox"), 1);
    service.stop();
}

#[test]
fn a_run_by_hand_is_waited_for() {
    let Some(registry) = Debian::plain() else { return };
    let desk = desk(&["app"]);
    write_station(&desk, registry.name(), "");
    let service = Service::start(&desk);
    let lock = File::create(desk.path("state/locks/pipeline-mirror")).unwrap();
    lock.lock().unwrap();
    deliver_all(&desk, "app");
    service.wait("it waits", || service.count("another run of the pipeline is under way") == 1);
    service.wait("the page says so", || service.page("/").contains("waits for another run"));
    assert!(service.page("/healthz").starts_with("HTTP/1.1 200"));
    assert!(runs(&desk, "succeeded").is_empty());
    drop(lock);
    service.wait("it is imported", || runs(&desk, "succeeded").len() == 1);
    assert_eq!(service.count(" error "), 0);
    service.stop();
}
