//! What an audit says of layers, packages and what travels with them.

use serde_json::{Value, json};

use crate::behaviour::layouts::{MANIFEST, Source, digest_of, plain};
use crate::behaviour::support::Desk;

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A tar with these entries: path, mode, content.
pub(crate) fn tar_of(entries: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, mode, content) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(*mode);
        header.set_mtime(0);
        builder.append_data(&mut header, path, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Makes an image of these layers and tags it.
pub(crate) fn image(source: &mut Source, name: &str, layers: &[Vec<u8>]) -> Value {
    let diff_ids: Vec<String> =
        layers.iter().map(|layer| carnet::oci::Digest::sha256(layer).to_string()).collect();
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": { "User": "app", "Env": ["API_TOKEN=abc", "A=b"] },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let config = source.blob("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
    let layers: Vec<Value> = layers.iter().map(|layer| source.blob(LAYER, layer)).collect();
    let manifest = source.manifest(&config, &layers);
    source.tag(&manifest, name);
    manifest
}

const STATUS: &[u8] =
    b"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc\nVersion: 2.36-9\n\n";
const RELEASE: &[u8] = b"ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n";
const KEY: &[u8] = b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIB0VCBGVcBdJZ7pGZ4Jxq3Yw8nqO7Y6lm5C8gN4dS2mR\n-----END PRIVATE KEY-----\n";

fn desk() -> (Desk, Source, Value) {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let base = tar_of(&[
        ("etc/os-release", 0o644, RELEASE),
        ("var/lib/dpkg/status", 0o644, STATUS),
        ("usr/bin/su", 0o4755, b"x"),
        ("root/key.pem", 0o600, KEY),
    ]);
    let upper = tar_of(&[
        ("root/.wh.key.pem", 0o644, b""),
        (
            "usr/lib/node_modules/left-pad/package.json",
            0o644,
            br#"{"name":"left-pad","version":"1.3.0","license":"WTFPL"}"#,
        ),
    ]);
    let image = image(&mut source, "team/app:1", &[base, upper]);
    (desk, source, image)
}

fn rules(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

#[test]
fn a_bundle_and_its_source_have_the_same_content() {
    let (desk, ..) = desk();
    desk.pack("oci:src --chunk-size 64KiB").ok();
    let of_bundle = desk.carnet("audit out --pub k.pub.pem --at 2026-01-01T00:00:00Z -o json").ok().json();
    let of_source = desk.carnet("audit oci:src --at 2026-01-01T00:00:00Z -o json").ok().json();
    for part in ["artifacts", "images", "layers", "packages", "findings", "totals", "coverage"] {
        assert_eq!(of_bundle[part], of_source[part], "{part}");
    }
    let purls: Vec<&str> =
        of_bundle["packages"].as_array().unwrap().iter().map(|one| one["purl"].as_str().unwrap()).collect();
    assert_eq!(purls, ["pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12", "pkg:npm/left-pad@1.3.0"]);
    assert_eq!(of_bundle["images"][0]["system"], "Debian 12");
    assert_eq!(of_bundle["coverage"]["complete"], true);
    let found = rules(&of_bundle);
    assert!(found.contains(&"setuid") && found.contains(&"secret"), "{found:?}");
    let text = of_bundle.to_string();
    assert!(!text.contains("MC4CAQAw") && !text.contains("=abc"), "a secret is in the report");
    let again = desk.carnet("audit out --pub k.pub.pem --at 2026-01-01T00:00:00Z -o json --jobs 1").ok();
    assert_eq!(again.json(), of_bundle);
}

#[test]
fn without_trust_it_says_so_and_a_strange_key_shows_nothing() {
    let (desk, ..) = desk();
    desk.pack("oci:src").ok();
    desk.carnet("audit out").ok().says(&["NOT VERIFIED"]);
    desk.carnet("keygen other").ok();
    let run = desk.carnet("audit out --pub other.pub.pem").ends(3);
    assert!(!run.stdout.contains("libc6"), "{}", run.stdout);
}

#[test]
fn what_is_missing_is_named_and_the_rest_is_audited() {
    let (desk, mut source, _) = desk();
    let more = tar_of(&[("big", 0o644, &crate::behaviour::support::noise(3, 300_000))]);
    image(&mut source, "team/big:1", &[more]);
    desk.pack("oci:src --chunk-size 64KiB").ok();
    // The first chunk of data has a part of the largest layer only.
    std::fs::remove_file(desk.path("out/b_00001.tar")).unwrap();
    let report = desk.carnet("audit out --pub k.pub.pem -o json").ends(4).json();
    assert_eq!(report["bundles"][0]["missing"].as_array().unwrap().len(), 1);
    assert_eq!(report["coverage"]["complete"], false);
    assert_eq!(report["coverage"]["unread"].as_array().unwrap().len(), 1);
    assert!(rules(&report).contains(&"blob-absent"));
}

#[test]
fn an_sbom_is_held_against_the_image() {
    let (desk, mut source, image) = desk();
    let sbom = json!({
        "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "x", "dataLicense": "CC0-1.0",
        "documentNamespace": "https://example.com/x", "creationInfo": { "created": "2026-01-01T00:00:00Z", "creators": ["Tool: t"] },
        "packages": [
            { "name": "libc6", "SPDXID": "SPDXRef-a", "versionInfo": "2.36-8", "downloadLocation": "NOASSERTION",
              "externalRefs": [{ "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:deb/debian/libc6@2.36-8?arch=amd64" }] },
            { "name": "gone", "SPDXID": "SPDXRef-b", "versionInfo": "1", "downloadLocation": "NOASSERTION",
              "externalRefs": [{ "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:npm/gone@1" }] },
        ],
    });
    let referrer = source.referrer(&image, "application/spdx+json", &sbom.to_string());
    source.list(&referrer);
    let report = desk.carnet("audit oci:src -o json").ok().json();
    let bom = &report["boms"][0];
    assert_eq!(bom["of"], digest_of(&image));
    assert_eq!(bom["only_there"], json!(["pkg:npm/gone@1"]));
    assert_eq!(bom["only_here"], json!(["pkg:npm/left-pad@1.3.0"]));
    assert_eq!(
        (&bom["version_differs"][0]["there"], &bom["version_differs"][0]["here"]),
        (&json!("2.36-8"), &json!("2.36-9"))
    );
    for rule in ["bom-only-there", "bom-only-here", "bom-version-differs"] {
        assert!(rules(&report).contains(&rule), "{rule}");
    }
}

#[test]
fn advisories_are_matched_and_without_them_nothing_is_claimed() {
    let (desk, ..) = desk();
    let report = desk.carnet("audit oci:src -o json").ok().json();
    assert_eq!((&report["coverage"]["has_advisories"], &report["advisories"]), (&json!(false), &json!([])));
    let record = |id: &str, fixed: &str| {
        json!({ "id": id, "modified": "2026-01-01T00:00:00Z", "summary": "bad",
            "affected": [{ "package": { "ecosystem": "Debian:12", "name": "glibc" },
                "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": fixed }] }] }] })
    };
    std::fs::create_dir(desk.path("osv")).unwrap();
    for (id, fixed) in [("CVE-2026-1", "2.36-10"), ("CVE-2026-2", "2.36-9"), ("CVE-2026-3", "2.36-8")] {
        std::fs::write(desk.path(format!("osv/{id}.json")), record(id, fixed).to_string()).unwrap();
    }
    let report = desk.carnet("audit oci:src --advisories osv -o json").ok().json();
    let ids: Vec<&str> =
        report["advisories"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["CVE-2026-1"]);
    assert_eq!(report["basis"]["advisories"][0]["records"], 3);
    assert_eq!(report["coverage"]["kinds_without_advisories"], json!(["npm"]));
}

