//! What a guard will count: the numbers are those of a script that expands with the usual tools.

use serde_json::{Value, json};

use super::contents::{image, tar_of};
use crate::behaviour::layouts::Source;
use crate::behaviour::support::{Desk, Run};

/// Counts files and bytes at all depths below the file `$1`. What it opens is what `expands` of a profile names.
const SCRIPT: &str = r#"
files=0; bytes=0; deepest=0; n=0
look() { # file, depth
  local file=$1 depth=$2 kind inner name
  kind=$(file --brief --mime-type "$file")
  case $kind in
    application/gzip|application/x-gzip) inner=gzip ;;
    application/zstd) inner=zstd; [ "$ZSTD" = yes ] || return 0 ;;
    application/x-tar) inner=tar ;;
    application/zip) inner=zip ;;
    application/vnd.debian.binary-package) inner=ar ;;
    *) return 0 ;;
  esac
  depth=$((depth + 1)); [ $depth -gt $deepest ] && deepest=$depth
  n=$((n + 1)); local room=$PWD/room$n; mkdir "$room"
  case $inner in
    gzip) gzip -dc < "$file" > "$room/content" ;;
    zstd) zstd -dqc < "$file" > "$room/content" ;;
    tar) tar -xf "$file" -C "$room" --no-same-owner ;;
    zip) unzip -qq "$file" -d "$room" ;;
    ar) (cd "$room" && ar x "$file") ;;
  esac
  while IFS= read -r -d '' name; do
    files=$((files + 1)); bytes=$((bytes + $(stat -c %s "$name")))
    look "$name" $depth
  done < <(find "$room" -type f -print0)
}
look "$(realpath "$1")" 0
echo "$files $bytes $deepest"
"#;

/// A bundle with a gzip layer, a layer in Zstandard and a plain one. In them are a zip archive, a Debian package, a tar
/// archive in gzip in a tar archive, an empty file, and files of many kinds.
fn bundle() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    desk.sh(
        "mkdir -p one/etc two three && printf 'hello world\\n' > one/etc/motd && : > one/etc/empty && \
         seq 20000 > one/numbers && ln -s motd one/etc/link && ln one/numbers two/numbers && \
         printf '<?xml version=\"1.0\"?><a/>' > one/a.xml && cp /bin/true one/true && \
         (cd one && zip -q -r ../two/a.zip etc numbers && tar -cf ../inner.tar etc && gzip -c ../inner.tar > ../two/inner.tar.gz) && \
         printf '2.0\\n' > debian-binary && tar -czf control.tar.gz -C one a.xml && tar -czf data.tar.gz -C one etc && \
         ar q three/p.deb debian-binary control.tar.gz data.tar.gz 2>/dev/null && \
         tar --format=gnu -cf one.tar -C one . && tar --format=pax -cf two.tar -C two . && tar -cf three.tar -C three . && \
         gzip -k one.tar && zstd -q two.tar",
    )
    .ok();
    let layer = |source: &mut Source, file: &str, end: &str| {
        let bytes = std::fs::read(desk.path(file)).unwrap();
        source.blob(&format!("application/vnd.oci.image.layer.v1.tar{end}"), &bytes)
    };
    let config =
        source.blob("application/vnd.oci.image.config.v1+json", br#"{"rootfs":{"diff_ids":["","",""]}}"#);
    let layers = [
        layer(&mut source, "one.tar.gz", "+gzip"),
        layer(&mut source, "two.tar.zst", "+zstd"),
        layer(&mut source, "three.tar", ""),
    ];
    let manifest = source.manifest(&config, &layers);
    source.tag(&manifest, "app:1");
    desk.pack("oci:src").ok();
    desk
}

#[track_caller]
fn prints(run: &Run, words: &[&str]) {
    for word in words {
        assert!(run.stdout.contains(word), "{word:?} in {}", run.stdout);
    }
}

fn counted(desk: &Desk, profile: &str, exit: i32) -> Value {
    std::fs::write(desk.path("guard.toml"), format!("version = 1\n{profile}")).unwrap();
    desk.carnet("guard out --profile guard.toml --json").ends(exit).json()
}

