//! Packages of languages in an image, compared with what their own tools list.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::contents::image;
use crate::behaviour::support::{Desk, Run, cached, skipped};

/// A package that was found: name, version, and the file that says so.
pub(super) type Located = (String, String, String);

/// Makes an image of a folder, and returns the packages of this type of package URL that an audit finds in it.
pub(super) fn found(folder: &Path, purl_type: &str) -> Vec<Located> {
    let desk = Desk::new();
    let mut tar = Command::new("tar");
    tar.arg("-cf").arg(desk.path("layer.tar")).arg("-C").arg(folder).arg(".");
    Run::of(&mut tar).ok();
    let layer = std::fs::read(desk.path("layer.tar")).unwrap();
    image(&mut desk.source("src"), "a:1", &[layer]);
    let report = desk.carnet("audit oci:src -o json").ok().json();
    let start = format!("pkg:{purl_type}/");
    let packages = report["packages"].as_array().unwrap().iter();
    let packages = packages.filter(|one| one["purl"].as_str().unwrap().starts_with(&start));
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    packages.map(|one| (text(one, "name"), text(one, "version"), text(one, "path"))).collect()
}

pub(super) fn sorted(packages: impl IntoIterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut packages: Vec<(String, String)> = packages.into_iter().collect();
    packages.sort();
    packages.dedup();
    packages
}

#[test]
fn pip_lists_the_packages_of_an_environment() {
    let folder = cached("audit-validators-1");
    assert!(folder.exists(), "{} is missing (scripts/setup --audits)", folder.display());
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "list", "--format", "json", "--disable-pip-version-check"]);
    let listed = Run::of(&mut pip).ok().json();
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    let listed =
        sorted(listed.as_array().unwrap().iter().map(|one| (text(one, "name"), text(one, "version"))));
    // Packages that another one has inside of it are not installed: pip lists them not, and they travel.
    let (inside, installed): (Vec<Located>, Vec<Located>) =
        found(&folder, "pypi").into_iter().partition(|(_, _, path)| path.contains("/_vendor/"));
    assert!(listed.len() > 20 && installed.len() >= listed.len(), "{inside:?}");
    assert_eq!(sorted(installed.into_iter().map(|(name, version, _)| (name, version))), listed);
}

/// The packages of a tree of `npm ls`. Those that are optional and not there have no version.
fn tree(node: &Value, packages: &mut Vec<(String, String)>) {
    for (name, package) in node["dependencies"].as_object().into_iter().flatten() {
        if let (Some(version), None) = (package["version"].as_str(), package["missing"].as_bool()) {
            packages.push((name.clone(), version.to_owned()));
        }
        tree(package, packages);
    }
}

#[test]
fn npm_lists_the_packages_of_a_folder() {
    // The second has some hundred packages, and is installed for other tests.
    for (folder, setup, least) in [("page-2", "--audits", 20), ("azurite-3.37.0", "--stores", 100)] {
        let folder = cached(folder);
        if !folder.join("node_modules").exists() {
            skipped(&format!("{} is missing (scripts/setup {setup})", folder.display()));
            continue;
        }
        let mut npm = Command::new("npm");
        npm.args(["ls", "--all", "--json"]).current_dir(&folder);
        let listed = Run::of(&mut npm);
        let mut packages = Vec::new();
        tree(&listed.json(), &mut packages);
        let listed = sorted(packages);
        assert!(listed.len() >= least, "{listed:?}");
        let found = found(&folder, "npm").into_iter().map(|(name, version, _)| (name, version));
        assert_eq!(sorted(found), listed);
    }
}

/// A program that `cargo auditable` built names the crates that it was built from, and those that only built it are left out.
#[test]
fn a_program_of_cargo_auditable_names_its_crates() {
    let desk = Desk::new();
    if desk.sh("cargo auditable --version").code != Some(0) {
        skipped("cargo-auditable is not installed (scripts/setup)");
        return;
    }
    let write = |name: &str, text: &str| {
        let path = desk.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let package = |name: &str, version: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2021\"\n")
    };
    let dependencies = "[workspace]\n[dependencies]\nused = { path = \"used\" }\n[build-dependencies]\nbuilds = { path = \"builds\" }\n";
    write("app/Cargo.toml", &(package("app", "1.2.3") + dependencies));
    write("app/src/main.rs", "fn main() { println!(\"{}\", used::one()); }\n");
    write("app/build.rs", "fn main() { builds::one(); }\n");
    for (name, version) in [("used", "0.4.0"), ("builds", "0.5.0")] {
        write(&format!("app/{name}/Cargo.toml"), &package(name, version));
        write(&format!("app/{name}/src/lib.rs"), "pub fn one() -> u8 { 1 }\n");
    }
    desk.sh("cd app && cargo auditable build --offline --quiet --target-dir ../built && mkdir -p ../root/bin && cp ../built/debug/app ../root/bin")
        .ok();
    let packages = found(&desk.path("root"), "cargo").into_iter().map(|(name, version, _)| (name, version));
    let expected =
        [("app", "1.2.3"), ("used", "0.4.0")].map(|(name, version)| (name.to_owned(), version.to_owned()));
    assert_eq!(sorted(packages), expected);
}