/// A layer that expands without end is stopped, and hides no other.
#[test]
fn a_bomb_is_stopped() {
    let (desk, mut source, _) = desk();
    desk.sh("head -c 400M /dev/zero | gzip -1 > bomb.gz").ok();
    let bomb = std::fs::read(desk.path("bomb.gz")).unwrap();
    let config =
        source.blob("application/vnd.oci.image.config.v1+json", br#"{"rootfs":{"diff_ids":["sha256:00"]}}"#);
    let layer = source.blob("application/vnd.oci.image.layer.v1.tar+gzip", &bomb);
    let manifest = source.manifest(&config, &[layer]);
    source.tag(&manifest, "bomb:1");
    let report = desk.carnet("audit oci:src -o json").ok().json();
    assert!(rules(&report).contains(&"layer-ratio"), "{:?}", rules(&report));
    assert_eq!(report["coverage"]["limits_hit"][0]["limit"], "layer-ratio");
    assert_eq!(report["packages"].as_array().unwrap().len(), 2);
}

#[test]
fn every_format_is_written_whole_and_only_one_to_stdout() {
    let (desk, ..) = desk();
    desk.carnet("audit oci:src -o json=r.json -o csv=p.csv -o findings=f.csv -o sarif=s.json -o record=r.txt -o files=f.ndjson -o html=r.html").ok();
    for file in ["r.json", "p.csv", "f.csv", "s.json", "r.txt", "f.ndjson", "r.html"] {
        assert!(std::fs::metadata(desk.path(file)).unwrap().len() > 50, "{file}");
    }
    let lines = std::fs::read_to_string(desk.path("f.ndjson")).unwrap();
    assert!(lines.contains("\"usr/bin/su\"") && !lines.contains("key.pem"), "{lines}");
    assert!(!lines.contains("sha256\":\""), "{lines}");
    let lines = desk.carnet("audit oci:src -o files --hash-files").ok().stdout;
    let line = lines.lines().find(|line| line.contains("\"usr/bin/su\"")).unwrap();
    let sum = carnet::oci::Digest::sha256(b"x").hex();
    assert!(line.contains(&format!("\"sha256\":\"{sum}\"")), "{line}");
    let sarif: Value = serde_json::from_slice(&std::fs::read(desk.path("s.json")).unwrap()).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    desk.carnet("audit oci:src -o json -o csv").ends(2).says(&["only one format"]);
    desk.carnet("audit oci:src -o pdf").ends(2).says(&["expected text, json"]);
}

#[test]
fn files_are_listed_and_taken_out() {
    let (desk, _, image) = desk();
    desk.pack("oci:src").ok();
    let listed = desk.carnet("ls out team/app:1 --pub k.pub.pem").ok().stdout;
    // Options may stand anywhere.
    assert_eq!(desk.carnet("ls out --pub k.pub.pem team/app:1").ok().stdout, listed);
    desk.carnet("ls out --pub k.pub.pem").ends(2).says(&["name an artifact after the places"]);
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines.contains(&"etc/os-release") && !lines.contains(&"root/key.pem"), "{listed}");
    assert!(lines.is_sorted(), "{listed}");
    assert_eq!(desk.carnet("ls oci:src team/app:1 etc").ok().stdout, "etc/os-release\n");
    let layer = desk.carnet("ls oci:src team/app:1 --layer 0").ok().stdout;
    assert!(layer.contains("root/key.pem"), "{layer}");
    let long = desk.carnet("ls oci:src team/app:1 usr/bin -l").ok().stdout;
    assert!(long.contains("-rwsr-xr-x"), "{long}");
    assert_eq!(desk.carnet("cat out team/app:1 etc/os-release").ok().stdout.as_bytes(), RELEASE);
    assert_eq!(desk.carnet("cat oci:src team/app:1 /var/lib/dpkg/status").ok().stdout.as_bytes(), STATUS);
    let manifest = desk.carnet("cat out team/app:1").ok().stdout;
    assert_eq!(carnet::oci::Digest::sha256(manifest.as_bytes()).to_string(), digest_of(&image));
    let by_digest = desk.carnet(&format!("cat out {}", digest_of(&image))).ok().stdout;
    assert_eq!(by_digest, manifest);
    assert!(desk.carnet("cat out team/app:1 --config").ok().stdout.contains("API_TOKEN"));
    desk.carnet("cat out team/app:1 root/key.pem").ends(1).says(&["not-in-content", "root/key.pem"]);
    desk.carnet("cat out team/app:1 etc").ends(1).says(&["it is no file"]);
    desk.carnet("ls out nothing:1").ends(1).says(&["there is no image nothing:1"]);
}

