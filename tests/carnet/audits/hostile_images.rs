//! Images that are made to take time, memory or content away: each ends at a bound, the bound is named, and nothing else is hidden.

use std::fmt::Write as _;

use carnet::oci::Digest;
use serde_json::{Value, json};

use super::contents::{image, tar_of};
use crate::behaviour::layouts::{CONFIG, LAYER, Source, digest_of};
use crate::behaviour::support::{CARNET, Desk, Run};

const STATUS: &[u8] = b"Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n";

/// Runs an audit with a limit on its address space, in KiB. That is more than the memory that it uses.
fn within(desk: &Desk, kib: u64, args: &str) -> Run {
    desk.sh(&format!("ulimit -v {kib}; export MALLOC_ARENA_MAX=2; exec {CARNET} audit oci:src {args}"))
}

fn rules(report: &Value) -> Vec<&str> {
    let mut rules: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["rule"].as_str().unwrap())
        .filter(|rule| *rule != "runs-as-root")
        .collect();
    rules.dedup();
    rules
}

/// An image of a layer with a package, and of this layer.
fn beside(source: &mut Source, end: &str, layer: &[u8]) {
    let good = tar_of(&[("var/lib/dpkg/status", 0o644, STATUS)]);
    let diff_ids = json!([Digest::sha256(&good).to_string(), Digest::sha256(b"unknown").to_string()]);
    let config = json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": diff_ids } });
    let config = source.blob(CONFIG, config.to_string().as_bytes());
    let layers = [source.blob(LAYER, &good), source.blob(&format!("{LAYER}{end}"), layer)];
    let manifest = source.manifest(&config, &layers);
    source.tag(&manifest, "app:1");
}

#[test]
fn a_bomb_in_zstd_ends_at_its_bound_and_hides_no_package() {
    // The header of a frame with a window of 2 GiB, and an empty block.
    let window = "printf '\\050\\265\\057\\375\\000\\250\\001\\000\\000' > bomb";
    let zeros = "head -c 300M /dev/zero | zstd -1 -q > bomb";
    for (make, rule) in [(zeros, "layer-ratio"), (window, "window-too-large")] {
        let desk = Desk::new();
        desk.sh(make).ok();
        let bomb = std::fs::read(desk.path("bomb")).unwrap();
        beside(&mut desk.source("src"), "+zstd", &bomb);
        let report = within(&desk, 700_000, "-o json").ok().json();
        assert_eq!(rules(&report), [rule], "{make}");
        assert_eq!(report["coverage"]["limits_hit"][0]["limit"], rule);
        assert_eq!(report["coverage"]["complete"], false);
        assert_eq!(report["packages"][0]["purl"], "pkg:deb/a@1?arch=amd64");
    }
}

#[test]
fn forty_two_archives_in_each_other_are_opened_as_deep_as_is_said() {
    let desk = Desk::new();
    desk.sh(
        "python3 - <<'END'
import io, zipfile
def nested(end, depth, copies):
    inner = b'a secret place'
    for level in range(depth):
        out = io.BytesIO()
        with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as archive:
            for copy in range(copies):
                archive.writestr(f'{level}-{copy}.{end}' if level else 'text', inner)
        inner = out.getvalue()
    return inner
for name, end, depth, copies in [('a.jar', 'jar', 42, 1), ('b.zip', 'zip', 42, 1), ('c.zip', 'zip', 6, 16), ('d.jar', 'jar', 6, 16)]:
    open(name, 'wb').write(nested(end, depth, copies))
END",
    )
    .ok();
    let file = |name: &str| std::fs::read(desk.path(name)).unwrap();
    let files = ["a.jar", "b.zip", "c.zip", "d.jar"].map(|name| (format!("opt/{name}"), file(name)));
    let entries: Vec<(&str, u32, &[u8])> =
        files.iter().map(|(path, bytes)| (path.as_str(), 0o644, bytes.as_slice())).collect();
    beside(&mut desk.source("src"), "", &tar_of(&entries));
    let report = within(&desk, 700_000, "-o json").ok().json();
    let found = report["findings"].as_array().unwrap();
    for (path, _) in &files {
        let is_named = |finding: &&Value| {
            finding["rule"] == "depth-limit" && finding["path"].as_str().unwrap_or_default().starts_with(path)
        };
        assert!(found.iter().any(|finding| is_named(&finding)), "{path}: {found:#?}");
    }
    assert_eq!(report["coverage"]["complete"], false);
    assert_eq!(report["packages"][0]["purl"], "pkg:deb/a@1?arch=amd64");
    // Of one rule, a layer has a hundred findings and a count.
    assert!(found.len() < 300, "{}", found.len());
}

