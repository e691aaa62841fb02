//! What a policy in Rego denies and warns of, and what is wrong with one.

use std::time::Duration;

use serde_json::{Value, json};

use super::{DENIES, station};
use crate::registries::server::Registry;
use crate::registries::station::{Station, in_time};

const RULES: &str = r#"package carnet

deny contains {"rule": "no-setuid", "place": finding.path, "msg": finding.text} if {
	some finding in input.findings
	finding.rule == "setuid"
}

deny contains "too many layers" if count(input.layers) > 1

warn contains sprintf("%s has no name", [artifact.digest]) if {
	some artifact in input.artifacts
	not artifact.name
}

warn contains "an image says API_TOKEN" if {
	some image in input.images
	some variable in image.config.env
	regex.match(`^API_\w+=`, variable)
}
"#;

fn policy_of(station: &Station, options: &str) -> Value {
    let run = station.carnet(&format!("audit oci:src {options} -o json"));
    serde_json::from_str::<Value>(&run.stdout).unwrap()["policy"].clone()
}

#[test]
fn it_denies_and_warns() {
    let station = station(RULES);
    let judged = policy_of(&station, "--policy policy.rego");
    assert_eq!(judged["allowed"], false);
    let denials = judged["denials"].as_array().unwrap();
    assert_eq!(denials.len(), 1, "{judged:#}");
    assert_eq!(denials[0]["rule"], "no-setuid");
    assert_eq!(denials[0]["place"], "bin/su");
    assert!(denials[0]["text"].as_str().unwrap().contains("runs as user 0"), "{judged:#}");
    let warning = json!({ "rule": "warn", "place": "policy.rego", "text": "an image says API_TOKEN" });
    assert_eq!(judged["warnings"], json!([warning]));
    let words =
        ["DENIED", "no-setuid: ", "warning: warn: an image says API_TOKEN (policy.rego)", "1 warning"];
    station.carnet("audit oci:src --policy policy.rego").ends(5).says(&words);
    // It stands beside the usual rules. What one of them denies is denied.
    station.write("all.toml", "version = 1\n");
    station.write("none.toml", "version = 1\nallowed-artifacts = [\"other:*\"]\n");
    station.carnet("audit oci:src --policy all.toml --policy policy.rego").ends(5);
    let both = policy_of(&station, "--policy none.toml --policy policy.rego");
    assert_eq!(both["denials"].as_array().unwrap().len(), 2, "{both:#}");
}

#[test]
fn a_denial_can_be_accepted() {
    let station = station(RULES);
    let accepted = "version = 1\n[[ignore]]\nrule = \"no-setuid\"\nplace = \"bin/*\"\nreason = \"needed\"\nuntil = \"2099-01-01\"\n";
    station.write("ignore.toml", accepted);
    station.carnet("audit oci:src --policy policy.rego --ignore ignore.toml").ok();
    station.write("ignore.toml", &accepted.replace("no-setuid", "deny"));
    station.carnet("audit oci:src --policy policy.rego --ignore ignore.toml").ends(5);
}

/// The input is the report that `-o json` prints.
#[test]
fn the_input_is_the_published_report() {
    let policy = "package carnet\n\ndeny contains json.marshal(input) if true\n";
    let station = station(policy);
    let run = station.carnet("audit oci:src --policy policy.rego -o json").ends(5);
    let mut report: Value = serde_json::from_str(&run.stdout).unwrap();
    let text = report["policy"]["denials"][0]["text"].as_str().unwrap().to_owned();
    report.as_object_mut().unwrap().remove("policy");
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), report);
}

#[test]
fn nothing_is_packed_or_pushed_that_it_denies() {
    let station = station(DENIES);
    station
        .pack("oci:src --policy policy.rego")
        .ends(5)
        .says(&["denied-by-policy", "deny: no (policy.rego)"]);
    assert!(!station.path("out").exists());
    station.write("warn.rego", "package carnet\n\nwarn contains \"careful\" if true\n");
    station.pack("oci:src --policy warn.rego").ok().says(&["the policy warns: warn: careful (warn.rego)"]);
    let registry = Registry::start();
    station.import(&registry.name(), "--policy policy.rego").ends(5).says(&["denied-by-policy"]);
    assert_eq!(registry.log().len(), 0);
    station.import(&registry.name(), "--policy warn.rego").ok();
    assert_eq!(registry.repositories(), ["app"]);
}

