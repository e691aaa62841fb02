//! Keys of stations that another program uses.

use std::fs;

use crate::behaviour::support::{Desk, installed};

#[test]
fn a_pipeline_signs_with_a_command_and_a_check_tries_it() {
    if !installed(&["openssl"]) {
        return;
    }
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[200_000]);
    source.tag(&image, "app:1");
    desk.carnet("keygen hsm").ok();
    desk.sh("mkdir etc keys && mv hsm.key.pem keys && mv hsm.pub.pem k.key.pem etc").ok();
    let script =
        "t=$(mktemp) && cat >$t && openssl pkeyutl -sign -inkey keys/hsm.key.pem -rawin -in $t; rm $t";
    fs::write(desk.path("sign.sh"), format!("#!/bin/sh\n{script}\n")).unwrap();
    desk.sh("chmod +x sign.sh").ok();
    // The key is relative to the folder of the file; the command is not.
    fs::write(
        desk.path("etc/station.toml"),
        "state = \"../state\"\nkey = \"k.key.pem\"\n[export.out]\nartifacts = [\"oci:src\"]\nto = \"../out\"\n\
         key = \"hsm.pub.pem\"\nsign-command = [\"./sign.sh\"]\n",
    )
    .unwrap();
    let station = "--station etc/station.toml";
    desk.carnet(&format!("station check {station}")).ok().says(&["ok      out: key etc/hsm.pub.pem"]);
    desk.carnet(&format!("station export out {station}")).ok();
    desk.carnet("verify out --pub etc/hsm.pub.pem").ok().says(&["COMPLETE"]);
    desk.sh("mv keys away").ok();
    let check = desk.carnet(&format!("station check {station}")).ends(1);
    check.says(&["out: key etc/hsm.pub.pem", "sign-command-output"]);
}

#[test]
fn a_pipeline_signs_with_two_algorithms_and_the_records_with_one() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[200_000]);
    source.tag(&image, "app:1");
    desk.carnet("keygen pq --algorithm mldsa87").ok();
    let station = |text: &str| {
        let head = "state = \"state\"\nkey = \"k.key.pem\"\n";
        let pipeline = "[export.out]\nartifacts = [\"oci:src\"]\nto = \"out\"\n";
        fs::write(desk.path("station.toml"), format!("{head}{pipeline}{text}\n")).unwrap();
        "--station station.toml"
    };
    let file = station("second-key = { key = \"pq.key.pem\" }");
    desk.carnet(&format!("station export out {file}"))
        .ends(2)
        .says(&["second-key: it needs a `key` beside it"]);
    let file = station("key = \"k.key.pem\"\nsecond-key = { key = \"k.key.pem\" }");
    desk.carnet(&format!("station export out {file}")).ends(2).says(&["error[second-key-algorithm]"]);
    let file = station("key = \"k.key.pem\"\nsecond-key = { key = \"pq.key.pem\" }");
    desk.carnet(&format!("station check {file}")).ok();
    desk.carnet(&format!("station export out {file}")).ok();
    let key = |name: &str| {
        format!(
            "[[keys]]\nholder = \"k\"\npublic-key-file = \"{name}.pub.pem\"\nroles = [\"packer\", \"releaser\"]\n"
        )
    };
    let head = "version = 1\nrelease-threshold = 1\nalgorithms = [\"ed25519\", \"mldsa87\"]\n";
    fs::write(desk.path("trust.toml"), [head, &key("k"), &key("pq")].concat()).unwrap();
    desk.carnet("verify out --trust trust.toml").ok().says(&["COMPLETE"]);
    desk.carnet("runs verify --pub k.pub.pem --state state").ok();
    // A profile, for which one of the keys is of ML-DSA-87.
    desk.sh("rm -r out state").ok();
    let file = station("key = \"k.key.pem\"\nprofile = \"cnsa1\"");
    desk.carnet(&format!("station export out {file}")).ends(2).says(&["profile"]);
    let file = station("key = \"k.key.pem\"\nprofile = \"cnsa2\"");
    desk.carnet(&format!("station export out {file}")).ends(2).says(&["error[profile-key]"]);
    let file = station("key = \"pq.key.pem\"\nprofile = \"cnsa2\"");
    desk.carnet(&format!("station export out {file}")).ok();
    let head = "version = 1\nrelease-threshold = 1\nprofile = \"cnsa2\"\n";
    fs::write(desk.path("trust.toml"), [head, &key("pq")].concat()).unwrap();
    desk.carnet("verify out --trust trust.toml").ok().says(&["COMPLETE"]);
}