/// An archive of symbolic and hard links: path, target, whether it is hard.
fn links(entries: &[(&str, &str, bool)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, target, is_hard) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(if *is_hard { tar::EntryType::Link } else { tar::EntryType::Symlink });
        header.set_size(0);
        header.set_mode(0o777);
        builder.append_link(&mut header, path, target).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn links_in_a_circle_end_and_are_named() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let circles = links(&[
        ("a", "b", false),
        ("b", "a", false),
        ("self", "self", false),
        ("var/lib/rpm", "../lib/rpm", false),
        ("etc/os-release", "../etc/os-release", false),
        ("up", "../../../up/up", false),
    ]);
    let through = tar_of(&[("a/x", 0o644, b"x"), ("self/y", 0o644, b"y"), ("z", 0o644, b"z")]);
    let hard = links(&[("h1", "h2", true), ("h2", "h1", true)]);
    let good = tar_of(&[("var/lib/dpkg/status", 0o644, STATUS)]);
    image(&mut source, "app:1", &[good, circles, through, hard]);
    let report = within(&desk, 700_000, "-o json").ok().json();
    assert_eq!(rules(&report), ["broken-hard-link", "link-cycle"]);
    assert_eq!(report["packages"][0]["purl"], "pkg:deb/a@1?arch=amd64");
    let listed = desk.carnet("ls oci:src app:1").ok().stdout;
    assert!(listed.lines().any(|line| line == "z"), "{listed}");
    for path in ["a", "self", "a/x", "up", "etc/os-release"] {
        desk.carnet(&format!("cat oci:src app:1 {path}")).ends(1).says(&["not-in-content"]);
    }
}

#[test]
fn an_image_may_have_512_layers_and_more_are_named() {
    for (count, rule, last) in [(512, None, "opt/511"), (513, Some("layers-limit"), "opt/511")] {
        let desk = Desk::new();
        let layer = |number: usize| {
            let path = format!("opt/{number:03}");
            tar_of(&[(path.as_str(), 0o644, path.as_bytes())])
        };
        let layers: Vec<Vec<u8>> = (0..count).map(layer).collect();
        image(&mut desk.source("src"), "app:1", &layers);
        let report = within(&desk, 700_000, "-o json").ok().json();
        assert_eq!(rules(&report), Vec::from_iter(rule), "{count}");
        assert_eq!(report["coverage"]["complete"], rule.is_none());
        assert_eq!(
            (&report["totals"]["layers"], &report["images"][0]["entries"]),
            (&json!(count), &json!(513))
        );
        // The layers that are not merged are read and listed, too.
        assert_eq!(report["coverage"]["layers_read"], count);
        let listed = desk.carnet("ls oci:src app:1").ok().stdout;
        assert_eq!(listed.lines().last(), Some(last));
    }
}

