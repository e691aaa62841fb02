//! One case for each rule of a policy: it denies and allows, and says what, where and why in text, JSON and SARIF.

use serde_json::{Value, json};

use super::contents::tar_of;
use crate::behaviour::layouts::{CONFIG, LAYER, digest_of};
use crate::behaviour::support::Desk;

/// A rule: a value with which it denies, one with which it allows, and the same in Rego, with its two values.
pub(super) struct Case {
    pub(super) rule: &'static str,
    pub(super) denies: String,
    pub(super) allows: String,
    /// The conditions of the rule in Rego. `PARAM` stands for the value.
    #[cfg_attr(not(feature = "rego"), allow(dead_code))]
    pub(super) rego: &'static str,
    /// Its values: the first denies, the second allows.
    #[cfg_attr(not(feature = "rego"), allow(dead_code))]
    pub(super) params: [String; 2],
}

const KEY: &[u8] = b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIB0VCBGVcBdJZ7pGZ4Jxq3Yw8nqO7Y6lm5C8gN4dS2mR\n-----END PRIVATE KEY-----\n";
const STATUS: &[u8] = b"Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n";

/// The audit of [`desk`], without a policy.
pub(super) const AUDIT: &str = "audit oci:src --at 2026-01-26T00:00:00Z --max-depth 1 --advisories osv.json";

/// An image of which every rule has something to say.
pub(super) fn desk() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let inner = tar_of(&[("inner.tar", 0o644, &tar_of(&[("x", 0o644, b"x")]))]);
    let layer = tar_of(&[
        ("etc/os-release", 0o644, b"ID=debian\nVERSION_ID=\"12\"\n"),
        ("var/lib/dpkg/status", 0o644, STATUS),
        ("usr/share/doc/a/copyright", 0o644, b"see /usr/share/common-licenses/GPL-3\n"),
        (
            "app/node_modules/left-pad/package.json",
            0o644,
            br#"{"name":"left-pad","version":"1.3.0","license":"WTFPL"}"#,
        ),
        ("bin/su", 0o4755, b"x"),
        ("root/key.pem", 0o600, KEY),
        ("opt/a.7z", 0o644, b"7z\xbc\xaf\x27\x1cmore"),
        ("opt/b.tar", 0o644, &inner),
    ]);
    let diff_ids = [carnet::oci::Digest::sha256(&layer).to_string()];
    let config = json!({ "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z",
        "rootfs": { "type": "layers", "diff_ids": diff_ids } });
    let config = source.blob(CONFIG, config.to_string().as_bytes());
    let layer = source.blob(LAYER, &layer);
    let image = source.manifest(&config, &[layer]);
    source.tag(&image, "team/app:1");
    let sbom =
        json!({ "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "x", "packages": [] });
    let sbom = source.referrer(&image, "application/spdx+json", &sbom.to_string());
    source.list(&sbom);
    let note = source.referrer(&image, "application/vnd.example.note", "note");
    source.list(&note);
    let record = json!({ "id": "CVE-2026-1", "modified": "2026-01-01T00:00:00Z", "summary": "bad",
        "affected": [{ "package": { "ecosystem": "Debian:12", "name": "other" },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }] }] }] });
    std::fs::write(desk.path("osv.json"), record.to_string()).unwrap();
    desk
}