#[test]
fn a_policy_allows_or_denies() {
    let (desk, ..) = desk();
    desk.pack("oci:src").ok();
    let write = |name: &str, text: &str| std::fs::write(desk.path(name), text).unwrap();
    write("strict.toml", "version = 1\ndenied-licences = [\"WTFPL\"]\n");
    let run = desk.carnet("audit out --pub k.pub.pem --policy strict.toml").ends(5);
    assert!(run.stdout.contains("WTFPL") && run.stdout.contains("denied-licences"), "{}", run.stdout);
    write("loose.toml", "version = 1\nallow-secrets = true\n");
    desk.carnet("audit out --pub k.pub.pem --policy loose.toml").ok();
    desk.carnet("audit out --pub k.pub.pem --policy loose.toml --policy strict.toml").ends(5);
    let report = desk.carnet("audit out --pub k.pub.pem --policy strict.toml -o json").ends(5).json();
    assert_eq!(report["policy"]["allowed"], false);
    assert_eq!(report["basis"]["policies"][0]["name"], "strict.toml");
    let until = |day: &str| {
        let denials = report["policy"]["denials"].as_array().unwrap();
        let entry = |(at, denial): (usize, &Value)| {
            let (rule, place) = (denial["rule"].as_str().unwrap(), denial["place"].as_str().unwrap());
            format!(
                "[[ignore]]\nrule = {rule:?}\nplace = {place:?}\nreason = \"known {at}\"\nuntil = \"{day}\"\n"
            )
        };
        format!("version = 1\n{}", denials.iter().enumerate().map(entry).collect::<String>())
    };
    write("ignore.toml", &until("2099-01-01"));
    let accepted = desk
        .carnet("audit out --pub k.pub.pem --policy strict.toml --ignore ignore.toml -o json")
        .ok()
        .json();
    let ignored = accepted["policy"]["ignored"].as_array().unwrap();
    let denials = report["policy"]["denials"].as_array().unwrap();
    assert_eq!(ignored.len(), denials.len());
    for (at, denial) in denials.iter().enumerate() {
        // Each is accepted by the entry for its place, and for that reason.
        let is_it = |one: &&Value| one["rule"] == denial["rule"] && one["place"] == denial["place"];
        assert_eq!(ignored.iter().find(is_it).unwrap()["reason"], format!("known {at}"));
    }
    write("ignore.toml", &until("2020-01-01"));
    desk.carnet("audit out --pub k.pub.pem --policy strict.toml --ignore ignore.toml").ends(5);
    write("wrong.toml", "version = 1\nallow-everything = true\n");
    desk.carnet("audit out --policy wrong.toml").ends(2).says(&["rules-unusable", "allow-everything"]);
}

