//! What an audit finds in layers and merged file systems, one kind of finding at a time.

use carnet::oci::Digest;
use serde_json::{Value, json};

use super::contents::{image, tar_of};
use crate::behaviour::layouts::{Source, digest_of, with};
use crate::behaviour::support::Desk;

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const STATUS: &[u8] = b"Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n";
const KEY: &[u8] = b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIB0VCBGVcBdJZ7pGZ4Jxq3Yw8nqO7Y6lm5C8gN4dS2mR\n-----END PRIVATE KEY-----\n";

/// The findings of a rule: their paths and texts.
fn found(report: &Value, rule: &str) -> Vec<(String, String)> {
    let findings = report["findings"].as_array().unwrap().iter();
    let of_rule = findings.filter(|finding| finding["rule"] == rule);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    of_rule.map(|finding| (text(&finding["path"]), text(&finding["text"]))).collect()
}

/// An image of one layer with these annotations.
fn annotated(source: &mut Source, name: &str, layer: &[u8], annotations: &Value) {
    let diff_ids = [Digest::sha256(layer).to_string()];
    let config = json!({ "architecture": "amd64", "os": "linux", "rootfs": { "diff_ids": diff_ids } });
    let config = source.blob("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
    let layer = with(source.blob(LAYER, layer), &json!({ "annotations": annotations }));
    let manifest = source.manifest(&config, &[layer]);
    source.tag(&manifest, name);
}

#[test]
fn a_table_of_contents_that_lies_is_named() {
    let of_hello = |size: u64, digest: &str| {
        json!({ "version": 1, "entries": [
            { "type": "reg", "name": "hello", "mode": 420, "size": size, "digest": digest } ] })
        .to_string()
    };
    let (honest, other) = (Digest::sha256(b"hello").to_string(), Digest::sha256(b"other").to_string());
    let size = "the table of contents has another size for \"hello\"";
    let digest = "the table of contents has another digest for \"hello\"";
    for (table, is_announced, expected) in [
        (of_hello(5, &honest), true, None),
        (of_hello(6, &honest), false, Some(("hello", size))),
        (of_hello(5, &other), true, Some(("hello", digest))),
        // No runtime believes a table that is not announced. Files are not hashed for it.
        (of_hello(5, &other), false, None),
        (
            "{".to_owned(),
            true,
            Some((
                "",
                "the table of contents cannot be read: EOF while parsing an object at line 1 column 1",
            )),
        ),
    ] {
        let desk = Desk::new();
        let mut source = desk.source("src");
        let layer = tar_of(&[("hello", 0o644, b"hello"), ("stargz.index.json", 0o644, table.as_bytes())]);
        let mut annotations = json!({});
        if is_announced {
            annotations["containerd.io/snapshot/stargz/toc.digest"] = json!(honest);
        }
        annotated(&mut source, "app:1", &layer, &annotations);
        let report = desk.carnet("audit oci:src -o json").ok().json();
        let expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(found(&report, "toc-lies"), expected, "{table} {is_announced}");
    }
}

/// The header of an ELF file for a machine, with nothing behind it.
fn elf(machine: u16) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    bytes[16..18].copy_from_slice(&2_u16.to_le_bytes());
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes[20..24].copy_from_slice(&1_u32.to_le_bytes());
    bytes[52..54].copy_from_slice(&64_u16.to_le_bytes());
    bytes
}

#[test]
fn a_program_for_another_machine_is_named_where_a_container_sees_it() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let base = tar_of(&[
        ("usr/bin/arm", 0o755, &elf(183)),
        ("usr/bin/gone", 0o755, &elf(183)),
        ("usr/bin/intel", 0o755, &elf(62)),
        ("usr/lib/power.so", 0o644, &elf(21)),
        ("usr/share/text", 0o755, b"#!/bin/sh\n"),
    ]);
    let upper = tar_of(&[("usr/bin/.wh.gone", 0o644, b"")]);
    image(&mut source, "app:1", &[base, upper]);
    let report = desk.carnet("audit oci:src -o json").ok().json();
    let expected = [
        ("usr/bin/arm", "a program for arm64 in an image for amd64"),
        ("usr/lib/power.so", "a program for ppc64le in an image for amd64"),
    ];
    let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
    assert_eq!(found(&report, "foreign-architecture"), expected);
}

