//! Lost and damaged chunks are recovered from parity into the inbox.

use std::fs;

use super::service::{Service, write_station};
use super::watching::{Watching, chunk, desk, strange};
use crate::behaviour::support::{Desk, Run, assert_same_layout};
use crate::registries::debian::Debian;
use crate::stores::servers::Emulator;

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

/// Runs the program with the keys for an object store.
fn with_store(desk: &Desk, store: &Emulator, args: &str) -> Run {
    let mut command = desk.command(args);
    for (name, value) in store_variables(store) {
        command.env(name, value);
    }
    Run::of(&mut command)
}

fn store_variables(store: &Emulator) -> [(&'static str, String); 3] {
    [
        ("AWS_ENDPOINT_URL", store.url()),
        ("AWS_ACCESS_KEY_ID", "id".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
    ]
}

/// Packs the bundle `b` with parity into `s3://bucket/in`, and loses two of its chunks.
fn protected_in_a_store(desk: &Desk, store: &Emulator) {
    let pack = "pack oci:src-b --to s3://bucket/in --name b --key k.key.pem --chunk-size 64KiB --parity 2";
    with_store(desk, store, pack).ok();
    for chunk in ["b_00000.tar", "b_00002.tar"] {
        fs::remove_file(store.data().join("bucket/in").join(chunk)).unwrap();
    }
    // As if they had arrived an hour ago.
    desk.sh(&format!("touch -d '1 hour ago' {}/bucket/in/*", store.data().display())).ok();
}

/// Whether the store has this object.
fn has(store: &Emulator, object: &str) -> bool {
    store.data().join("bucket/in").join(object).exists()
}

#[test]
fn an_inbox_in_a_store_recovers_into_the_state_folder() {
    let Some(store) = Emulator::s3s() else { return };
    let desk = desk(&["b"]);
    protected_in_a_store(&desk, &store);
    let receive =
        "receive s3://bucket/in --pub k.pub.pem --once --then unpack oci:back --to copies --state state";
    with_store(&desk, &store, receive)
        .ok()
        .says(&["2 chunks of the bundle b recovered from parity", "the bundle b is done"]);
    assert_same_layout(&desk.path("src-b"), &desk.path("back"));
    // The copies are whole, nothing was written into the store, and nothing is left.
    desk.carnet("verify copies --pub k.pub.pem").ok();
    assert!(!has(&store, "b_00002.tar"));
    assert!(desk.files("state").keys().all(|name| !name.contains("recovered")), "{:?}", desk.files("state"));
    with_store(&desk, &store, receive).ok().says(&["the bundle b is there again"]);
}

/// Somebody who knows the id of the bundle may have made the folder before.
#[test]
fn nothing_is_recovered_into_what_is_there_already() {
    let Some(store) = Emulator::s3s() else { return };
    let desk = desk(&["b"]);
    protected_in_a_store(&desk, &store);
    let found = with_store(&desk, &store, "verify s3://bucket/in --pub k.pub.pem --json").json();
    let id = found["bundles"][0]["bundle"].as_str().unwrap();
    desk.sh(&format!(
        "mkdir -p theirs state/recovered && echo mine > theirs/b_00002.tar && \
         ln -s \"$PWD/theirs\" state/recovered/carnet-repair-{id}"
    ))
    .ok();
    let receive = "receive s3://bucket/in --pub k.pub.pem --once --then unpack oci:back --state state";
    with_store(&desk, &store, receive).ok().says(&["2 chunks of the bundle b recovered from parity"]);
    assert_same_layout(&desk.path("src-b"), &desk.path("back"));
    assert_eq!(fs::read_to_string(desk.path("theirs/b_00002.tar")).unwrap(), "mine\n");
    assert_eq!(desk.files("theirs").len(), 1);
}

#[test]
fn a_station_recovers_what_a_store_has_lost() {
    let (Some(registry), Some(store)) = (Debian::plain(), Emulator::s3s()) else { return };
    let desk = desk(&["b"]);
    protected_in_a_store(&desk, &store);
    write_station(&desk, registry.name(), "options = [\"DeleteSourceBlobOnSuccess\"]\n");
    let station = fs::read_to_string(desk.path("station.toml")).unwrap();
    let station = station.replace("from = \"in\"", "from = \"s3://bucket/in\"");
    fs::write(desk.path("station.toml"), station).unwrap();
    let variables = store_variables(&store);
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let service = Service::with(&desk, &variables);
    service.wait("it is imported", || service.count("import Succeeded") == 1);
    assert_eq!(service.count("2 chunks of the bundle b recovered from parity"), 1);
    service.wait("the files are gone", || !has(&store, "b_00001.tar") && !has(&store, "b_parity_00001.tar"));
    service.stop();
    assert!(desk.files("state").keys().all(|name| !name.contains("recovered/")), "{:?}", desk.files("state"));
    desk.carnet(&format!("pack docker://{}/mirror/b:1 --to again --name c --key k.key.pem", registry.name()))
        .ok();
}

#[test]
fn a_station_takes_a_release_file_and_deletes_it_with_the_chunks() {
    let Some(registry) = Debian::plain() else { return };
    let desk = desk(&["b"]);
    desk.carnet("keygen alice").ok();
    write_station(&desk, registry.name(), "options = [\"DeleteSourceBlobOnSuccess\"]\n");
    let trust = fs::read_to_string(desk.path("trust.toml")).unwrap();
    let packer = trust.replace("\"packer\", \"releaser\"", "\"packer\"");
    let releaser =
        "[[keys]]\nholder = \"alice\"\npublic-key-file = \"alice.pub.pem\"\nroles = [\"releaser\"]\n";
    fs::write(desk.path("trust.toml"), packer + releaser).unwrap();
    desk.sh("cp b/* in").ok();
    let service = Service::start(&desk);
    service.wait("the release is missed", || service.count("0 of 1 required release signature") > 0);
    desk.carnet("sign b --key alice.key.pem --release-file in").ok();
    service.wait("it is imported", || service.count("import Succeeded") == 1);
    service.wait("the files are gone", || !desk.files("in").keys().any(|name| name.starts_with("b_")));
    service.stop();
}

#[test]
fn chunks_are_recovered_beside_an_inbox_that_cannot_be_written() {
    let desk = protected();
    arrive(&desk);
    desk.sh("printf XYZ | dd of=in/b_00001.tar bs=1 seek=30000 conv=notrunc").ok();
    desk.sh("rm in/b_00002.tar && touch -d '1 hour ago' in/* && chmod 444 in/* && chmod 555 in").ok();
    let before = desk.files("in");
    let run = desk.ordinary(&format!("{RECEIVE} --state state"));
    desk.sh("chmod 755 in").ok();
    run.ok().says(&["of the bundle b recovered from parity", "the bundle b is done"]);
    assert_same_layout(&desk.path("src-b"), &desk.path("back"));
    assert_eq!(desk.files("in"), before);
    assert!(desk.files("state").keys().all(|name| !name.contains("recovered")), "{:?}", desk.files("state"));
}

#[test]
fn what_a_killed_process_recovered_is_removed_by_the_next() {
    let desk = protected();
    let folder = |name: &str, with_lock: bool| {
        let path = desk.path(format!("tmp/carnet-repair-{name}"));
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("b_00002.tar"), "half of it").unwrap();
        with_lock.then(|| fs::File::create(path.join(".lock")).unwrap())
    };
    drop(folder("left", true));
    let used = folder("used", true).unwrap();
    used.lock().unwrap();
    folder("of-unpack", false);
    desk.sh("cp b/* in").ok();
    let receive = desk.path("tmp");
    let run = Run::of(desk.command(RECEIVE).env("TMPDIR", receive));
    run.ok().says(&["the bundle b is done"]);
    let mut left: Vec<String> = desk.files("tmp").into_keys().collect();
    left.retain(|name| name.contains("b_00002"));
    assert_eq!(left, ["carnet-repair-of-unpack/b_00002.tar", "carnet-repair-used/b_00002.tar"]);
}

/// The bundle `first` with an image, and the delta `two` with that and another one. An empty folder `in`.
fn delta() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    for (seed, name) in [(1, "one"), (2, "two")] {
        let image = source.image(seed, &[150_000, 5_000]);
        source.tag(&image, &format!("{name}:1"));
    }
    desk.carnet("pack oci:src:one:1 --to first --name first --key k.key.pem").ok();
    desk.carnet("pack oci:src --to two --name two --key k.key.pem --base first").ok();
    fs::create_dir(desk.path("in")).unwrap();
    desk
}

