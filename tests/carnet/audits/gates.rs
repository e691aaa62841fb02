//! Policies where content moves: nothing is packed or pushed that they deny.

use serde_json::{Value, json};

use super::contents::{image, tar_of};
use crate::behaviour::layouts::on;
use crate::behaviour::support::{assert_same_layout, noise, signal, wait_for};
use crate::registries::server::Registry;
use crate::registries::station::Station;

const SETUID: u32 = 0o4755;
const DENIES: &str = "version = 1\nallow-setuid = false\n";
const ALLOWS: &str = "version = 1\n";

/// A layout with an image of two layers; one has an executable that runs with the rights of its owner.
fn station() -> (Station, Value) {
    let station = Station::new();
    let mut source = station.source("src");
    let layers = [tar_of(&[("bin/su", SETUID, b"x")]), tar_of(&[("etc/motd", 0o644, b"hello")])];
    let image = image(&mut source, "app:1", &layers);
    station.write("deny.toml", DENIES);
    station.write("allow.toml", ALLOWS);
    (station, image)
}

#[test]
fn what_a_policy_denies_is_not_packed() {
    let (station, _) = station();
    let run = station.pack("oci:src --policy deny.toml").ends(5);
    assert_eq!(run.stdout, "");
    let words =
        ["error[denied-by-policy]: the policy objects: 1 reason; nothing was written", "bin/su", "--ignore"];
    let run = run.says(&words).says(&["  allow-setuid: "]);
    assert!(run.stderr.contains("runs as user 0"), "{}", run.stderr);
    assert!(!station.path("out").exists());
    let denied = station.pack("oci:src --policy deny.toml --json").ends(5).json();
    assert_eq!(denied["error"]["code"], "denied-by-policy");
    assert_eq!(denied["policy"]["allowed"], false);
    let denials = denied["policy"]["denials"].as_array().unwrap();
    assert_eq!(denials.len(), 1);
    assert_eq!(denials[0]["rule"], "allow-setuid");
    // What one file denies is denied, also when nothing would be written anyway.
    station.pack("oci:src --policy allow.toml --policy deny.toml --dry-run").ends(5);
    assert!(!station.path("out").exists());

    let ignored = format!(
        "version = 1\n[[ignore]]\nrule = \"allow-setuid\"\nplace = {}\nreason = \"needed\"\nuntil = \"2099-01-01\"\n",
        denials[0]["place"]
    );
    station.write("ignore.toml", &ignored);
    station.pack("oci:src --policy deny.toml --ignore ignore.toml").ok();
    station.carnet("verify out --pub k.pub.pem").ok();
}

#[test]
fn a_policy_changes_nothing_of_what_it_allows() {
    let (station, _) = station();
    station.pack("oci:src").ok();
    let without = station.desk.files("out");
    std::fs::remove_dir_all(station.path("out")).unwrap();
    station.pack("oci:src --policy allow.toml").ok();
    assert_eq!(station.desk.files("out"), without);
}

#[test]
fn what_a_policy_denies_is_not_pushed() {
    let (station, _) = station();
    station.pack("oci:src").ok();
    let registry = Registry::start();
    let host = registry.name();
    for options in ["", "--dry-run", "--receipt r.json", "--artifact app:1"] {
        let options = format!("--policy deny.toml {options}");
        station.import(&host, &options).ends(5).says(&["denied-by-policy", "bin/su"]);
        assert_eq!(registry.log().len(), 0, "{options}: the registry was asked");
        assert!(!station.path("r.json").exists() && !station.path("r.json.txt").exists());
    }
    let denied = station.import(&host, "--policy deny.toml --json").ends(5).json();
    assert_eq!(denied["policy"]["denials"][0]["rule"], "allow-setuid");
    assert_eq!(registry.repositories(), Vec::<String>::new());
    station.import(&host, "--policy allow.toml").ok();
    assert_eq!(registry.repositories(), ["app"]);
}