#[test]
fn programs_of_no_package_are_named_if_there_is_a_package_database() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let programs: Vec<(&str, u32, &[u8])> = vec![
        ("usr/bin/owned", 0o755, b"x"),
        ("usr/bin/strange", 0o755, b"x"),
        ("etc/strange", 0o644, b"x"),
        // Lists that are not those of dpkg.
        ("opt/a.list", 0o644, b"/usr/bin/strange\n"),
        ("opt/a.md5sums", 0o644, b"d41d8cd98f00b204e9800998ecf8427e  usr/bin/strange\n"),
    ];
    let database: Vec<(&str, u32, &[u8])> = vec![
        ("var/lib/dpkg/status", 0o644, STATUS),
        ("var/lib/dpkg/info/a.list", 0o644, b"/usr\n/usr/bin\n/usr/bin/owned\n"),
        ("var/lib/dpkg/info/a.postinst", 0o755, b"#!/bin/sh\n"),
    ];
    image(&mut source, "app:1", &[tar_of(&programs), tar_of(&database)]);
    image(&mut source, "app:2", &[tar_of(&programs)]);
    let report = desk.carnet("audit oci:src --artifact app:1 -o json").ok().json();
    let paths: Vec<String> = found(&report, "unowned-executable").into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["usr/bin/strange"]);
    let report = desk.carnet("audit oci:src --artifact app:2 -o json").ok().json();
    assert_eq!(found(&report, "unowned-executable"), []);
}

#[test]
fn of_one_rule_an_image_has_a_hundred_findings_and_a_count() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let names: Vec<String> = (0..120).map(|number| format!("opt/p{number}")).collect();
    let mut entries: Vec<(&str, u32, &[u8])> = vec![("var/lib/dpkg/status", 0o644, STATUS)];
    entries.extend(names.iter().map(|name| (name.as_str(), 0o755, &b"x"[..])));
    image(&mut source, "app:1", &[tar_of(&entries)]);
    let report = desk.carnet("audit oci:src -o json").ok().json();
    let found = found(&report, "unowned-executable");
    assert_eq!(found.len(), 101);
    let rest = (String::new(), "the image has 20 more findings of the rule unowned-executable".to_owned());
    assert!(found.contains(&rest), "{found:?}");
}

#[test]
fn a_secret_that_an_upper_layer_hides_still_travels() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let base = tar_of(&[("root/key.pem", 0o600, KEY), ("root/note", 0o644, b"hello")]);
    let upper = tar_of(&[("root/.wh.key.pem", 0o644, b""), ("root/note", 0o644, b"hello again")]);
    image(&mut source, "app:1", &[base.clone(), upper.clone()]);
    let report = desk.carnet("audit oci:src -o json").ok().json();
    let hidden = found(&report, "hidden-secret");
    assert_eq!(hidden.len(), 1, "{hidden:?}");
    let (path, text) = &hidden[0];
    assert_eq!(path, "root/key.pem");
    let by = format!(
        "hidden by the layer {}, but still in this layer: line 1: looks like ",
        Digest::sha256(&upper)
    );
    assert!(text.starts_with(&by), "{text}");
    assert_eq!(report["images"][0]["hidden"], json!({ "files": 2, "bytes": KEY.len() + 5 }));
    let shown = image(&mut source, "app:2", &[base]);
    let report = desk.carnet(&format!("audit oci:src --artifact {} -o json", digest_of(&shown))).ok().json();
    assert_eq!(found(&report, "hidden-secret"), []);
    assert_eq!(report["images"][0]["hidden"], json!({ "files": 0, "bytes": 0 }));
}