#[test]
fn a_delta_waits_for_its_base() {
    let desk = delta();
    desk.sh("cp two/* in").ok();
    let line = "receive in --pub k.pub.pem --once --then unpack oci:back --state state";
    desk.carnet(line).ends(4).says(&["the bundle two is not done", "of bundle first ("]);
    // In whatever order they are found, both are done in one go.
    desk.sh("cp first/* in").ok();
    desk.carnet(line).ok().says(&["the bundle first is done", "the bundle two is done"]);
    assert_same_layout(&desk.path("src"), &desk.path("back"));
}

#[test]
fn a_watched_inbox_takes_a_delta_at_once_after_its_base() {
    let Some(registry) = Debian::plain() else { return };
    let desk = delta();
    write_station(&desk, registry.name(), "");
    desk.sh("cp two/* in").ok();
    let service = Service::start(&desk);
    service.wait("the base is named", || service.count("of bundle first (") > 0);
    desk.sh("cp first/* in").ok();
    service.wait("both are imported", || service.count("import Succeeded") == 2);
    service.stop();
}

/// The bundle `first` with `one:1` and an artifact whose tag another one has in the registry, and a delta of it, which is looked at
/// first. Both are in `in`.
fn base_that_fails_in_part(registry: &str) -> Desk {
    let desk = delta();
    for (layout, seed) in [("other", 9), ("more", 7)] {
        let mut source = desk.source(layout);
        let image = source.image(seed, &[1_000]);
        source.tag(&image, "taken:1");
    }
    desk.carnet("pack oci:other --to other-out --name other --key k.key.pem").ok();
    let to = format!("docker://{registry}/mirror --plain-http {registry}");
    desk.carnet(&format!("import other-out --pub k.pub.pem --to {to}")).ok();
    desk.sh("rm -r first two").ok();
    desk.carnet("pack oci:src:one:1 oci:more:taken:1 --to first --name first --key k.key.pem").ok();
    let id = |name: &str| desk.inspected(name)["bundle"].as_str().unwrap().to_owned();
    // Bundles without a number are taken in the order of their ids.
    for name in ["two", "twoa", "twob", "twoc", "twod", "twoe", "twof", "twog"] {
        desk.sh("rm -rf two").ok();
        let pack =
            format!("pack oci:src:one:1 oci:src:two:1 --to two --name {name} --key k.key.pem --base first");
        desk.carnet(&pack).ok();
        if id("two") < id("first") {
            break;
        }
    }
    desk.sh("cp two/* first/* in").ok();
    desk
}

