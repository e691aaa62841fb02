//! What `carnet diff` says of two releases.

use serde_json::{Value, json};

use super::contents::tar_of;
use crate::behaviour::layouts::{Source, digest_of, on, with};
use crate::behaviour::support::{Desk, noise};
use crate::registries::server::Registry;
use crate::registries::station::Station;

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A Debian status file with these packages and versions.
fn status(packages: &[(&str, &str)]) -> String {
    let stanza = |(name, version): &(&str, &str)| {
        format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n")
    };
    packages.iter().map(stanza).collect()
}

/// An image with these layers and these settings beside the usual ones.
fn image(source: &Source, layers: &[Vec<u8>], config: &Value) -> Value {
    let diff_ids: Vec<String> =
        layers.iter().map(|layer| carnet::oci::Digest::sha256(layer).to_string()).collect();
    let usual = json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": diff_ids } });
    let config = with(usual, &json!({ "config": config }));
    let config = source.blob("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
    let layers: Vec<Value> = layers.iter().map(|layer| source.blob(LAYER, layer)).collect();
    source.manifest(&config, &layers)
}

const KEY: &[u8] = b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIB0VCBGVcBdJZ7pGZ4Jxq3Yw8nqO7Y6lm5C8gN4dS2mR\n-----END PRIVATE KEY-----\n";

/// The lower layer, which both releases share.
fn base() -> Vec<u8> {
    tar_of(&[("etc/os-release", 0o644, b"ID=debian\nVERSION_ID=\"12\"\n"), ("etc/motd", 0o644, b"hello\n")])
}

/// Two releases in the layouts `old` and `new`. A package is upgraded, one downgraded, a file turned set-uid, a key added, and
/// the tag moves with it.
fn releases(old: &mut Source, new: &mut Source) -> (Value, Value) {
    let packages = |libc, zlib| status(&[("bash", "5.2-1"), ("libc6", libc), ("zlib1g", zlib)]);
    let status = ("var/lib/dpkg/status", 0o644);
    let user = json!({ "User": "app" });
    let (before, after) = (packages("2.36-9", "1:1.3-1"), packages("2.36-10", "1:1.2.13-2"));
    let upper = tar_of(&[
        (status.0, status.1, before.as_bytes()),
        ("usr/bin/tool", 0o755, b"tool"),
        ("usr/bin/other", 0o755, b"other"),
    ]);
    let one = image(old, &[base(), upper], &user);
    old.tag(&one, "team/app:1");
    let upper = tar_of(&[
        (status.0, status.1, after.as_bytes()),
        ("usr/bin/tool", 0o4755, b"tool"),
        ("usr/bin/other", 0o755, b"other"),
        ("etc/key.pem", 0o600, KEY),
    ]);
    let other = image(new, &[base(), upper], &user);
    new.tag(&other, "team/app:1");
    (one, other)
}

fn expected(one: &Value, other: &Value) -> Vec<String> {
    vec![
        format!("moved       artifact     team/app:1: {} -> {}", digest_of(one), digest_of(other)),
        "upgraded    package      libc6 (deb): 2.36-9 -> 2.36-10".to_owned(),
        "downgraded  package      zlib1g (deb): 1:1.3-1 -> 1:1.2.13-2".to_owned(),
        format!("new         file         etc/key.pem: file, 0600, 0:0, {} bytes (secret)", KEY.len()),
        "changed     file         usr/bin/tool: 0755 -> 4755 (setuid)".to_owned(),
    ]
}

#[test]
fn two_releases_differ_in_exactly_five_lines() {
    let desk = Desk::new();
    let (mut old, mut new) = (desk.source("old"), desk.source("new"));
    let (one, other) = releases(&mut old, &mut new);
    let pack = |name: &str| {
        desk.carnet(&format!(
            "pack oci:{name} --to {name}.out --name {name} --key k.key.pem --chunk-size 64KiB"
        ))
        .ok();
    };
    pack("old");
    pack("new");
    let run = desk.carnet("diff --pub k.pub.pem old.out -- new.out").ok();
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines, expected(&one, &other));
    // The layer, the database of packages and both findings follow.
    assert_eq!(run.stderr, "5 more changes follow from these; -v lists them\n");
    let all = desk.carnet("diff --pub k.pub.pem -v old.out -- new.out").ok().stdout;
    assert_eq!(all.lines().count(), 10, "{all}");
    for words in [
        "gone        layer",
        "new         layer",
        "file         var/lib/dpkg/status",
        "new         finding      setuid usr/bin/tool",
    ] {
        assert!(all.contains(words), "no {words:?} in {all}");
    }
    // A layout and a bundle are compared the same way.
    for sides in ["oci:old -- new.out", "old.out -- oci:new", "oci:old -- oci:new"] {
        let lines = desk.carnet(&format!("diff --pub k.pub.pem {sides}")).ok().stdout;
        assert_eq!(lines.lines().collect::<Vec<_>>(), expected(&one, &other), "{sides}");
    }
    desk.carnet("diff --pub k.pub.pem --exit-code old.out -- new.out").ends(5);
    let back = desk.carnet("diff --pub k.pub.pem new.out -- old.out --jobs").ends(2);
    back.says(&["options stand before the --"]);
}

