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