#[test]
fn a_delta_is_tried_again_after_a_base_of_which_a_part_failed() {
    let Some(registry) = Debian::plain() else { return };
    let desk = base_that_fails_in_part(registry.name());
    let line = format!(
        "receive in --pub k.pub.pem --once --then import docker://{0}/mirror --plain-http {0} --continue-on-errors",
        registry.name()
    );
    let said = ["of bundle first (", "the bundle first is not done", "the bundle two"];
    let run = desk.carnet(&line).ends(4).says(&said);
    assert!(run.stderr.contains("is done") && !run.stderr.contains("first is done"), "{}", run.stderr);
}

#[test]
fn a_station_tries_a_delta_again_after_a_base_of_which_a_part_failed() {
    let Some(registry) = Debian::plain() else { return };
    let desk = base_that_fails_in_part(registry.name());
    write_station(&desk, registry.name(), "options = [\"ContinueOnErrors\"]\n");
    // The next regular attempt would be later than the test waits.
    let station = fs::read_to_string(desk.path("station.toml")).unwrap();
    fs::write(desk.path("station.toml"), format!("retry-after = \"1h\"\n{station}")).unwrap();
    let service = Service::start(&desk);
    service.wait("the delta is imported", || service.count("import Succeeded") == 1);
    assert!(service.count("import Failed") >= 1);
    service.stop();
}