/// A zip archive with one stored member.
fn zip(name: &str, content: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    let size = u32::try_from(content.len()).unwrap().to_le_bytes();
    let length = u16::try_from(name.len()).unwrap().to_le_bytes();
    // From the version to the length of the extra field, the two headers are the same.
    let common =
        [&[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0][..], &crc.sum().to_le_bytes(), &size, &size, &length, &[0, 0]]
            .concat();
    let mut bytes = [&b"PK\x03\x04"[..], &common, name.as_bytes(), content].concat();
    let directory = u32::try_from(bytes.len()).unwrap();
    bytes.extend([&b"PK\x01\x02\x14\0"[..], &common, &[0; 14], name.as_bytes()].concat());
    let directory_size = u32::try_from(bytes.len()).unwrap() - directory;
    bytes.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    bytes.extend([directory_size.to_le_bytes(), directory.to_le_bytes()].concat());
    bytes.extend([0, 0]);
    bytes
}

#[test]
fn archives_that_lie_too_deep_are_named_as_not_seen() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let deep =
        zip("META-INF/maven/org.d/deep/pom.properties", b"groupId=org.d\nartifactId=deep\nversion=4\n");
    let nested = zip("app/c.war", &zip("lib/b.jar", &deep));
    image(&mut source, "app:1", &[tar_of(&[("srv/app.ear", 0o644, &nested)])]);
    let report = desk.carnet("audit oci:src -o json").ok().json();
    assert_eq!(found(&report, "depth-limit"), []);
    assert_eq!(report["packages"][0]["purl"], "pkg:maven/org.d/deep@4");
    assert_eq!(report["coverage"]["complete"], true);
    let report = desk.carnet("audit oci:src --max-depth 2 -o json").ok().json();
    let text = "app.ear: app/c.war: lib/b.jar is not read: archives are nested deeper than 2.";
    assert_eq!(found(&report, "depth-limit"), [("srv/app.ear".to_owned(), text.to_owned())]);
    assert_eq!(report["packages"], json!([]));
    assert_eq!(report["coverage"]["complete"], false);
    assert_eq!(report["coverage"]["limits_hit"][0]["limit"], "depth-limit");
    assert_eq!(report["basis"]["limits"]["max-depth"], 2);
    desk.carnet("audit oci:src --max-depth 0").ends(2);
}

#[test]
fn a_flaw_that_vex_calls_harmless_is_shown_and_does_not_count() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let release = b"ID=debian\nVERSION_ID=\"12\"\n";
    let image = image(
        &mut source,
        "app:1",
        &[tar_of(&[("etc/os-release", 0o644, release), ("var/lib/dpkg/status", 0o644, STATUS)])],
    );
    let record = json!({ "id": "CVE-2026-1", "modified": "2026-01-01T00:00:00Z", "summary": "bad",
        "affected": [{ "package": { "ecosystem": "Debian:12", "name": "a" },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }] }] }] });
    let write = |name: &str, text: &str| std::fs::write(desk.path(name), text).unwrap();
    write("osv.json", &record.to_string());
    write("policy.toml", "version = 1\ndenied-findings = [\"advisory\"]\n");
    let audit = "audit oci:src --advisories osv.json --policy policy.toml -o json";
    desk.carnet(audit).ends(5);
    let vex = |status: &str, product: &str| {
        let statement = json!({ "@context": "https://openvex.dev/ns/v0.2.0", "@id": "x", "author": "a",
            "timestamp": "2026-01-01T00:00:00Z", "version": 1, "statements": [{
                "vulnerability": { "name": "CVE-2026-1" }, "products": [{ "@id": product }],
                "status": status, "justification": "vulnerable_code_not_present" }] });
        write("vex.json", &statement.to_string());
    };
    let a = "pkg:deb/debian/a@1";
    vex("not_affected", a);
    let report = desk.carnet(&format!("{audit} --vex vex.json")).ok().json();
    let said = "not_affected: vulnerable_code_not_present";
    assert_eq!(report["advisories"][0]["vex"], said);
    assert!(found(&report, "advisory")[0].1.contains(said), "{report}");
    let not_counted = &report["policy"]["not_counted"];
    assert_eq!(not_counted.as_array().unwrap().len(), 1);
    assert_eq!(not_counted[0]["place"], format!("{} var/lib/dpkg/status", digest_of(&image)));
    assert_eq!(report["basis"]["vex"][0]["name"], "vex.json");
    let text = desk.carnet("audit oci:src --advisories osv.json --policy policy.toml --vex vex.json").ok();
    text.says(&["not counted: pkg:deb/debian/a@1"]);
    for (status, product) in
        [("affected", a), ("under_investigation", a), ("not_affected", "pkg:deb/debian/other@1")]
    {
        vex(status, product);
        let report = desk.carnet(&format!("{audit} --vex vex.json")).ends(5).json();
        assert_eq!(report["policy"]["not_counted"], json!([]), "{status} {product}");
    }
    write("vex.json", "{}");
    desk.carnet(&format!("{audit} --vex vex.json")).ends(2).says(&[
        "vex-unusable",
        "vex.json",
        "expected a VEX document",
    ]);
    desk.carnet("audit oci:src --vex vex.json").ends(2);
}

