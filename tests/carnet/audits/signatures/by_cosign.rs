//! Signatures and attestations that cosign makes in a registry.

use super::signers::{Workshop, results};
use crate::behaviour::support::installed;
use crate::registries::debian::Debian;

/// Pushes the image, lets cosign sign it in all its forms, and packs it all.
fn signed() -> Option<Workshop> {
    if !installed(&["skopeo"]) {
        return None;
    }
    let registry = Debian::plain()?;
    let workshop = Workshop::new();
    let name = registry.name();
    let at = format!("{name}/team/app@{}", workshop.image["digest"].as_str().unwrap());
    let sign = "--key team.key --tlog-upload=false --allow-http-registry -y";
    workshop.write("predicate.json", r#"{"built":"here"}"#);
    workshop.sh(&format!(
        "skopeo --insecure-policy copy -q --preserve-digests --dest-tls-verify=false oci:src:app:1 docker://{name}/team/app:1
         cosign generate-key-pair --output-key-prefix team
         cosign sign {sign} -a who=team {at}
         COSIGN_EXPERIMENTAL=1 cosign sign {sign} --registry-referrers-mode oci-1-1 {at}
         cosign attest {sign} --type custom --predicate predicate.json {at}
         cosign attest {sign} --type custom --new-bundle-format --predicate predicate.json {at}
         cosign verify --key team.pub --insecure-ignore-tlog=true --allow-http-registry {at}"
    ));
    workshop.desk.pack(&format!("docker://{name}/team/app:1")).ok();
    Some(workshop)
}

#[test]
fn what_cosign_signs_is_valid_with_its_key_alone() {
    let Some(workshop) = signed() else { return };
    workshop.key("other", "EC -pkeyopt ec_paramgen_curve:P-256");
    let audit = |options: &str| workshop.report("out", &format!("--pub k.pub.pem {options}"));
    let all = |status: &str, by: &str, why: &str| {
        let of = |kind: &str| (kind.to_owned(), status.to_owned(), by.to_owned(), why.to_owned());
        // The second signature lies in a manifest beside a copy of the first.
        vec![of("attestation"), of("attestation"), of("cosign"), of("cosign"), of("cosign")]
    };

    let report = audit("--cosign-key team.pub");
    assert_eq!(results(&report), all("valid", "team.pub", ""));
    for statement in report["statements"].as_array().unwrap() {
        assert_eq!(statement["signed_by"], "team.pub", "{statement}");
    }
    assert_eq!(report["statements"].as_array().unwrap().len(), 2);
    assert_eq!(report["basis"]["keys"][0]["name"], "team.pub");
    let sum = carnet::oci::Digest::sha256(&workshop.read("team.pub")).hex();
    assert_eq!(report["basis"]["keys"][0]["sha256"], sum);
    // The id of the key is what openssl computes.
    let id = workshop.sh("openssl pkey -pubin -in team.pub -outform DER | sha256sum").stdout;
    assert!(report["signatures"][0]["key"].as_str().is_some_and(|key| id.starts_with(key)), "{id}");

    let none = audit("");
    assert_eq!(results(&none), all("unverifiable", "", "no key was given to check it with"));
    assert_eq!(none["statements"][0]["signed_by"], serde_json::Value::Null);
    // A certificate is no key.
    workshop.sh("openssl req -x509 -key other.key -subj /CN=other -out other.pem");
    assert_eq!(
        results(&audit("--notation-ca other.pem")),
        all("unverifiable", "", "no key was given to check it with")
    );

    let why = "the key that was given did not make it, or it was changed";
    let other = audit("--cosign-key other.pub");
    assert_eq!(results(&other), all("invalid", "", why));
    let rules = other["findings"].as_array().unwrap().iter().map(|finding| &finding["rule"]);
    assert_eq!(rules.filter(|rule| **rule == "signature-invalid").count(), 5);
    assert_eq!(results(&audit("--cosign-key other.pub --cosign-key team.pub")), all("valid", "team.pub", ""));

    let text = workshop.desk.carnet("audit out --pub k.pub.pem --cosign-key team.pub").ok();
    let text = text.says(&["SIGNATURES (5):", "team.pub"]);
    assert!(
        text.stdout.lines().any(|line| line.contains("valid") && line.contains("cosign")),
        "{}",
        text.stdout
    );
    let record = workshop.desk.carnet("audit out --pub k.pub.pem --cosign-key other.pub -o record").ok();
    record.says(&["Signatures  5 INVALID", "checked with other.pub, SHA-256\n"]);
    let sarif = workshop.desk.carnet("audit out --pub k.pub.pem --cosign-key other.pub -o sarif").ok().json();
    let found = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(found.iter().filter(|result| result["ruleId"] == "signature-invalid").count(), 5);
}