/// The cases for [`desk`].
pub(super) fn cases(desk: &Desk) -> Vec<Case> {
    let report = desk.carnet(&format!("{AUDIT} -o json")).ok().json();
    let bytes = report["totals"]["bytes"].as_u64().unwrap();
    let case = |rule, denies: &str, allows: &str, rego, params: [&str; 2]| Case {
        rule,
        denies: denies.to_owned(),
        allows: allows.to_owned(),
        rego,
        params: params.map(str::to_owned),
    };
    let size = |rule| Case {
        rule,
        denies: (bytes - 1).to_string(),
        allows: bytes.to_string(),
        rego: "sum([layer.bytes | some layer in input.layers]) > PARAM",
        params: [(bytes - 1).to_string(), bytes.to_string()],
    };
    let finding = "some finding in input.findings\n\tfinding.rule == PARAM";
    let valid = "count([one | some one in input.signatures; one.status == \"valid\"]) < PARAM";
    vec![
        case(
            "allowed-artifacts",
            "['x/*']",
            "['team/*']",
            "some artifact in input.artifacts\n\tnot startswith(artifact.name, PARAM)",
            ["\"x/\"", "\"team/\""],
        ),
        case(
            "denied-artifacts",
            "['*:1']",
            "['*:2']",
            "some artifact in input.artifacts\n\tendswith(artifact.name, PARAM)",
            ["\":1\"", "\":2\""],
        ),
        case(
            "allowed-platforms",
            "['linux/arm64']",
            "['linux/*']",
            "some image in input.images\n\tnot startswith(image.platform, PARAM)",
            ["\"linux/arm64\"", "\"linux/\""],
        ),
        case(
            "allowed-media-types",
            "['a/b']",
            "['application/*']",
            "some layer in input.layers\n\tnot startswith(layer.media_type, PARAM)",
            ["\"a/b\"", "\"application/\""],
        ),
        case(
            "denied-media-types",
            "['*.layer.*']",
            "['a/b']",
            "some layer in input.layers\n\tcontains(layer.media_type, PARAM)",
            ["\".layer.\"", "\"a/b\""],
        ),
        case(
            "max-age-days",
            "24",
            "25",
            "some image in input.images\n\timage.config.created < PARAM",
            ["\"2026-01-02\"", "\"2026-01-01\""],
        ),
        size("max-artifact-bytes"),
        size("max-bytes"),
        case("required-boms", "2", "1", "count(input.boms) < PARAM", ["2", "1"]),
        case("required-signatures", "1", "0", valid, ["1", "0"]),
        case(
            "required-signers",
            "[{ artifacts = ['team/*'], keys = ['team.pub'] }]",
            "[]",
            valid,
            ["1", "0"],
        ),
        case(
            "allowed-licences",
            "['GPL-3']",
            "['GPL-3', 'WTFPL']",
            "some one in input.packages\n\tsome licence in one.licences\n\tnot licence in PARAM",
            ["[\"GPL-3\"]", "[\"GPL-3\", \"WTFPL\"]"],
        ),
        case(
            "denied-licences",
            "['WTFPL']",
            "['AGPL-3.0-only']",
            "some one in input.packages\n\tsome licence in one.licences\n\tlicence in PARAM",
            ["[\"WTFPL\"]", "[\"AGPL-3.0-only\"]"],
        ),
        case(
            "forbidden-packages",
            "[{ kind = 'npm', name = 'left-*', before = '2.0.0' }]",
            "[{ kind = 'npm', name = 'left-*', before = '1.3.0' }]",
            "some one in input.packages\n\tstartswith(one.name, \"left-\")\n\tsemver.compare(one.version, PARAM) < 0",
            ["\"2.0.0\"", "\"1.3.0\""],
        ),
        case("denied-findings", "['setuid']", "['setgid']", finding, ["\"setuid\"", "\"setgid\""]),
        case(
            "denied-severity",
            "'high'",
            "'critical'",
            "some finding in input.findings\n\tfinding.severity in PARAM",
            ["[\"high\", \"critical\"]", "[\"critical\"]"],
        ),
        case("allow-setuid", "false", "true", finding, ["\"setuid\"", "\"none\""]),
        case("allow-secrets", "false", "true", finding, ["\"secret\"", "\"none\""]),
        case("allow-unopened-archives", "false", "true", finding, ["\"unopened-archive\"", "\"none\""]),
        case("allow-opaque", "false", "true", "count(input.coverage.opaque) > PARAM", ["0", "1"]),
        case("allow-limits-hit", "false", "true", "count(input.coverage.limits_hit) > PARAM", ["0", "1"]),
        case(
            "allow-not-covered",
            "false",
            "true",
            "count(input.coverage.kinds_without_advisories) > PARAM",
            ["0", "1"],
        ),
    ]
}

