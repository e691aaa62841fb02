//! `scripts/demo-station` is a test of the whole procedure: two registries, two containers, two stations, and everything
//! that operators report going wrong.

use std::process::Command;

use super::behaviour::support::installed;
use super::stores::servers::program;

#[test]
fn two_stations_cross_and_every_symptom_has_a_sentence() {
    let tools = ["docker-registry", "skopeo", "umoci", "jq", "curl", "python3", "node"];
    if !installed(&tools) || program("azurite-3.37.0/node_modules/.bin/azurite-blob").is_none() {
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/demo-station");
    let run = Command::new(script).env("CARNET", env!("CARGO_BIN_EXE_carnet")).output().unwrap();
    let (out, errors) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}\n{errors}");
    assert!(out.ends_with("# done\n"), "{out}");
}
