//! Lost and damaged chunks are recovered from parity into the inbox.

use std::fs;

use super::service::{Service, write_station};
use super::watching::{Watching, chunk, desk, strange};
use crate::behaviour::support::{Desk, assert_same_layout};
use crate::registries::debian::Debian;

/// The bundle `b` with parity in `b`.
fn protected() -> Desk {
    let desk = desk(&["b"]);
    desk.carnet("parity b --parity 2 --key k.key.pem").ok();
    strange(&desk);
    desk
}

/// Copies all files into the inbox, as if they had arrived an hour ago.
fn arrive(desk: &Desk) {
    desk.sh("cp b/* in/ && touch -d '1 hour ago' in/*").ok();
}

const RECEIVE: &str = "receive in --pub k.pub.pem --once --then unpack oci:back";

#[test]
fn a_lost_chunk_is_recovered_in_one_go() {
    let desk = protected();
    arrive(&desk);
    desk.sh("rm in/b_00000.tar in/b_00002.tar").ok();
    desk.carnet(RECEIVE)
        .ok()
        .says(&["2 chunks of the bundle b recovered from parity", "the bundle b is done"]);
    assert_same_layout(&desk.path("src-b"), &desk.path("back"));
    assert_eq!(fs::read(desk.path("in/b_00002.tar")).unwrap(), fs::read(chunk(&desk, "b", 2)).unwrap());
}

#[test]
fn damage_is_found_and_recovered_in_one_go() {
    let desk = protected();
    arrive(&desk);
    desk.sh("printf XYZ | dd of=in/b_00001.tar bs=1 seek=30000 conv=notrunc && touch -d '1 hour ago' in/*")
        .ok();
    desk.carnet(RECEIVE).ok().says(&["1 chunk of the bundle b recovered from parity"]);
    assert_same_layout(&desk.path("src-b"), &desk.path("back"));
}

#[test]
fn what_parity_cannot_recover_is_waited_for() {
    let desk = protected();
    arrive(&desk);
    desk.sh("rm in/b_00000.tar in/b_00002.tar in/b_parity_00000.tar in/b_parity_00001.tar").ok();
    desk.carnet(RECEIVE).ends(4).says(&["send again"]);
    assert!(!desk.path("back").exists());
    assert!(!desk.path("in/b_00002.tar").exists());
}

#[test]
fn a_watched_inbox_recovers_when_nothing_arrives_any_more() {
    let desk = protected();
    arrive(&desk);
    desk.sh("rm in/b_00002.tar").ok();
    let mut watching = Watching::start(&desk, "log", "--then unpack oci:back --delete-source");
    watching.says("1 chunk of the bundle b recovered from parity");
    watching.says("the bundle b is done");
    watching.looks_twice();
    let left = desk.files("in");
    assert!(
        !left.keys().any(|name| name.starts_with("b_")),
        "parity files are deleted too: {:?}",
        left.keys()
    );
    assert_same_layout(&desk.path("src-b"), &desk.path("back"));
}

#[test]
fn a_chunk_that_may_still_arrive_is_not_recovered() {
    let desk = protected();
    let mut watching = Watching::start(&desk, "log", "--then unpack oci:back");
    desk.sh("cp b/* in/ && rm in/b_00002.tar").ok();
    watching.looks_twice();
    watching.looks_twice();
    assert_eq!(watching.count("recovered"), 0, "{}", watching.log());
    fs::copy(chunk(&desk, "b", 2), desk.path("in/b_00002.tar")).unwrap();
    watching.says("the bundle b is done");
}

#[test]
fn a_station_recovers_and_imports() {
    let Some(registry) = Debian::plain() else { return };
    let desk = protected();
    write_station(&desk, registry.name(), "options = [\"DeleteSourceBlobOnSuccess\"]\n");
    arrive(&desk);
    // One is lost, one is damaged: the damage is found when the bundle is complete for the first time.
    desk.sh("printf XYZ | dd of=in/b_00001.tar bs=1 seek=30000 conv=notrunc").ok();
    desk.sh("rm in/b_00003.tar && touch -d '1 hour ago' in/*").ok();
    let service = Service::start(&desk);
    service.wait("it is imported", || service.count("import Succeeded") == 1);
    service.wait("the files are gone", || !desk.files("in").keys().any(|name| name.starts_with("b_")));
    assert!(service.count("recovered from parity") >= 1);
    service.stop();
    desk.carnet(&format!("pack docker://{}/mirror/b:1 --to again --name c --key k.key.pem", registry.name()))
        .ok();
}