/// No signature is called valid that was not checked.
#[test]
fn a_signature_is_unverifiable() {
    let (desk, mut source, image) = desk();
    let signature = source.referrer(&image, "application/vnd.cncf.notary.signature", "{}");
    source.list(&signature);
    let report = desk.carnet("audit oci:src -o json").ok().json();
    assert_eq!(report["signatures"][0]["status"], "unverifiable");
    assert_eq!(report["signatures"][0]["of"], digest_of(&image));
    assert!(rules(&report).contains(&"signature-unverifiable"));
}

#[test]
fn entries_beyond_the_limit_are_counted_and_the_report_says_so() {
    let (desk, ..) = desk();
    let report = desk.carnet("audit oci:src --max-entries 3 -o json").ok().json();
    assert!(rules(&report).contains(&"entries-limit"), "{:?}", rules(&report));
    assert_eq!(report["coverage"]["complete"], false);
    assert_eq!(report["totals"]["entries"], 6, "all are counted");
}

/// The long layer, which would have room alone, takes none of the room of the short one; and it is searched to its end.
#[test]
fn what_is_listed_depends_on_the_layers_and_not_on_threads() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let names: Vec<String> = (0..20).map(|number| format!("srv/{number:02}")).collect();
    let mut long: Vec<(&str, u32, &[u8])> =
        names.iter().map(|name| (name.as_str(), 0o644, &b"some text"[..])).collect();
    long.push(("root/key.pem", 0o600, KEY));
    let short = tar_of(&[("etc/os-release", 0o644, RELEASE), ("var/lib/dpkg/status", 0o644, STATUS)]);
    image(&mut source, "app:1", &[tar_of(&long), short]);
    let audit = "audit oci:src --max-entries 7 --at 2026-01-01T00:00:00Z -o json=r.json -o files=f.ndjson";
    let mut first: Option<(Vec<u8>, Vec<u8>)> = None;
    for jobs in ["1", "2", "8", "8"] {
        desk.carnet(&format!("{audit} --jobs {jobs}")).ok();
        let made = ["r.json", "f.ndjson"].map(|name| std::fs::read(desk.path(name)).unwrap());
        let made = (made[0].clone(), made[1].clone());
        assert_eq!(first.get_or_insert_with(|| made.clone()), &made);
    }
    let (report, files) = first.unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let listed: Vec<Value> =
        files.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let paths: Vec<&str> = listed
        .iter()
        .filter(|file| file["kind"] == "file")
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        paths,
        ["etc/os-release", "srv/00", "srv/01", "srv/02", "srv/03", "srv/04", "var/lib/dpkg/status"]
    );
    assert_eq!(report["packages"][0]["purl"], "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12");
    let found = report["findings"].as_array().unwrap();
    let places: Vec<&Value> =
        found.iter().filter(|finding| finding["rule"] == "secret").map(|finding| &finding["path"]).collect();
    assert_eq!(places, ["root/key.pem"]);
    assert_eq!(report["coverage"]["limits_hit"].as_array().unwrap().len(), 1);
    assert_eq!(report["totals"]["entries"], 23);
}

