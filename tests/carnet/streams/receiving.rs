//! `receive` with a memory.

use super::support::{lines, packed, remembered};
use crate::behaviour::support::Desk;

#[test]
fn bundles_that_wait_together_are_used_in_their_order() {
    let desk = Desk::new();
    desk.sh("mkdir in").ok();
    let mut previous = String::new();
    // Ids are as good as random, so some order of three must not fit them by chance.
    for (number, name) in (1..).zip(["a", "b", "c", "d", "e"]) {
        let id = packed(&desk, name, &format!("--sequence {number} {previous}"));
        previous = format!("--previous {id}");
        desk.sh(&format!("cp {name}/* in")).ok();
    }
    packed(&desk, "twin", "--sequence 3");
    let line = "receive in --pub k.pub.pem --once --then unpack oci:back --state far";
    desk.carnet(line).ok().says(&["FIRST CONTACT"]);
    let verdicts: Vec<String> =
        lines(&desk, "far").iter().map(|line| line["verdict"].as_str().unwrap().to_owned()).collect();
    assert_eq!(verdicts, ["first-contact", "new", "new", "new", "new"]);
    assert_eq!(remembered(&desk, "far")["accepted"]["number"], 5);
    desk.sh("rm in/* && cp twin/* in").ok();
    desk.carnet(line).ends(3).says(&["FORK", "is not done"]);
    desk.sh("rm in/* && cp a/* in && rm far/received.json").ok();
    // It was done, and newer ones since.
    desk.carnet(line).ok().says(&["a replay", "nothing is done"]);
    assert_eq!(lines(&desk, "far").len(), 5);
    packed(&desk, "late", "--sequence 0");
    desk.sh("rm in/* && cp late/* in").ok();
    desk.carnet(line).ends(3).says(&["not newer than what was accepted"]);
    desk.carnet(&format!("{line} --allow-rollback")).ok().says(&["an operator lets it pass"]);
}

#[test]
fn two_bundles_of_one_number_that_wait_together_are_a_fork() {
    let desk = Desk::new();
    desk.sh("mkdir in").ok();
    let ids = ["one", "twin"].map(|name| packed(&desk, name, "--sequence 1"));
    desk.sh("cp one/* twin/* in").ok();
    let line = "receive in --pub k.pub.pem --once --then unpack oci:back --state far";
    // Neither is used, and each names the other one.
    desk.carnet(line).ends(3).says(&[
        "FORK",
        &ids[0],
        &ids[1],
        "bundle one is not done",
        "bundle twin is not done",
    ]);
    assert!(!desk.path("back").exists());
    // A twin that is not released does not count.
    desk.carnet("keygen releaser").ok();
    let trust = "version = 1\nrelease-threshold = 1\n[[keys]]\nholder = \"k\"\npublic-key-file = \"k.pub.pem\"\n\
                 roles = [\"packer\"]\n[[keys]]\nholder = \"r\"\npublic-key-file = \"releaser.pub.pem\"\n\
                 roles = [\"releaser\"]\n";
    std::fs::write(desk.path("trust.toml"), trust).unwrap();
    desk.carnet("sign in/one_00000.tar --key releaser.key.pem --yes").ok();
    let line = "receive in --trust trust.toml --once --then unpack oci:back --state far";
    desk.carnet(line).ends(3).says(&["bundle one is done", "bundle twin is not done"]);
    desk.carnet("sign in/twin_00000.tar --key releaser.key.pem --yes").ok();
    desk.carnet(line).ends(3).says(&["FORK", "bundle twin is not done"]);
}