/// What is not trusted or not whole comes before what is denied.
#[test]
fn a_damaged_bundle_is_damaged_first() {
    let (station, _) = station();
    let mut source = station.source("large");
    let noise = noise(5, 100_000);
    image(&mut source, "app:1", &[tar_of(&[("bin/su", SETUID, b"x"), ("noise", 0o644, &noise)])]);
    station.pack("oci:large --chunk-size 64KiB").ok();
    let registry = Registry::start();
    station.carnet("keygen other").ok();
    let to = format!("--to docker://{} --policy deny.toml", registry.name());
    station.carnet(&format!("import out --pub other.pub.pem {to}")).ends(3);
    let data = station.path("out/b_00001.tar");
    let mut bytes = std::fs::read(&data).unwrap();
    let part = &noise[1_000..1_032];
    let at =
        bytes.windows(part.len()).position(|window| window == part).expect("the first slice of the layer");
    bytes[at] ^= 1;
    std::fs::write(&data, bytes).unwrap();
    station.import(&registry.name(), "--policy deny.toml").ends(4).says(&["blob-mismatch"]);
    std::fs::remove_file(&data).unwrap();
    station.import(&registry.name(), "--policy deny.toml").ends(4);
    assert_eq!(registry.log().len(), 0);
}

/// The artifacts, platforms and referrers that are judged are those that would be packed, under the names that they get.
#[test]
fn what_is_judged_is_what_is_packed() {
    let station = Station::new();
    let mut source = station.source("src");
    let good = image(&mut source, "good:1", &[tar_of(&[("etc/motd", 0o644, b"hello")])]);
    let bad = image(&mut source, "bad:1", &[tar_of(&[("bin/su", SETUID, b"x")])]);
    let index = source.index(&[on("linux/arm64/v8", &good), on("linux/amd64", &bad)]);
    source.tag(&index, "both:1");
    let sbom =
        json!({ "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "x", "packages": [] });
    let sbom = source.referrer(&good, "application/spdx+json", &sbom.to_string());
    source.list(&sbom);
    station.write("deny.toml", DENIES);
    let dry = |options: &str| station.pack(&format!("{options} --dry-run --policy deny.toml"));
    dry("oci:src").ends(5);
    dry("oci:src:good:1").ok();
    dry("oci:src:both:1").ends(5);
    // Another spelling of the same platform.
    dry("oci:src:both:1 --platform linux/aarch64").ok();
    dry("oci:src:both:1 --platform linux/x86_64").ends(5);

    station.write("names.toml", "version = 1\nallowed-artifacts = [\"team/*\"]\n");
    station.pack("oci:src:good:1 --dry-run --policy names.toml").ends(5);
    station.pack("oci:src:good:1=team/good:1 --dry-run --policy names.toml").ok();

    station.write("boms.toml", "version = 1\nrequired-boms = 1\n");
    station.pack("oci:src:good:1 --dry-run --policy boms.toml").ok();
    station.pack("oci:src:good:1 --dry-run --policy boms.toml --no-referrers").ends(5);
}

/// A tag that moves after the audit must not bring in what was not judged: it is asked for once.
#[test]
fn a_tag_is_asked_for_once() {
    let (station, image) = station();
    let mut source = station.source("src");
    let signature = source.referrer(&image, "application/vnd.example", "{}");
    source.list(&signature);
    source.tag(&image, "app:1");
    let registry = Registry::start();
    registry.seed(source.path(), "team/app");
    let asked = |part: &str| registry.log().iter().filter(|exchange| exchange.path().contains(part)).count();
    station.pack(&format!("docker://{}/team/app:1 --dry-run", registry.name())).ok();
    let (tags, referrers) = (asked("/manifests/1"), asked("/referrers/"));
    assert!(tags > 0 && referrers > 0);
    station.pack(&format!("docker://{}/team/app:1 --policy allow.toml", registry.name())).ok();
    assert_eq!((asked("/manifests/1"), asked("/referrers/")), (2 * tags, 2 * referrers));
    station.carnet("verify out --pub k.pub.pem").ok();
}

/// What a VEX statement excuses does not count here either, and the rules of the house find secrets.
#[test]
fn a_gate_takes_vex_and_rules_for_secrets() {
    let station = Station::new();
    let mut source = station.source("src");
    let status = b"Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n";
    let layer = tar_of(&[
        ("etc/os-release", 0o644, b"ID=debian\nVERSION_ID=\"12\"\n"),
        ("var/lib/dpkg/status", 0o644, status),
        ("etc/app.conf", 0o644, b"id = HOUSE-123456\n"),
    ]);
    image(&mut source, "app:1", &[layer]);
    let record = json!({ "id": "CVE-2026-1", "modified": "2026-01-01T00:00:00Z", "summary": "bad",
        "affected": [{ "package": { "ecosystem": "Debian:12", "name": "a" },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }] }] }] });
    station.write("osv.json", &record.to_string());
    station.write("policy.toml", "version = 1\ndenied-findings = [\"advisory\"]\n");
    let statement = json!({ "@context": "https://openvex.dev/ns/v0.2.0", "@id": "x", "author": "a",
        "timestamp": "2026-01-01T00:00:00Z", "version": 1, "statements": [{
            "vulnerability": { "name": "CVE-2026-1" }, "products": [{ "@id": "pkg:deb/debian/a@1" }],
            "status": "not_affected", "justification": "vulnerable_code_not_present" }] });
    station.write("vex.json", &statement.to_string());
    station.write("house.toml", "[[rules]]\nid = \"house-id\"\nregex = '''HOUSE-[0-9]{6}'''\n");
    let registry = Registry::start();
    let needs = "--policy policy.toml --advisories osv.json";
    station.pack(&format!("oci:src {needs}")).ends(5).says(&["denied-findings", "CVE-2026-1"]);
    station.pack(&format!("oci:src {needs} --vex vex.json --secret-rules house.toml")).ends(5).says(&[
        "1 reason",
        "allow-secrets",
        "etc/app.conf",
    ]);
    station.pack(&format!("oci:src {needs} --vex vex.json")).ok();
    station.import(&registry.name(), needs).ends(5);
    station.import(&registry.name(), &format!("{needs} --vex vex.json --secret-rules house.toml")).ends(5);
    assert_eq!(registry.log().len(), 0);
    station.import(&registry.name(), &format!("{needs} --vex vex.json")).ok();
    // Each of them is about a policy.
    for option in ["--secret-rules house.toml", "--advisories osv.json", "--cosign-key k", "--notation-ca c"]
    {
        station.pack(&format!("oci:src {option}")).ends(2).says(&["--policy"]);
    }
    station.pack("oci:src --policy policy.toml --vex vex.json").ends(2).says(&["--advisories"]);
}