#[test]
fn a_bundle_does_not_differ_from_itself() {
    let desk = Desk::new();
    let (mut old, mut new) = (desk.source("old"), desk.source("new"));
    releases(&mut old, &mut new);
    desk.pack("oci:new").ok();
    for sides in ["out -- out", "out -- oci:new", "oci:old -- oci:old"] {
        let run = desk.carnet(&format!("diff --pub k.pub.pem --exit-code -v {sides}")).ok();
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{sides}");
        let report = desk.carnet(&format!("diff --pub k.pub.pem --json {sides}")).ok().json();
        assert_eq!((&report["changes"], &report["not_compared"]), (&json!([]), &json!([])));
    }
    // Without trust it says so, and compares all the same.
    let run = desk.carnet("diff out -- out").ok().says(&["bundle b: NOT VERIFIED"]);
    assert_eq!(run.stdout, "");
    desk.carnet("keygen other").ok();
    desk.carnet("diff --pub other.pub.pem out -- oci:new").ends(3).says(&["not compared: old: bundle "]);
}

#[test]
fn a_registry_is_compared_with_a_bundle() {
    let station = Station::new();
    let (mut old, mut new) = (station.source("old"), station.source("new"));
    let (one, other) = releases(&mut old, &mut new);
    let registry = Registry::start();
    registry.seed(old.path(), "mirror/team/app");
    station.pack("oci:new").ok();
    let old = format!("docker://{}/mirror/team/app:1", registry.name());
    let run = station.carnet(&format!("diff --pub k.pub.pem {old} -- out")).ok();
    let mut expected = expected(&one, &other);
    // The only artifact of each side, under another name.
    let name = format!("{}/mirror/team/app:1", registry.name());
    expected[0] = format!(
        "moved       artifact     team/app:1: {name} {} -> team/app:1 {}",
        digest_of(&one),
        digest_of(&other)
    );
    assert_eq!(run.stdout.lines().collect::<Vec<_>>(), expected);
    assert!(registry.log().iter().all(|exchange| exchange.method == "GET" || exchange.method == "HEAD"));
}