fn scripted(desk: &Desk, file: &str, zstd: &str) -> Vec<u64> {
    std::fs::write(desk.path("count.sh"), SCRIPT).unwrap();
    let run = desk
        .sh(&format!("rm -rf work && mkdir work && cd work && ZSTD={zstd} bash ../count.sh ../out/{file}"))
        .ok();
    run.stdout.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

#[test]
fn the_numbers_are_those_of_a_script() {
    let desk = bundle();
    let usual = counted(&desk, "", 0);
    let with_zstd = counted(&desk, "expands = [\"gzip\", \"tar\", \"zip\", \"deb\", \"zstd\"]\n", 0);
    let mut depths = Vec::new();
    for (report, zstd) in [(&usual, "no"), (&with_zstd, "yes")] {
        assert_eq!((&report["allowed"], &report["complete"]), (&json!(true), &json!(true)), "{report}");
        let files = report["files"].as_array().unwrap();
        assert_eq!(files.len(), 1);
        for file in files {
            let name = file["name"].as_str().unwrap();
            let ours: Vec<u64> =
                ["entries", "expanded", "depth"].iter().map(|key| file[key].as_u64().unwrap()).collect();
            assert_eq!(ours, scripted(&desk, name, zstd), "{name}, zstd {zstd}");
            depths.push(ours[2]);
            let bytes = std::fs::metadata(desk.path(format!("out/{name}"))).unwrap().len();
            assert_eq!(file["bytes"], bytes);
            assert_eq!(file["ratio_milli"], (ours[1] * 1000).div_ceil(bytes));
            let libmagic = desk.sh(&format!("file --brief --mime-type out/{name}")).ok().stdout;
            assert_eq!(file["libmagic"], libmagic.trim());
        }
    }
    // The chunk, the plain layer, the package, gzip, tar. And with zstd the archive in the layer: chunk, zstd, layer, gzip, tar.
    assert_eq!(depths, [5, 5]);
}

#[test]
fn a_layer_in_zstandard_is_a_file_like_others() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    // Numbers, so that the word does not survive compression as it is.
    let mut text: String = (0..5000).map(|number| format!("{number} ")).collect();
    let at = text.len();
    text += "mellon\n";
    std::fs::write(desk.path("l.tar"), tar_of(&[("secret-word.txt", 0o644, text.as_bytes())])).unwrap();
    desk.sh("zstd -q l.tar && gzip -k l.tar").ok();
    let layer = |file: &str| std::fs::read(desk.path(file)).unwrap();
    image(&mut source, "app:1", &[layer("l.tar.zst")]);
    desk.pack("oci:src").ok();
    let denies = "[[deny-words]]\ntext = \"mellon\"\nmatch = \"complete\"\n";
    let report = counted(&desk, denies, 0);
    assert_eq!(report["files"][0]["depth"], 1);
    assert_eq!(report["files"][0]["media_types"]["application/zstd"], 1);
    std::fs::remove_dir_all(desk.path("out")).unwrap();
    image(&mut source, "app:2", &[layer("l.tar.gz")]);
    desk.pack("oci:src").ok();
    let report = counted(&desk, denies, 5);
    let file = &report["files"].as_array().unwrap().iter().find(|file| file["depth"] == 3).unwrap();
    assert_eq!(file["over"], json!({ "deny-word": 1 }));
    let problem = file["problems"][0].as_str().unwrap();
    let end = format!(
        "> secret-word.txt: deny-word: \"mellon\" 1 time, first at byte {at}, the profile allows none"
    );
    assert!(problem.ends_with(&end), "{problem}");
}

/// With the field names and the shape that Azure publishes.
const FLOW_PROFILE: &str = r#"{ "parameters": { "api-version": "2025-05-30-preview", "resource": { "location": "East US", "properties": {
  "replicationScenario": "Files", "status": "Enabled", "description": "x", "rulesets": {
    "dataSize": { "minimum": 0, "maximum": 4294967296 },
    "archives": { "minimumSizeForExpansion": 0, "maximumExpansionSizeLimit": 1000000, "maximumDepthLimit": 4, "maximumCompressionRatioLimit": 500 },
    "mimeFilters": { "type": "Deny", "filters": { "media": "application/x-sharedlib", "extensions": [] } },
    "antivirus": { "avSolutions": ["Defender"] },
    "textMatching": { "deny": [{ "text": "hello", "matchType": "Complete", "caseSensitivity": "Sensitive" }] } } } } } }"#;

