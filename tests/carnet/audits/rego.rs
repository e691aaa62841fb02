//! Policies in Rego.

#[cfg(feature = "rego")]
mod asked;
#[cfg(feature = "rego")]
mod same;

use super::contents::{image, tar_of};
use crate::registries::station::Station;

const DENIES: &str = "package carnet\n\ndeny contains \"no\" if true\n";

/// A layout with an image that has a file that runs as user 0.
fn station(policy: &str) -> Station {
    let station = Station::new();
    let mut source = station.source("src");
    image(&mut source, "app:1", &[tar_of(&[("bin/su", 0o4755, b"x"), ("etc/motd", 0o644, b"hello")])]);
    station.write("policy.rego", policy);
    station
}

#[cfg(not(feature = "rego"))]
#[test]
fn a_build_without_rego_says_which_build_has_it() {
    let station = station(DENIES);
    let words = ["error[rego-not-built]: ", "policy.rego", "built with the feature `rego`"];
    station.carnet("audit oci:src --policy policy.rego").ends(2).says(&words);
    station.pack("oci:src --policy policy.rego").ends(2).says(&words);
    assert!(!station.path("out").exists());
}