#[test]
fn json_and_csv_have_what_follows_and_the_page_has_the_changes() {
    let desk = Desk::new();
    let (mut old, mut new) = (desk.source("old"), desk.source("new"));
    releases(&mut old, &mut new);
    desk.carnet("diff -o json=d.json -o csv=d.csv -o html=d.html oci:old -- oci:new").ok();
    let report: Value = serde_json::from_slice(&std::fs::read(desk.path("d.json")).unwrap()).unwrap();
    assert_eq!(report["schema"], "carnet-diff v1");
    assert_eq!(report["images"], json!(["team/app:1"]));
    let changes = report["changes"].as_array().unwrap();
    let leading = |change: &&Value| change["follows"] == false;
    assert_eq!((changes.len(), changes.iter().filter(leading).count()), (10, 5));
    let key = changes.iter().find(|change| change["what"] == "etc/key.pem").unwrap();
    assert_eq!(
        (&key["how"], &key["matter"], &key["rules"]),
        (&json!("new"), &json!("file"), &json!(["secret"]))
    );
    assert_eq!(key["images"], json!(["team/app:1"]));
    let table = std::fs::read_to_string(desk.path("d.csv")).unwrap();
    assert!(table.starts_with("how,matter,what,before,after,images,rules,follows\r\n"), "{table}");
    assert_eq!(table.lines().count(), 11);
    let page = std::fs::read_to_string(desk.path("d.html")).unwrap();
    for words in ["Against the last bundle", "Compared with ", "file usr/bin/tool (setuid)", "5 changes: "] {
        assert!(page.contains(words), "no {words:?} in the page");
    }
    let one_thread = desk.carnet("diff --json --jobs 1 oci:old -- oci:new").ok().json();
    assert_eq!(one_thread["changes"], report["changes"]);
    desk.carnet("diff -o json -o csv oci:old -- oci:new").ends(2).says(&["only one format"]);
    desk.carnet("diff -o sarif oci:old -- oci:new").ends(2).says(&["expected text, json, html or csv"]);
    desk.carnet("diff oci:old").ends(2);
}

#[test]
fn an_audit_tells_the_changes_against_an_earlier_bundle() {
    let desk = Desk::new();
    let (mut old, mut new) = (desk.source("old"), desk.source("new"));
    let (one, other) = releases(&mut old, &mut new);
    desk.carnet("pack oci:old --to last --name last --key k.key.pem").ok();
    let run = desk.carnet("audit --pub k.pub.pem oci:new --against last -o text -o html=r.html").ok();
    let expected = format!("\nAGAINST last: 5 changes\n{}\n", expected(&one, &other).join("\n"));
    assert!(run.stdout.ends_with(&expected), "{}", run.stdout);
    let page = std::fs::read_to_string(desk.path("r.html")).unwrap();
    assert!(page.contains("Compared with last.") && page.contains("usr/bin/tool (setuid)"));
    desk.carnet("keygen other").ok();
    desk.carnet("audit --pub other.pub.pem oci:new --against last").ends(3).says(&["cannot be compared"]);
}