#[test]
fn rules_for_secrets_are_added_from_a_file() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    image(
        &mut source,
        "app:1",
        &[tar_of(&[("etc/app.conf", 0o644, b"id = HOUSE-123456\n"), ("k", 0o600, KEY)])],
    );
    let write = |text: &str| std::fs::write(desk.path("house.toml"), text).unwrap();
    let secrets = |options: &str| {
        let report = desk.carnet(&format!("audit oci:src -o json {options}")).ok().json();
        let paths: Vec<String> = found(&report, "secret").into_iter().map(|(path, _)| path).collect();
        (paths, report)
    };
    assert_eq!(secrets("").0, ["k"]);
    write("[[rules]]\nid = \"house-id\"\nregex = '''HOUSE-[0-9]{6}'''\n");
    let (paths, report) = secrets("--secret-rules house.toml");
    assert_eq!(paths, ["etc/app.conf", "k"]);
    assert_eq!(report["basis"]["secret_rules"][0]["name"], "house.toml");
    assert!(!report.to_string().contains("HOUSE-123456"));
    write("[[rules]]\nid = \"odd\"\nregex = '''('''\n");
    desk.carnet("audit oci:src --secret-rules house.toml").ok().says(&["rule \"odd\" is not used"]);
    write("[[rules]\n");
    desk.carnet("audit oci:src --secret-rules house.toml").ends(2).says(&["rules-unusable", "house.toml"]);
}

/// A tar with one link.
fn link_to(path: &str, target: &str, kind: tar::EntryType) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(0);
    header.set_mode(0o644);
    builder.append_link(&mut header, path, target).unwrap();
    builder.into_inner().unwrap()
}

#[test]
fn a_database_is_read_whatever_name_it_has_in_its_layer() {
    for (target, kind) in [("opt/s", tar::EntryType::Link), ("../../../opt/s", tar::EntryType::Symlink)] {
        let desk = Desk::new();
        let mut source = desk.source("src");
        let base = tar_of(&[("opt/r", 0o644, b"ID=debian\nVERSION_ID=\"12\"\n"), ("opt/s", 0o644, STATUS)]);
        let upper = link_to("var/lib/dpkg/status", target, kind);
        image(
            &mut source,
            "app:1",
            &[base.clone(), upper, link_to("etc/os-release", "/opt/r", tar::EntryType::Symlink)],
        );
        // Without the links, it is a file like any other.
        image(&mut source, "app:2", &[base]);
        let packages = |name: &str| {
            let report = desk.carnet(&format!("audit oci:src --artifact {name} -o json")).ok().json();
            assert_eq!(report["coverage"]["complete"], true);
            assert_eq!(found(&report, "packages-unreadable"), []);
            report["packages"].clone()
        };
        let listed = packages("app:1");
        assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
        assert_eq!(listed[0]["purl"], "pkg:deb/debian/a@1?arch=amd64&distro=debian-12");
        assert_eq!(listed[0]["path"], "var/lib/dpkg/status");
        assert_eq!(packages("app:2"), json!([]));
    }
}