/// Links whose names say that they lead to something about packages, from this number on. Each leads to a file of its own if
/// `distinct`.
fn telling(from: usize, count: usize, distinct: bool) -> Vec<u8> {
    let mut blocks: Vec<u8> = Vec::with_capacity(count * 1024);
    let mut add = |path: &str, target: Option<&str>| {
        let mut header = tar::Header::new_ustar();
        header.set_path(path).unwrap();
        header.set_mode(0o644);
        header.set_size(0);
        if let Some(target) = target {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_link_name(target).unwrap();
        }
        header.set_cksum();
        blocks.extend_from_slice(header.as_bytes());
    };
    add("f/0", None);
    for number in from..from + count {
        let target = if distinct { number + 1 } else { 0 };
        if distinct {
            add(&format!("f/{target}"), None);
        }
        add(&format!("l/{number}.list"), Some(&format!("../f/{target}")));
    }
    blocks.extend([0; 1024]);
    blocks
}

/// The images whose links were not all followed.
fn not_followed(desk: &Desk) -> (Vec<String>, Value) {
    let report = within(desk, 700_000, "-o json --no-secrets").ok().json();
    assert!(rules(&report).iter().all(|rule| *rule == "merge-steps"), "{:?}", rules(&report));
    let found = report["findings"].as_array().unwrap().iter();
    let of_rule = found.filter(|finding| finding["rule"] == "merge-steps");
    (of_rule.map(|finding| finding["artifact"].as_str().unwrap().to_owned()).collect(), report)
}

#[test]
fn links_to_packages_are_followed_up_to_a_bound() {
    let status = tar_of(&[("var/lib/dpkg/status", 0o644, STATUS)]);
    let desk = Desk::new();
    let mut source = desk.source("src");
    // An image with as many links as are followed, and one with one more.
    let (all, one_more) = (telling(0, 100_000, false), telling(100_000, 1, false));
    image(&mut source, "all:1", &[status.clone(), all.clone()]);
    let more = image(&mut source, "more:1", &[status.clone(), all, one_more]);
    let (images, report) = not_followed(&desk);
    assert_eq!(images, [digest_of(&more)]);
    assert_eq!(report["coverage"]["complete"], false);
    assert_eq!(report["packages"].as_array().unwrap().len(), 1);
    // The files that they lead to have a bound for all images together.
    for (count, is_cut) in [(10_000, false), (10_001, true)] {
        let desk = Desk::new();
        image(&mut desk.source("src"), "app:1", &[status.clone(), telling(0, count, true)]);
        let (images, report) = not_followed(&desk);
        assert_eq!(images.len(), usize::from(is_cut), "{count}");
        assert_eq!(report["coverage"]["complete"], !is_cut);
    }
}

/// An archive of `ar` with so many empty files.
fn empty_files(count: usize) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for number in 0..count {
        bytes.extend(
            format!("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", format!("{number}/"), 0, 0, 0, 644, 0).bytes(),
        );
    }
    bytes
}

#[test]
fn an_archive_in_a_layer_is_looked_at_up_to_200_000_files() {
    let desk = Desk::new();
    let (all, more) = (empty_files(200_000), empty_files(200_001));
    let layer = tar_of(&[("all.a", 0o644, &all), ("more.a", 0o644, &more)]);
    image(&mut desk.source("src"), "app:1", &[layer]);
    let report = desk.carnet("audit oci:src -o json --no-secrets").ok().json();
    assert_eq!(rules(&report), ["nested-limit", "nested-archive"]);
    let limits: Vec<&Value> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["rule"] == "nested-limit")
        .map(|finding| &finding["path"])
        .collect();
    assert_eq!(limits, ["more.a"]);
}