/// The lines of a comparison of two layouts.
fn lines(desk: &Desk) -> Vec<String> {
    let run = desk.carnet("diff oci:old -- oci:new").ok();
    run.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn settings_signatures_and_platforms_are_compared() {
    let desk = Desk::new();
    let (mut old, mut new) = (desk.source("old"), desk.source("new"));
    let layers = [base()];
    let one = image(&old, &layers, &json!({ "User": "app", "Env": ["A=1", "B=2"], "Labels": { "l": "1" } }));
    let other = image(
        &new,
        &layers,
        &json!({ "Entrypoint": ["/run", "it"], "Env": ["A=2", "C=3"], "Labels": { "l": "1" }, "ExposedPorts": { "80/tcp": {} } }),
    );
    let (arm, more) = (old.image(7, &[100]), new.image(8, &[100]));
    let before = old.index(&[on("linux/amd64", &one), on("linux/arm64", &arm)]);
    let after = new.index(&[on("linux/amd64", &other), on("linux/riscv64", &more)]);
    old.tag(&before, "team/app:1.0");
    new.tag(&after, "team/app:1.1");
    let signature = old.referrer(&before, "application/vnd.cncf.notary.signature", "{}");
    old.list(&signature);
    let sbom =
        json!({ "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "x", "packages": [] });
    let sbom = new.referrer(&after, "application/spdx+json", &sbom.to_string());
    new.list(&sbom);
    old.tag(&one, "left:1");
    new.tag(&other, "came/in:1");
    new.tag(&other, "second:1");
    let lines = lines(&desk);
    let moved = format!(
        "moved       artifact     team/app:1.1: team/app:1.0 {} -> team/app:1.1 {}",
        digest_of(&before),
        digest_of(&after)
    );
    let image = " in team/app:1.1 (linux/amd64)";
    let expected = [
        format!("new         artifact     came/in:1: {}", digest_of(&other)),
        format!("gone        artifact     left:1: {}", digest_of(&one)),
        format!("new         artifact     second:1: {}", digest_of(&other)),
        moved,
        format!("gone        platform     linux/arm64: {} in team/app:1.1", digest_of(&arm)),
        format!("new         platform     linux/riscv64: {} in team/app:1.1", digest_of(&more)),
        format!("new         setting      entrypoint: [\"/run\",\"it\"]{image}"),
        format!("changed     setting      env A: 1 -> 2{image}"),
        format!("gone        setting      env B: 2{image}"),
        format!("new         setting      env C: 3{image}"),
        format!("new         setting      exposed-ports: 80/tcp{image}"),
        format!("gone        setting      user: app{image}"),
        "gone        signature    notation, unverifiable in team/app:1.1".to_owned(),
        "new         sbom         SPDX 2.3 in team/app:1.1".to_owned(),
    ];
    for line in &expected {
        assert!(lines.contains(line), "no {line:?} in {lines:#?}");
    }
    // A finding that has no file stands for itself.
    assert!(lines.iter().any(|line| line.starts_with("new         finding      runs-as-root")), "{lines:#?}");
    assert_eq!(lines.len(), expected.len() + 1, "{lines:#?}");
}

/// A file that only moved to another layer has not changed; one whose content did has.
#[test]
fn layers_that_are_built_anew_show_the_files_that_differ() {
    let desk = Desk::new();
    let (mut old, mut new) = (desk.source("old"), desk.source("new"));
    let (same, was, is) = (noise(1, 5_000), noise(2, 5_000), noise(3, 5_000));
    let both = tar_of(&[("bin/same", 0o755, &same), ("bin/tool", 0o755, &was)]);
    let one = image(&old, &[both], &json!({}));
    old.tag(&one, "app:1");
    let apart = [tar_of(&[("bin/same", 0o755, &same)]), tar_of(&[("bin/tool", 0o755, &is)])];
    let other = image(&new, &apart, &json!({}));
    new.tag(&other, "app:1");
    let lines = lines(&desk);
    let sum = |bytes: &[u8]| carnet::oci::Digest::sha256(bytes).to_string()[..19].to_owned();
    let changed = format!("changed     file         bin/tool: {} -> {}", sum(&was), sum(&is));
    assert_eq!(lines[1..], [changed], "{lines:#?}");

    // Packed another way, with the same files: then the layers are all there is to say.
    let again = tar_of(&[("bin/tool", 0o755, &was), ("bin/same", 0o755, &same)]);
    let third = image(&new, &[again], &json!({}));
    new.tag(&third, "app:1");
    let mut third = desk.source("third");
    let again = tar_of(&[("bin/tool", 0o755, &was), ("bin/same", 0o755, &same)]);
    let one = image(&third, &[again], &json!({}));
    third.tag(&one, "app:1");
    let run = desk.carnet("diff oci:old -- oci:third").ok();
    let words: Vec<&str> = run.stdout.lines().map(|line| line[..23].trim_end()).collect();
    assert_eq!(words, ["moved       artifact", "gone        layer", "new         layer"], "{}", run.stdout);
}

#[test]
fn what_was_not_seen_is_said() {
    let desk = Desk::new();
    let (mut old, mut new) = (desk.source("old"), desk.source("new"));
    let (one, other) = releases(&mut old, &mut new);
    let broken = new.blob_path(&json!({ "digest": layer_of(&new, &other) }));
    let mut bytes = std::fs::read(&broken).unwrap();
    bytes.truncate(700);
    std::fs::write(&broken, bytes).unwrap();
    let run =
        desk.carnet("diff --exit-code oci:old -- oci:new").ends(4).says(&["not compared: new: sha256:"]);
    assert!(run.stdout.contains("moved       artifact     team/app:1"), "{}", run.stdout);
    let _ = one;
}

/// The digest of the last layer of an image.
fn layer_of(source: &Source, manifest: &Value) -> String {
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(source.blob_path(manifest)).unwrap()).unwrap();
    manifest["layers"].as_array().unwrap().last().unwrap()["digest"].as_str().unwrap().to_owned()
}