/// What travels with an artifact is looked into, or named as opaque, in whatever way it hangs together.
#[test]
fn nothing_that_travels_is_passed_over_in_silence() {
    let (desk, mut source, image) = desk();
    let signature = source.referrer(&image, "application/vnd.example.note", "note");
    source.list(&signature);
    let layer = source.blob(LAYER, &tar_of(&[("a", 0o644, b"a")]));
    let odd = source.blob("application/vnd.example.blob", b"what is this");
    let config = source.blob("application/vnd.oci.image.config.v1+json", b"{}");
    let manifest = source.manifest(&config, &[layer, odd.clone()]);
    source.tag(&manifest, "odd:1");
    // A referrer takes its subject with it.
    desk.pack(&format!("oci:src@{} oci:src:odd:1", digest_of(&signature))).ok();
    let report = desk.carnet("audit out --pub k.pub.pem --json").ok().json();
    let images: Vec<&str> =
        report["images"].as_array().unwrap().iter().map(|image| image["digest"].as_str().unwrap()).collect();
    assert!(images.contains(&digest_of(&image)), "{images:?}");
    assert!(rules(&report).contains(&"secret"), "{:?}", rules(&report));
    let opaque: Vec<&str> = report["coverage"]["opaque"]
        .as_array()
        .unwrap()
        .iter()
        .map(|blob| blob["digest"].as_str().unwrap())
        .collect();
    assert!(opaque.contains(&digest_of(&odd)), "{opaque:?}");
}