/// Files that say something about packages, filled with what takes the most memory when it is read.
#[test]
fn hostile_package_files_take_no_more_memory_than_others() {
    let many = |part: &str, bytes: usize| part.repeat(bytes / part.len()).into_bytes();
    let objects = |bytes: usize| [b"[".to_vec(), many("{\"\":0},", bytes), b"0]".to_vec()].concat();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("var/lib/dpkg/status", vec![0xff; 8 << 20]),
        ("var/lib/dpkg/status", many(":\n", 8 << 20)),
        ("var/lib/dpkg/status", many("Status: a b c\n\n", 8 << 20)),
        ("lib/apk/db/installed", many("P:a\n\n", 8 << 20)),
        ("lib/apk/db/installed", [b"P:".to_vec(), vec![0xff; 8 << 20]].concat()),
        ("var/lib/dpkg/info/a.list", many("/a\n", 8 << 20)),
        ("var/lib/dpkg/info/a.md5sums", many("0  a\n", 8 << 20)),
        ("app/a.deps.json", objects(4_000_000)),
        ("app/node_modules/a/package.json", objects(1_000_000)),
        ("a.dist-info/METADATA", many(":\n", 4_000_000)),
    ];
    for (path, content) in cases {
        let desk = Desk::new();
        image(&mut desk.source("src"), "app:1", &[tar_of(&[(path, 0o644, &content), ("k", 0o4755, b"x")])]);
        let report = within(&desk, 320_000, "-o json --no-secrets --jobs 1").ok().json();
        assert!(rules(&report).contains(&"setuid"), "{path}");
        assert_eq!(report["packages"], json!([]), "{path}");
    }
}

/// Documents that are small as text, and large in memory.
#[test]
fn hostile_configurations_take_no_more_memory_than_others() {
    let objects = |bytes: usize| {
        let mut text = String::new();
        while text.len() < bytes {
            text.push_str("{\"\":0},");
        }
        text
    };
    for text in [
        format!("{{\"os\":\"linux\",\"a\":[{}0]}}", objects(4_000_000)),
        format!("{{\"os\":\"linux\",\"history\":[{}0]}}", objects(4_000_000)),
        format!("{{\"os\":\"linux\",\"a\":{}{}}}", "[".repeat(2_000_000), "]".repeat(2_000_000)),
        format!("{{\"os\":\"linux\",\"config\":{{\"Labels\":{{\"a\":\"{}\"}}}}}}", "x".repeat(4_000_000)),
    ] {
        let desk = Desk::new();
        let mut source = desk.source("src");
        let layer = source.blob(LAYER, &tar_of(&[("bin/su", 0o4755, b"x")]));
        for kind in [CONFIG, "application/vnd.cncf.helm.config.v1+json"] {
            let config = source.blob(kind, text.as_bytes());
            let manifest = source.manifest(&config, std::slice::from_ref(&layer));
            source.tag(&manifest, if kind == CONFIG { "app:1" } else { "chart:1" });
        }
        let is_read = text.contains("Labels");
        let report = within(&desk, 400_000, "-o json --jobs 1").ends(if is_read { 0 } else { 4 }).json();
        assert!(rules(&report).contains(&"setuid"), "{}", &text[..40]);
        let labels = &report["images"][0]["config"]["labels"];
        assert_eq!(rules(&report).contains(&"document-unreadable"), !is_read, "{}", &text[..40]);
        assert_eq!(labels.as_object().unwrap().len(), usize::from(is_read));
    }
}

/// The configurations and annotations of all images together have a bound, too.
#[test]
fn what_is_kept_of_documents_has_a_bound() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let layer = source.blob(LAYER, &tar_of(&[("bin/su", 0o4755, b"x")]));
    for number in 0..10 {
        let label = format!("{number}{}", "x".repeat(3_600_000));
        let config =
            json!({ "os": "linux", "architecture": "amd64", "config": { "Labels": { "a": label } } });
        let config = source.blob(CONFIG, config.to_string().as_bytes());
        let manifest = source.manifest(&config, std::slice::from_ref(&layer));
        source.tag(&manifest, &format!("app:{number}"));
    }
    let report = desk.carnet("audit oci:src -o json").ok().json();
    let too_large = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["rule"] == "too-large-to-read");
    // 32 MiB have room for nine of them.
    assert_eq!(too_large.count(), 1);
    assert_eq!(report["coverage"]["complete"], false);
    assert_eq!(report["images"].as_array().unwrap().len(), 10);
}

/// An SBOM with so many components that this function writes.
fn sbom(count: usize, component: impl Fn(&mut String, usize)) -> String {
    let mut text = "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"components\":[".to_owned();
    for number in 0..count {
        if number > 0 {
            text.push(',');
        }
        component(&mut text, number);
    }
    text + "]}"
}

