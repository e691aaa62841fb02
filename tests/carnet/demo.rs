//! `scripts/demo-station` is a test of the whole procedure: two registries, two containers, two stations, and everything
//! that operators report going wrong.

use std::process::Command;

use super::behaviour::support::{installed, skipped};

#[test]
fn two_stations_cross_and_every_symptom_has_a_sentence() {
    let home = std::env::var("HOME").unwrap_or_default();
    let cache = std::env::var("XDG_CACHE_HOME").unwrap_or_else(|_| format!("{home}/.cache"));
    let azurite = format!("{cache}/carnet-tests/azurite-3.37.0/node_modules/.bin/azurite-blob");
    if !installed(&["docker-registry", "skopeo", "umoci", "jq", "curl", "python3", "node"]) {
        return;
    }
    if !std::path::Path::new(&azurite).exists() {
        skipped("azurite is not installed; scripts/setup --stores installs it");
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/demo-station");
    let run = Command::new(script).env("CARNET", env!("CARGO_BIN_EXE_carnet")).output().unwrap();
    let (out, errors) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}\n{errors}");
    assert!(out.ends_with("# done\n"), "{out}");
}