/// A request as the examples of the service have it: with what stands around the profile, an older form of the virus scanners, and
/// answers.
#[test]
fn a_whole_request_to_the_service_is_a_profile() {
    let desk = bundle();
    let request = json!({
        "operationId": "FlowProfiles_CreateOrUpdate", "title": "Makes a profile",
        "parameters": {
            "api-version": "2025-05-30-preview", "pipelineName": "p", "flowProfileName": "f",
            "resourceGroupName": "g", "subscriptionId": "00000000-0000-0000-0000-000000000000",
            "resource": { "location": "West Europe", "properties": {
                "replicationScenario": "Files", "status": "Enabled", "description": "ours",
                "rulesets": {
                    "mimeFilters": { "type": "Allow", "filters": { "media": "application/x-tar", "extensions": [".tar", ".tgz"] } },
                    "textMatching": { "deny": [
                        { "text": "no such word", "matchType": "Partial", "caseSensitivity": "Insensitive" },
                        { "text": "hello", "matchType": "Complete", "caseSensitivity": "Sensitive" } ] },
                    "antivirus": { "defender": "Disabled" },
                    "archives": { "minimumSizeForExpansion": 1, "maximumExpansionSizeLimit": 100_000_000, "maximumDepthLimit": 12,
                        "maximumCompressionRatioLimit": 50.5 },
                    "dataSize": { "minimum": 1, "maximum": 1_000_000_000 } } } } },
        "responses": { "200": { "body": { "type": "Microsoft.AzureDataTransfer/pipelines/flowprofiles", "id": "/x", "location": "West Europe" } } },
    });
    std::fs::write(desk.path("request.json"), request.to_string()).unwrap();
    let report = desk.carnet("guard out --profile request.json --json").ends(5).json();
    assert_eq!(report["not_checked"], json!(["antivirus.defender is not known, so it is not checked"]));
    let over = &report["files"][0]["over"];
    assert!(over["min-file-bytes"].as_u64() >= Some(1), "the empty file: {over}");
    assert!(over["deny-word"].as_u64() >= Some(1), "{over}");
    // All that is no tar archive, or whose name has no such end.
    let entries = report["files"][0]["entries"].as_u64().unwrap();
    assert!(over["media-type"].as_u64().unwrap() > entries / 2, "{over} of {entries}");
}

#[test]
fn a_flow_profile_is_taken_as_it_is_published_and_an_audit_reports_the_same() {
    let desk = bundle();
    std::fs::write(desk.path("flow.json"), FLOW_PROFILE).unwrap();
    let alone = desk.carnet("guard out --profile flow.json --json").ends(5).json();
    let file = &alone["files"][0];
    assert_eq!(file["over"]["max-depth"], 2, "{file}");
    assert_eq!(file["over"]["media-type"], 1, "{file}");
    assert!(file["over"]["deny-word"].as_u64().unwrap() >= 1);
    assert!(alone["not_checked"][0].as_str().unwrap().contains("no virus scanner"));
    let text = desk.carnet("guard out --profile flow.json").ends(5);
    prints(&text, &["OVER ", "OVER A LIMIT:", "NOT CHECKED:", "1 chunk file: over the limits of flow.json"]);

    let audit = desk
        .carnet("audit out --pub k.pub.pem --guard flow.json -o json -o html=r.html -o text=r.txt")
        .ends(5)
        .json();
    assert_eq!(audit["guard"], alone);
    assert_eq!(audit["basis"]["guard"], json!({ "name": "flow.json", "sha256": alone["sha256"] }));
    let findings = audit["findings"].as_array().unwrap().iter().filter(|finding| finding["rule"] == "guard");
    let expected: usize = alone["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["problems"].as_array().unwrap().len())
        .sum();
    assert_eq!(findings.count(), expected);
    for file in ["r.html", "r.txt"] {
        assert!(std::fs::read_to_string(desk.path(file)).unwrap().contains("OVER"), "{file}");
    }
    // A policy can name it, and the limits alone deny.
    std::fs::write(desk.path("p.toml"), "version = 1\ndenied-findings = [\"guard\"]\n").unwrap();
    let judged =
        desk.carnet("audit out --pub k.pub.pem --guard flow.json --policy p.toml -o json").ends(5).json();
    assert_eq!(judged["policy"]["denials"].as_array().unwrap().len(), expected);
    desk.carnet("audit oci:src --guard flow.json").ends(2).says(&["a source has none before it is packed"]);
}

#[test]
fn bombs_end_at_their_limit_and_hide_no_other_file() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    desk.sh("head -c 300M /dev/zero | gzip -9 > inner.gz && gzip -9 -k -S .gz inner.gz -c > bomb.gz && zip -q bomb.zip inner.gz").ok();
    let read = |file: &str| std::fs::read(desk.path(file)).unwrap();
    let holes = {
        // A sparse file of the old GNU format: an exabyte of zeros in 1,536 bytes.
        let mut header = tar::Header::new_gnu();
        header.set_path("holes").unwrap();
        header.set_size(0);
        header.set_entry_type(tar::EntryType::GNUSparse);
        header.as_mut_bytes()[483..495].copy_from_slice(b"\x80\0\0\0\x10\0\0\0\0\0\0\0");
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.resize(1536, 0);
        bytes
    };
    image(&mut source, "a:1", &[read("bomb.gz")]);
    image(&mut source, "b:1", &[read("bomb.zip")]);
    image(&mut source, "c:1", &[holes]);
    desk.pack("oci:src --chunk-size 64KiB").ok();
    let report = counted(&desk, "max-expanded-bytes = 1000000\n", 5);
    let ended =
        report["files"].as_array().unwrap().iter().filter(|file| file["ended_by"] == "max-expanded-bytes");
    for file in ended.clone() {
        assert!(file["expanded"].as_u64().unwrap() < 1_200_000, "{file}");
        assert_eq!(file["over"], json!({ "max-expanded-bytes": 1 }));
    }
    assert!(ended.count() >= 1, "{report}");
    let report = counted(&desk, "max-ratio = 100\n", 5);
    assert!(
        report["files"].as_array().unwrap().iter().any(|file| file["ended_by"] == "max-ratio"),
        "{report}"
    );
}

