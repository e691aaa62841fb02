//! The SBOMs that an audit writes, and its SARIF, held against the validators of these formats.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::contents::{image, tar_of};
use crate::behaviour::layouts::Source;
use crate::behaviour::support::{Desk, Run, cached};

/// Where `scripts/setup --audits` puts the validators, and the schema of SARIF.
const VALIDATORS: &str = "audit-validators-1";
const SARIF: &str = "sarif-1";
const AT: &str = "--at 2026-01-01T00:00:00Z";
const STATUS: &[u8] =
    b"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc\nVersion: 2.36-9\n\n\
    Package: vim\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2:9.0+x~1\n\n";

/// Packages of a system, and of npm with all forms of licences: an id, an expression, and texts.
fn packages() -> Vec<u8> {
    let npm = |name: &str, licence: &str| {
        json!({ "name": name, "version": "1.0.0", "license": licence }).to_string().into_bytes()
    };
    tar_of(&[
        ("etc/os-release", 0o644, b"ID=debian\nVERSION_ID=\"12\"\n"),
        ("var/lib/dpkg/status", 0o644, STATUS),
        // A finding, for SARIF.
        ("usr/bin/su", 0o4755, b"x"),
        ("app/node_modules/a/package.json", 0o644, &npm("a", "MIT")),
        ("app/node_modules/@s/b/package.json", 0o644, &npm("@s/b", "(MIT OR Apache-2.0)")),
        ("app/node_modules/c/package.json", 0o644, &npm("c", "SEE LICENSE IN <x> \u{202e}\n&")),
    ])
}

fn desk() -> (Desk, Source, Value) {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let hides = tar_of(&[("app/node_modules/.wh.a", 0o644, b"")]);
    let image = image(&mut source, "low.example/team/app:1", &[packages(), hides]);
    (desk, source, image)
}

fn installed(name: &str) -> PathBuf {
    let folder = cached(name);
    assert!(folder.exists(), "{} is missing (scripts/setup --audits)", folder.display());
    folder
}

/// Validates two documents on the desk with the libraries of their formats.
fn validated(desk: &Desk, cyclonedx: &str, spdx: &str) -> Run {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/carnet/audits/validate_sbom.py");
    let mut python = Command::new(installed(VALIDATORS).join("bin/python"));
    Run::of(python.arg(script).arg(desk.path(cyclonedx)).arg(desk.path(spdx)))
}

fn read(desk: &Desk, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(desk.path(name)).unwrap()).unwrap()
}

fn write_both(desk: &Desk, options: &str) {
    desk.carnet(&format!("audit oci:src {AT} {options} -o cyclonedx=a.cdx.json -o spdx=a.spdx.json")).ok();
}

#[test]
fn the_libraries_of_the_formats_accept_the_sboms() {
    let (desk, mut source, _) = desk();
    // One image; then hidden packages, too; then two images and an archive of no image.
    for options in ["", "--scope all-layers"] {
        write_both(&desk, options);
        validated(&desk, "a.cdx.json", "a.spdx.json").ok();
    }
    image(&mut source, "other:2", &[packages()]);
    let chart = source.blob("application/vnd.cncf.helm.chart.content.v1.tar+gzip", b"no archive");
    let config = source.blob("application/vnd.cncf.helm.config.v1+json", b"{}");
    let chart = source.manifest(&config, &[chart]);
    source.tag(&chart, "chart:1");
    write_both(&desk, "");
    validated(&desk, "a.cdx.json", "a.spdx.json").ok();
    assert_eq!(read(&desk, "a.cdx.json")["compositions"][0]["aggregate"], "incomplete");

    let mut wrong = read(&desk, "a.cdx.json");
    wrong["components"][0]["type"] = json!("nothing");
    std::fs::write(desk.path("wrong.json"), wrong.to_string()).unwrap();
    assert!(validated(&desk, "wrong.json", "a.spdx.json").ends(1).stdout.contains("nothing"));
}