/// `receive` judges what arrived once, and again when the policy or the bundle changes.
#[test]
fn what_a_policy_denies_is_not_received() {
    let (station, _) = station();
    station.pack("oci:src").ok();
    let files = station.desk.files("out");
    let receive = "receive out --pub k.pub.pem --policy house.toml --then unpack oci:back";
    station.write("house.toml", DENIES);
    station.carnet(&format!("{receive} --once --delete-source")).ends(5).says(&[
        "the bundle b is not used: the policy objects: 1 reason; the first: allow-setuid: ",
        "bin/su",
    ]);
    assert!(!station.path("back").exists());
    assert_eq!(station.desk.files("out"), files);
    // A policy that cannot be read lets nothing pass.
    station.write("house.toml", "version = 1\nno-such-rule = true\n");
    station.carnet(&format!("{receive} --once")).ends(2).says(&["no-such-rule"]);
    assert!(!station.path("back").exists());

    station.write("house.toml", DENIES);
    let log = std::fs::File::create(station.path("log")).unwrap();
    let mut command = station.desk.command(&format!("{receive} --poll 1s"));
    let mut child = command.stderr(log.try_clone().unwrap()).stdout(log).spawn().unwrap();
    let said = |words: &str| std::fs::read_to_string(station.path("log")).unwrap().matches(words).count();
    assert!(wait_for(&mut child, || said("is not used") == 1));
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(said("is not used"), 1, "it is told once");
    station.write("house.toml", ALLOWS);
    assert!(wait_for(&mut child, || said("the bundle b is done") == 1));
    signal(&child, "TERM");
    assert!(child.wait().unwrap().success());
    assert_same_layout(&station.path("src"), &station.path("back"));
}