/// Audits an image with this attached. Returns the report.
fn with_attached(media_type: &str, text: &str) -> Value {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = image(&mut source, "app:1", &[tar_of(&[("var/lib/dpkg/status", 0o644, STATUS)])]);
    let referrer = source.referrer(&image, media_type, text);
    source.list(&referrer);
    within(&desk, 500_000, "-o json --jobs 1").ok().json()
}

#[test]
fn hostile_sboms_take_no_more_memory_than_others_and_say_what_was_left_out() {
    let named = |text: &mut String, number: usize| {
        write!(
            text,
            "{{\"name\":\"n{number}\",\"version\":\"{number}\",\"purl\":\"pkg:npm/n{number}@{number}\"}}"
        )
        .unwrap();
    };
    // One past the bound.
    let report = with_attached("application/vnd.cyclonedx+json", &sbom(60_001, named));
    let bom = &report["boms"][0];
    assert_eq!((&bom["packages"], &bom["compared"]), (&json!(60_000), &json!(true)));
    // The list has 10,000 lines; the number of all is in the report, and in the finding.
    assert_eq!(bom["only_there"].as_array().unwrap().len(), 10_000);
    assert_eq!(bom["not_listed"], 50_000);
    let found = |rule: &str| {
        let findings = report["findings"].as_array().unwrap().iter();
        findings
            .filter(|finding| finding["rule"] == rule)
            .map(|finding| finding["text"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(found("bom-only-there")[0].ends_with(": 60000 packages are in the SBOM only"));
    assert!(
        found("bom-unreadable")[0].contains("1 package more than 60000"),
        "{:?}",
        found("bom-unreadable")
    );
    let licences = format!("[{}{{\"license\":{{\"id\":\"x\"}}}}]", "{\"id\":\"x\"},".repeat(63));
    let licensed = |text: &mut String, number: usize| {
        write!(text, "{{\"name\":\"n{number}\",\"licenses\":{licences}}}").unwrap();
    };
    let report = with_attached("application/vnd.cyclonedx+json", &sbom(20_000, licensed));
    assert!(rules(&report).contains(&"bom-unreadable"), "{:?}", rules(&report));
    for text in [
        // Deep, long, and many small lists.
        format!("{{\"bomFormat\":\"CycloneDX\",\"x\":{}", "[".repeat(100_000)),
        format!("{{\"bomFormat\":\"CycloneDX\",\"x\":\"{}\"}}", "x".repeat(17 << 20)),
        format!(
            "{{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"components\":[{}0]}}",
            "[],".repeat(2_000_000)
        ),
    ] {
        let report = with_attached("application/vnd.cyclonedx+json", &text);
        assert_eq!(report["boms"][0]["packages"], 0, "{}", &text[..60]);
    }
}

#[test]
fn hostile_envelopes_take_no_more_memory_than_others() {
    use base64::Engine as _;
    let statement = format!(
        "{{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":\"x\",\"subject\":[],\"predicate\":\"{}\"}}",
        "\u{f8}\u{3bf}".repeat(4_000_000)
    );
    for engine in [&base64::engine::general_purpose::STANDARD, &base64::engine::general_purpose::URL_SAFE] {
        // An escape in it, so that the text is copied when it is read.
        let payload = engine.encode(&statement).replacen('A', "\\u0041", 1);
        let envelope = format!(
            "{{\"payloadType\":\"application/vnd.in-toto+json\",\"payload\":\"{payload}\",\"signatures\":[{{\"sig\":\"AA==\"}}]}}"
        );
        assert!(envelope.len() < 24 << 20 && envelope.len() > 18 << 20, "{}", envelope.len());
        let report = with_attached("application/vnd.dsse.envelope.v1+json", &envelope);
        assert_eq!(report["signatures"][0]["kind"], "attestation", "{}", report["findings"]);
    }
}