#[test]
fn an_sbom_of_an_image_reads_back_without_a_difference() {
    let (desk, mut source, image) = desk();
    write_both(&desk, "");
    for (file, media_type) in
        [("a.cdx.json", "application/vnd.cyclonedx+json"), ("a.spdx.json", "application/spdx+json")]
    {
        let text = std::fs::read_to_string(desk.path(file)).unwrap();
        let referrer = source.referrer(&image, media_type, &text);
        source.list(&referrer);
    }
    let report = desk.carnet("audit oci:src -o json").ok().json();
    let boms = report["boms"].as_array().unwrap();
    assert_eq!(boms.len(), 2);
    for bom in boms {
        assert_eq!((&bom["compared"], &bom["packages"]), (&json!(true), &json!(4)), "{bom}");
        for difference in ["only_there", "only_here", "version_differs"] {
            assert_eq!(bom[difference], json!([]), "{bom}");
        }
    }
    // One package less, and the SBOM says so.
    let mut less = read(&desk, "a.cdx.json");
    less["components"].as_array_mut().unwrap().retain(|component| component["name"] != "vim");
    let referrer = source.referrer(&image, "application/vnd.cyclonedx+json", &less.to_string());
    source.list(&referrer);
    let report = desk.carnet("audit oci:src -o json").ok().json();
    let boms = report["boms"].as_array().unwrap().iter();
    let missing: Vec<&Value> = boms.flat_map(|bom| bom["only_here"].as_array().unwrap()).collect();
    assert!(
        matches!(missing[..], [one] if one.as_str().unwrap().starts_with("pkg:deb/debian/vim")),
        "{missing:?}"
    );
}

#[test]
fn licences_places_and_hidden_packages_are_written() {
    let (desk, ..) = desk();
    write_both(&desk, "--scope all-layers");
    let (cyclonedx, spdx) = (read(&desk, "a.cdx.json"), read(&desk, "a.spdx.json"));
    let component = |name: &str| {
        let all = cyclonedx["components"].as_array().unwrap();
        all.iter().find(|component| component["name"] == name).unwrap()
    };
    assert_eq!(component("a")["licenses"][0]["license"]["id"], "MIT");
    assert_eq!(component("a")["scope"], "excluded");
    assert_eq!(component("b")["licenses"][0]["expression"], "(MIT OR Apache-2.0)");
    assert_eq!((&component("b")["group"], &component("b")["scope"]), (&json!("@s"), &Value::Null));
    assert!(component("c")["licenses"][0]["license"]["name"].as_str().unwrap().starts_with("SEE LICENSE"));
    assert_eq!(component("vim")["evidence"]["occurrences"][0]["location"], "var/lib/dpkg/status");
    assert_eq!(cyclonedx["metadata"]["component"]["name"], "low.example/team/app");
    let declared = |name: &str| {
        let all = spdx["packages"].as_array().unwrap();
        all.iter().find(|package| package["name"] == name).unwrap()["licenseDeclared"].as_str().unwrap()
    };
    assert_eq!(
        [declared("a"), declared("@s/b"), declared("c"), declared("vim")],
        ["MIT", "(MIT OR Apache-2.0)", "LicenseRef-1", "NOASSERTION"]
    );
}

#[test]
fn the_same_content_and_time_give_the_same_bytes_and_other_ones_another_id() {
    let (desk, ..) = desk();
    let run = |format: &str, options: &str| desk.carnet(&format!("audit oci:src -o {format} {options}")).ok();
    for (format, id) in [("cyclonedx", "serialNumber"), ("spdx", "documentNamespace")] {
        let first = run(format, AT);
        assert_eq!(first.stdout, run(format, &format!("{AT} --jobs 1")).stdout);
        let later = run(format, "--at 2026-01-02T00:00:00Z").json();
        assert_ne!(first.json()[id], later[id]);
    }
}

#[test]
fn sarif_follows_its_schema() {
    let (desk, ..) = desk();
    desk.carnet("audit oci:src -o sarif=a.sarif").ok();
    let file = "node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json";
    let mut schema: Value =
        serde_json::from_slice(&std::fs::read(installed(SARIF).join(file)).unwrap()).unwrap();
    // These patterns of the schema are no regular expressions. Reports state no language.
    for definition in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][definition]["properties"]["language"];
        language.as_object_mut().unwrap().remove("pattern").unwrap();
    }
    let schema = jsonschema::validator_for(&schema).unwrap();
    let mut document = read(&desk, "a.sarif");
    assert!(!document["runs"][0]["results"].as_array().unwrap().is_empty());
    let problems: Vec<String> = schema.iter_errors(&document).map(|error| error.to_string()).collect();
    assert_eq!(problems, [] as [&str; 0]);
    document["runs"][0]["tool"]["driver"].as_object_mut().unwrap().remove("name");
    assert!(!schema.is_valid(&document));
}