/// A policy with this rule alone.
fn policy(rule: &str, value: &str) -> String {
    let usual = ["allow-secrets", "allow-opaque", "allow-limits-hit", "allow-not-covered"];
    let others = usual.into_iter().filter(|other| *other != rule).map(|other| format!("{other} = true\n"));
    format!("version = 1\n{rule} = {value}\n{}", others.collect::<String>())
}

/// The results of SARIF that a rule denies.
fn denied_results<'a>(sarif: &'a Value, rule: &str) -> Vec<&'a Value> {
    let results = sarif["runs"][0]["results"].as_array().unwrap().iter();
    let is_denied = |result: &&Value| {
        let rules = result["properties"]["denied-by"].as_array();
        rules.is_some_and(|rules| rules.iter().any(|one| one == rule))
    };
    results.filter(is_denied).collect()
}

#[test]
fn each_rule_denies_and_allows_and_names_rule_and_place() {
    let desk = desk();
    let page = include_str!("../../../docs/policy.md");
    let write = |text: &str| std::fs::write(desk.path("policy.toml"), text).unwrap();
    for Case { rule, denies, allows, .. } in cases(&desk) {
        assert!(page.contains(rule), "{rule} is not in docs/policy.md");
        write(&policy(rule, &allows));
        desk.carnet(&format!("{AUDIT} --policy policy.toml")).ok();
        write(&policy(rule, &denies));
        let audit = format!("{AUDIT} --policy policy.toml -o text=r.txt -o json=r.json -o sarif=r.sarif");
        desk.carnet(&audit).ends(5);
        let read = |file: &str| std::fs::read_to_string(desk.path(file)).unwrap();
        let json = |file: &str| serde_json::from_str::<Value>(&read(file)).unwrap();
        let report = json("r.json");
        let denials = report["policy"]["denials"].as_array().unwrap();
        assert!(
            !denials.is_empty() && denials.iter().all(|denial| denial["rule"] == rule),
            "{rule}: {denials:?}"
        );
        let (text, sarif) = (read("r.txt"), json("r.sarif"));
        let results = denied_results(&sarif, rule);
        assert_eq!(results.len(), denials.len(), "{rule}");
        for denial in denials {
            let place = denial["place"].as_str().unwrap();
            let said = format!("  {rule}: {} ({place})", denial["text"].as_str().unwrap());
            assert!(text.contains(&said), "no {said:?} in {text}");
            // The digest and the path that the place names are in SARIF, too.
            let of_denial = |result: &&&Value| {
                let location = &result["locations"][0];
                let digest =
                    location["logicalLocations"][0]["fullyQualifiedName"].as_str().unwrap_or_default();
                let path = location["physicalLocation"]["artifactLocation"]["uri"].as_str();
                let named = path.map_or_else(|| digest.to_owned(), |path| format!("{digest} {path}"));
                named == place && result["level"] == "error"
            };
            assert!(results.iter().any(|result| of_denial(&result)), "{rule}: {place}: {results:#?}");
        }
    }
}

/// A package is named with the layer and the file that it is in, an artifact by its name.
#[test]
fn a_denial_says_where_it_is() {
    let desk = desk();
    let report = desk.carnet(&format!("{AUDIT} -o json")).ok().json();
    let layer = digest_of(&report["layers"][0]).to_owned();
    for (rule, value, place) in [
        (
            "denied-licences",
            "['WTFPL']",
            format!("{layer} app/node_modules/left-pad/package.json pkg:npm/left-pad@1.3.0"),
        ),
        ("allow-setuid", "false", format!("{layer} bin/su")),
        ("required-signatures", "1", "team/app:1".to_owned()),
    ] {
        std::fs::write(desk.path("policy.toml"), policy(rule, value)).unwrap();
        let report = desk.carnet(&format!("{AUDIT} --policy policy.toml -o json")).ends(5).json();
        let places: Vec<&str> = report["policy"]["denials"]
            .as_array()
            .unwrap()
            .iter()
            .map(|denial| denial["place"].as_str().unwrap())
            .collect();
        assert_eq!(places, [place], "{rule}");
    }
}