#[test]
fn a_list_of_files_gets_its_name_when_the_audit_is_done() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    image(&mut source, "app:1", &[tar_of(&[("hello", 0o644, b"hello"), ("other", 0o644, b"x")])]);
    std::fs::write(desk.path("f.ndjson"), "old").unwrap();
    // It fails when all files were listed already.
    desk.carnet("audit oci:src -o files=f.ndjson --advisories nothing").ends(1);
    assert_eq!(std::fs::read_to_string(desk.path("f.ndjson")).unwrap(), "old");
    let hidden = || {
        let entries = std::fs::read_dir(desk.path("")).unwrap();
        entries.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with('.')).count()
    };
    assert_eq!(hidden(), 0);
    desk.carnet("audit oci:src -o files=f.ndjson -o files=g.ndjson").ok();
    let listed = std::fs::read_to_string(desk.path("f.ndjson")).unwrap();
    let lines: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| &line["path"]).collect::<Vec<_>>(), ["hello", "other"]);
    assert_eq!(std::fs::read_to_string(desk.path("g.ndjson")).unwrap(), listed);
    assert_eq!(desk.carnet("audit oci:src -o files").ok().stdout, listed);
    assert_eq!(hidden(), 0);
    desk.carnet("audit oci:src -o files=no/folder/f.ndjson").ends(1).says(&["no/folder/f.ndjson"]);
}

#[test]
fn packages_that_an_upper_layer_hides_are_listed_if_all_layers_are_asked_for() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let both =
        [STATUS, b"Package: b\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2\n\n"].concat();
    let left_pad = br#"{"name":"left-pad","version":"1.3.0"}"#;
    let package = "usr/lib/node_modules/left-pad/package.json";
    let base =
        tar_of(&[("var/lib/dpkg/status", 0o644, &both), (package, 0o644, left_pad), ("k", 0o600, KEY)]);
    let upper = tar_of(&[
        ("var/lib/dpkg/status", 0o644, STATUS),
        ("usr/lib/node_modules/.wh.left-pad", 0o644, b""),
        (".wh.k", 0o644, b""),
    ]);
    image(&mut source, "app:1", &[base.clone(), upper]);
    let audit = |options: &str| {
        let report = desk.carnet(&format!("audit oci:src -o json {options}")).ok().json();
        let packages = report["packages"].as_array().unwrap().iter().map(|one| {
            let images = |key: &str| one[key].as_array().unwrap().len();
            (one["purl"].as_str().unwrap().to_owned(), images("images"), images("hidden_in"))
        });
        (packages.collect::<Vec<_>>(), report.clone())
    };
    let shown = ("pkg:deb/a@1?arch=amd64".to_owned(), 1, 0);
    let (packages, report) = audit("");
    assert_eq!(packages, std::slice::from_ref(&shown));
    assert_eq!(report["basis"]["scope"], "squashed");
    let (packages, report) = audit("--scope all-layers");
    let hidden = ["pkg:deb/b@2?arch=amd64", "pkg:npm/left-pad@1.3.0"].map(|purl| (purl.to_owned(), 0, 1));
    assert_eq!(packages, [&[shown][..], &hidden].concat());
    assert_eq!(report["packages"][1]["layer"], Digest::sha256(&base).to_string());
    assert_eq!((&report["totals"]["packages"], &report["images"][0]["packages"]), (&json!(1), &json!(1)));
    assert_eq!(report["basis"]["scope"], "all-layers");
    // Secrets of all layers are found in any case, and the hidden ones are marked.
    assert_eq!((found(&report, "secret").len(), found(&report, "hidden-secret").len()), (1, 1));
    desk.carnet("audit oci:src --scope all-layers").ok().says(&["(hidden)"]);
    desk.carnet("audit oci:src --scope some").ends(2).says(&["squashed, all-layers"]);
}