/// It is named as opaque unless it is JSON, which is searched for secrets.
#[test]
fn the_configuration_of_what_is_no_image_is_searched_or_named() {
    let (desk, mut source, image) = desk();
    let chart =
        source.blob("application/vnd.cncf.helm.chart.content.v1.tar+gzip", &tar_of(&[("a", 0o644, b"a")]));
    let leaking = format!("{{\"token\":\"ghp_{}\"}}", "16C7e42F292c6912E7710c838347Ae178B4a");
    let mut named = Vec::new();
    for (tag, kind, content, is_named) in [
        ("chart:1", "application/vnd.cncf.helm.config.v1+json", "{\"name\":\"chart\"}", false),
        ("chart:2", "application/vnd.oci.empty.v1+json", "{}", false),
        ("chart:3", "application/vnd.oci.image.config.v1+json", "no configuration", true),
        // As signatures by cosign have it.
        ("chart:4", "application/vnd.oci.image.config.v1+json", "{\"rootfs\":{\"type\":\"layers\"}}", false),
        ("chart:5", "application/vnd.cncf.helm.config.v1+json", "[\"no object\"]", true),
        ("chart:6", "application/vnd.cncf.helm.config.v1+json", &leaking, false),
    ] {
        let config = source.blob(kind, content.as_bytes());
        let manifest = source.manifest(&config, std::slice::from_ref(&chart));
        source.tag(&manifest, tag);
        if is_named {
            named.push(digest_of(&config).to_owned());
        }
    }
    // That of something attached, too.
    let config = source.blob("application/vnd.example.config", b"what is this");
    let fields = json!({ "config": config, "layers": [], "subject": plain(&image),
        "artifactType": "application/vnd.example.note" });
    let note = source.document(MANIFEST, &fields);
    source.list(&note);
    named.push(digest_of(&config).to_owned());
    let report = desk.carnet("audit oci:src -o json").ok().json();
    let opaque = report["coverage"]["opaque"].as_array().unwrap();
    let opaque: Vec<&str> = opaque.iter().map(|blob| blob["digest"].as_str().unwrap()).collect();
    named.sort_unstable();
    assert_eq!(opaque, named);
    let leaking = carnet::oci::Digest::sha256(leaking.as_bytes()).to_string();
    let is_found = |found: &Value| found["rule"] == "secret" && found["layer"] == leaking.as_str();
    assert!(report["findings"].as_array().unwrap().iter().any(is_found), "{}", report["findings"]);
}

/// What is attached and of no known kind was not seen, and a policy denies it unless it says otherwise.
#[test]
fn what_is_attached_and_not_looked_into_is_named() {
    let (desk, mut source, image) = desk();
    let nothing = source.referrer(&image, "application/vnd.oci.empty.v1+json", "{}");
    source.list(&nothing);
    std::fs::write(desk.path("policy.toml"), "version = 1\nallow-secrets = true\n").unwrap();
    let report = desk.carnet("audit oci:src --policy policy.toml --json").ok().json();
    assert_eq!(report["coverage"]["opaque"], json!([]));
    let note = source.referrer(&image, "application/vnd.example.note", "note");
    source.list(&note);
    let report = desk.carnet("audit oci:src --policy policy.toml --json").ends(5).json();
    let why = format!(
        "content of the type application/vnd.example.note is attached to {} and not looked into",
        digest_of(&image)
    );
    let blob = carnet::oci::Digest::sha256(b"note").to_string();
    assert_eq!(report["coverage"]["opaque"], json!([{ "digest": blob, "why": why }]));
    assert_eq!(report["coverage"]["complete"], false);
    assert_eq!(report["policy"]["denials"][0]["rule"], "allow-opaque");
    assert_eq!(report["policy"]["denials"][0]["text"], format!("not fully examined: {blob}: {why}"));
}