#[test]
fn hostile_archives_are_named_and_counting_goes_on() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let mut cut = tar_of(&[("a", 0o644, &[b'x'; 3000])]);
    cut.truncate(1500);
    let mut wrong = tar_of(&[("a", 0o644, b"1"), ("b", 0o644, b"2")]);
    wrong[1024 + 20] ^= 1;
    let cases: [(&str, &[u8]); 6] = [
        ("cut.tar", &cut),
        ("wrong.tar", &wrong),
        ("cut.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b"),
        ("end.zip", b"PK\x05\x06\0\0"),
        ("p.deb", b"!<arch>\ndebian-binary   0           0     0     100644  99        `\n2.0\n"),
        ("b.bz2", b"BZh91AY&SY"),
    ];
    let entries: Vec<(&str, u32, &[u8])> = cases
        .iter()
        .map(|(name, bytes)| (*name, 0o644, *bytes))
        .chain([("last", 0o644, b"z".as_slice())])
        .collect();
    image(&mut source, "a:1", &[tar_of(&entries)]);
    desk.pack("oci:src").ok();
    // A guard may open what is compressed with bzip2; damaged archives are damaged for everybody.
    let report = counted(&desk, "", 4);
    let verdict =
        |report: &Value| (report["allowed"] == true, report["complete"] == true, report["foreseen"] == true);
    assert_eq!(verdict(&report), (true, false, false));
    let file = &report["files"][0];
    let whys: Vec<&str> =
        file["not_opened"].as_array().unwrap().iter().map(|why| why.as_str().unwrap()).collect();
    for (name, _) in &cases {
        let named = whys.iter().filter(|why| why.contains(&format!("> {name}"))).count();
        assert_eq!(named, 1, "{name} in {whys:#?}");
    }
    assert_eq!(file["not_opened_places"], cases.len());
    // The layer with its 7 files; the archives have as much as can be read of them.
    assert!(file["entries"].as_u64().unwrap() >= 8, "{file}");
    assert_eq!(file["unforeseen_places"], 1);
    prints(
        &desk.carnet("guard out --profile guard.toml").ends(4),
        &[
            "NOT FORESEEN: not all opened here",
            "NOT OPENED HERE",
            "NOT FORESEEN: within the limits of guard.toml",
        ],
    );
    // An audit says the same.
    desk.carnet("audit out --pub k.pub.pem --guard guard.toml -o json").ends(4);
    // One that does not open it sees a file like others.
    let report = counted(&desk, "expands = [\"tar\", \"gzip\", \"zip\", \"deb\"]\n", 0);
    assert_eq!(verdict(&report), (true, false, true));
    prints(
        &desk.carnet("guard out --profile guard.toml").ok(),
        &["within limits, not all can be opened", "NOT OPENED, because it is damaged or encrypted"],
    );
    desk.carnet("audit out --pub k.pub.pem --guard guard.toml -o json").ok();
}

#[test]
fn profiles_and_places_are_checked() {
    let desk = bundle();
    let refuses = |text: &str, says: &str| {
        std::fs::write(desk.path("p"), text).unwrap();
        desk.carnet("guard out --profile p").ends(2).says(&[
            "error[profile-unusable]: p: ",
            says,
            "docs/guard.md",
        ]);
    };
    refuses("version = 1\nmax-depht = 3\n", "line 2: unknown field `max-depht`");
    refuses("version = 7\n", "version is 7, 1 was expected");
    refuses(r#"{"rulesets": {"archives": {"maximumDepthLimit": -1}}}"#, "a whole number from 0 on");
    refuses(r#"{"dataSize": {"maximum": 1, "maximum": 2}}"#, "duplicate key \"maximum\"");
    refuses(r#"{"dataSize": {"Maximum": 1}}"#, "Maximum");
    desk.carnet("guard out --profile none").ends(1).says(&["file-unusable"]);
    std::fs::write(desk.path("p"), "version = 1\n").unwrap();
    desk.carnet("guard src --profile p").ends(4).says(&["found no chunk"]);
    desk.carnet("guard out --profile p -o html").ends(2).says(&["text or json"]);
    desk.carnet("guard out --profile p -o json=g.json -o text=g.txt").ok();
    let written: Value = serde_json::from_slice(&std::fs::read(desk.path("g.json")).unwrap()).unwrap();
    let printed = desk.carnet("guard out --profile p --json --jobs 1").ok().json();
    assert_eq!(written, printed);
    desk.carnet("guard --help").ok();
}
