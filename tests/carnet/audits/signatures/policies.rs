//! Rules that ask for signatures.

use serde_json::{Value, json};

use super::signers::{Workshop, base64, payload_of};
use crate::behaviour::layouts::on;

const P256: &str = "EC -pkeyopt ec_paramgen_curve:P-256";

/// Signs a manifest with `NAME.key`, and attaches that.
fn sign(workshop: &mut Workshop, name: &str, manifest: &Value) {
    let payload = payload_of(manifest);
    let signature = base64(&workshop.sign(name, "-sha256", payload.as_bytes()));
    let mut blob =
        workshop.source.blob("application/vnd.dev.cosign.simplesigning.v1+json", payload.as_bytes());
    blob["annotations"] = json!({ "dev.cosignproject.cosign/signature": signature });
    workshop.attach(manifest, "application/vnd.dev.cosign.artifact.sig.v1+json", &blob);
}

#[test]
fn artifacts_need_the_signatures_that_rules_ask_for() {
    let mut workshop = Workshop::new();
    workshop.key("team", P256);
    workshop.key("vendor", P256);
    let image = workshop.image.clone();
    sign(&mut workshop, "team", &image);
    sign(&mut workshop, "team", &image);
    let id = workshop.sh("openssl pkey -pubin -in team.pub -outform DER | sha256sum").stdout;
    let id = id.split(' ').next().unwrap();
    let (team, vendor) = ("--cosign-key team.pub", "--cosign-key vendor.pub");
    for (rules, options, is_denied) in [
        ("required-signatures = 1", team, false),
        // One signer, twice.
        ("required-signatures = 2", team, true),
        ("required-signatures = 1", vendor, true),
        ("required-signatures = 1", "", true),
        ("[[required-signers]]", team, false),
        ("[[required-signers]]", vendor, true),
        ("[[required-signers]]\nkeys = ['team.*']", team, false),
        (&format!("[[required-signers]]\nkeys = ['{id}']"), team, false),
        ("[[required-signers]]\nkeys = ['vendor.pub']", &format!("{team} {vendor}"), true),
        ("[[required-signers]]\nkeys = ['vendor.pub']\nartifacts = ['other:*']", team, false),
        ("[[required-signers]]\nkeys = ['vendor.pub']\nartifacts = ['app:*']", team, true),
        ("[[required-signers]]\nsubjects = ['*']", team, true),
    ] {
        workshop.write("policy.toml", format!("version = 1\n{rules}\n"));
        let code = if is_denied { 5 } else { 0 };
        let options = format!("--policy policy.toml {options}");
        let run = workshop.desk.carnet(&format!("audit oci:src {options}")).ends(code);
        if is_denied {
            run.says(&["DENIED", "required-sign", "app:1"]);
        }
        workshop.desk.pack(&format!("oci:src {options} --dry-run")).ends(code);
    }
    workshop.write("policy.toml", "version = 1\nrequird-signers = []\n");
    workshop.desk.carnet("audit oci:src --policy policy.toml").ends(2).says(&["rules-unusable"]);
}

/// A signature on one image of an index says nothing of the others.
#[test]
fn all_of_an_index_must_be_signed() {
    let mut workshop = Workshop::new();
    workshop.key("team", P256);
    let (one, two) = (workshop.source.image(1, &[10]), workshop.source.image(2, &[10]));
    let index = workshop.source.index(&[on("linux/amd64", &one), on("linux/arm64", &two)]);
    workshop.source = workshop.desk.source("src");
    workshop.source.tag(&index, "app:1");
    workshop.write(
        "policy.toml",
        "version = 1\nrequired-signatures = 1\nallow-opaque = true\nallow-not-covered = true\n",
    );
    let audit = |workshop: &Workshop, code: i32, options: &str| {
        let command = format!("audit oci:src --policy policy.toml --cosign-key team.pub -o json {options}");
        let report = workshop.desk.carnet(&command).ends(code).json();
        let denials = report["policy"]["denials"].as_array().unwrap().clone();
        denials.iter().filter(|denial| denial["rule"] == "required-signatures").count()
    };
    sign(&mut workshop, "team", &one);
    assert_eq!(audit(&workshop, 5, ""), 1);
    assert_eq!(audit(&workshop, 0, "--platform linux/amd64"), 0);
    sign(&mut workshop, "team", &two);
    assert_eq!(audit(&workshop, 0, ""), 0);
    workshop.source = workshop.desk.source("src");
    workshop.source.tag(&index, "app:1");
    sign(&mut workshop, "team", &index);
    assert_eq!(audit(&workshop, 0, ""), 0);
}

/// An attestation that is signed is no signature of the artifact.
#[test]
fn a_signed_attestation_does_not_count() {
    let mut workshop = Workshop::new();
    workshop.key("team", P256);
    let digest = workshop.image["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
    let payload =
        json!({ "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://example.com/p",
        "subject": [{ "digest": { "sha256": digest } }], "predicate": {} })
        .to_string();
    let kind = "application/vnd.in-toto+json";
    let signed = format!("DSSEv1 {} {kind} {} {payload}", kind.len(), payload.len());
    let signature = workshop.sign("team", "-sha256", signed.as_bytes());
    let envelope = json!({ "payloadType": kind, "payload": base64(payload.as_bytes()),
        "signatures": [{ "sig": base64(&signature) }] });
    let blob = workshop.source.blob("application/vnd.dsse.envelope.v1+json", envelope.to_string().as_bytes());
    let image = workshop.image.clone();
    workshop.attach(&image, "application/vnd.dsse.envelope.v1+json", &blob);
    assert_eq!(workshop.result("--cosign-key team.pub").0, "valid");
    workshop.write("policy.toml", "version = 1\nrequired-signatures = 1\n");
    workshop.desk.carnet("audit oci:src --policy policy.toml --cosign-key team.pub").ends(5);
}