#[test]
fn nothing_is_received_that_it_denies() {
    let station = station(DENIES);
    station.pack("oci:src").ok();
    let receive = "receive out --pub k.pub.pem --once --then unpack oci:back";
    let run = station.carnet(&format!("{receive} --policy policy.rego")).ends(5);
    run.says(&["the bundle b is not used: the policy objects: 1 reason; the first: deny: no (policy.rego)"]);
    // What cannot be asked lets nothing pass.
    station.write("wrong.rego", "package carnet\n\ndeny contains 1 if true\n");
    station
        .carnet(&format!("{receive} --policy wrong.rego"))
        .ends(1)
        .says(&["wrong.rego: rule deny: it must give a set"]);
    assert!(!station.path("back").exists());
    station.write("warn.rego", "package carnet\n\nwarn contains \"careful\" if true\n");
    station.carnet(&format!("{receive} --policy warn.rego")).ok().says(&["the bundle b is done"]);
    assert!(station.path("back").exists());
}

#[test]
fn what_is_not_a_policy_is_refused_before_anything_is_read() {
    for (policy, words) in [
        ("package carnet\n\ndeny contains \"no\" if {\n", ["line ", "column "]),
        ("package other\n\ndeny contains \"no\" if true\n", ["the package is other", "it must be carnet"]),
        ("package carnet.deny\n\nno := 1\n", ["the package is carnet.deny", "it must be carnet"]),
        ("package carnet\n\nallow if true\n", ["neither a rule `deny` nor a rule `warn`", "policy.rego"]),
        // The syntax before Rego 1.0.
        ("package carnet\n\ndeny[msg] { msg := \"no\" }\n", ["line 3", "policy.rego"]),
        ("version = 1\n", ["line 1", "policy.rego"]),
    ] {
        let station = station(policy);
        // The source is not there: the policy is read first.
        let run = station.carnet("audit oci:nothing --policy policy.rego").ends(2);
        run.says(&["error[rules-unusable]: policy.rego: "]).says(&words);
    }
}

#[test]
fn a_policy_that_cannot_be_evaluated_allows_nothing() {
    for (body, words) in [
        ("deny := true if true", "it must give a set of strings, or of objects with `msg`; found true"),
        ("deny contains 7 if true", "found 7"),
        ("deny(x) := {\"no\"} if x", "rule deny: it is undefined"),
        ("deny := {\"no\"} if input.schema == \"x\"", "rule deny: it is undefined"),
        ("deny contains {\"rule\": \"x\"} if true", "found {"),
        ("deny contains {\"msg\": \"x\", \"where\": \"y\"} if true", "found {"),
        ("warn contains {\"msg\": 1} if true", "rule warn: "),
        // A built-in function that fails would make the rule undefined, and deny nothing.
        ("deny contains \"no\" if to_number(input.schema) > 1", "rule deny: line 3"),
        // The built-in functions that would reach outside are not there.
        (
            "deny contains \"no\" if http.send({\"method\": \"get\", \"url\": \"x\"}).status_code == 200",
            "http.send",
        ),
        ("deny contains \"no\" if time.now_ns() > 0", "time.now_ns"),
        ("deny contains \"no\" if opa.runtime().env.HOME", "opa.runtime"),
        ("deny contains \"no\" if rand.intn(\"x\", 2) == 1", "rand.intn"),
    ] {
        let station = station(&format!("package carnet\n\n{body}\n"));
        let run = station.carnet("audit oci:src --policy policy.rego").ends(1);
        run.says(&["error[policy-failed]: policy policy.rego: ", words]);
        station.pack("oci:src --policy policy.rego").ends(1);
        assert!(!station.path("out").exists());
    }
}

/// A rule that would run for years ends after some seconds of processor time.
#[test]
fn a_policy_that_does_not_end_is_ended() {
    let policy = "package carnet\n\ndeny contains \"no\" if {\n\tsome a in numbers.range(1, 100000)\n\tsome b in numbers.range(1, 100000)\n\ta + b < 0\n}\n";
    let station = station(policy);
    // A busy machine gives it less than a second of processor time in a second.
    let patience = Duration::from_secs(300);
    let run = in_time(&mut station.command("audit oci:src --policy policy.rego"), patience).ends(1);
    run.says(&["rule deny: it took more than 10 seconds of processor time"]);
}

/// Nor does it take all memory.
#[test]
fn a_policy_that_gathers_without_end_is_ended() {
    let policy = "package carnet\n\ndeny contains \"no\" if {\n\tx := [[a, b] | some a in numbers.range(1, 100000); some b in numbers.range(1, 100000)]\n\tcount(x) < 0\n}\n";
    let station = station(policy);
    let run = station.carnet("audit oci:src --policy policy.rego").ends(1);
    run.says(&["rule deny: it took more than 256 MiB of memory"]);
}
