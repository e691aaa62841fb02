//! Signed envelopes (DSSE) and Sigstore bundles, made with openssl.

use serde_json::{Value, json};

use super::signers::{Workshop, base64};

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const STATEMENT: &str = "application/vnd.in-toto+json";

fn statement(predicate: &str, digest: &str) -> String {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "digest": { "sha256": digest.trim_start_matches("sha256:") } }],
        "predicateType": predicate,
        "predicate": {},
    })
    .to_string()
}

/// An envelope that `team.key` signs, as a payload of this type.
fn envelope(workshop: &Workshop, kind: &str, payload: &str) -> Value {
    let signed = format!("DSSEv1 {} {kind} {} {payload}", kind.len(), payload.len());
    let signature = workshop.sign("team", "-sha256", signed.as_bytes());
    json!({ "payloadType": kind, "payload": base64(payload.as_bytes()), "signatures": [{ "sig": base64(&signature) }] })
}

fn bundle(content: &str, value: &Value, material: &Value) -> String {
    json!({ "mediaType": BUNDLE, "verificationMaterial": material, content: value }).to_string()
}

/// The kind, the result, and who signed or why not, of a single bundle at the image.
fn result(workshop: &mut Workshop, text: &str, options: &str) -> (String, String, String) {
    workshop.source = workshop.desk.source("src");
    let image = workshop.image.clone();
    workshop.source.tag(&image, "app:1");
    let blob = workshop.source.blob(BUNDLE, text.as_bytes());
    workshop.attach(&image, BUNDLE, &blob);
    let results = workshop.results(options);
    let [(kind, status, by, why)] = results.as_slice() else { panic!("{text}: {results:?}") };
    (kind.clone(), status.clone(), format!("{by}{why}"))
}

#[test]
fn bundles_of_keys_are_checked() {
    let mut workshop = Workshop::new();
    workshop.key("team", "EC -pkeyopt ec_paramgen_curve:P-256");
    let digest = workshop.image["digest"].as_str().unwrap().to_owned();
    let key = json!({ "publicKey": { "hint": "x" } });
    let keyless = json!({ "certificate": { "rawBytes": "AA==" } });
    let sign = "https://sigstore.dev/cosign/sign/v1";
    let good = envelope(&workshop, STATEMENT, &statement(sign, &digest));
    let about = |predicate: &str, digest: &str| envelope(&workshop, STATEMENT, &statement(predicate, digest));
    let other = about(sign, &"0".repeat(64));
    let attestation = about("https://example.com/p", &digest);
    let other_attestation = about("https://example.com/p", &"0".repeat(64));
    // The payload of one with the signature of another, and the same bytes as another type.
    let mut mixed = good.clone();
    mixed["payload"] = attestation["payload"].clone();
    let mut retyped = good.clone();
    retyped["payloadType"] = "text/plain".into();
    let mut two = good.clone();
    two["signatures"] = json!([{ "sig": base64(&[1; 70]) }, good["signatures"][0]]);
    let mut none = good.clone();
    none["signatures"] = json!([]);
    let unknown = envelope(&workshop, "text/plain", "hello");

    let manifest = std::fs::read(workshop.source.blob_path(&workshop.image)).unwrap();
    let over_manifest = base64(&workshop.sign("team", "-sha256", &manifest));
    let raw = carnet::oci::Digest::sha256(&manifest).hex();
    let raw: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&raw[2 * at..2 * at + 2], 16).unwrap()).collect();
    let message = |digest: &[u8], signature: &str| json!({ "messageDigest": { "algorithm": "SHA2_256", "digest": base64(digest) }, "signature": signature });
    let not_made = "did not make it, or it was changed";
    for (content, value, material, kind, status, words) in [
        ("dsseEnvelope", &good, &key, "cosign", "valid", "team.pub"),
        ("dsseEnvelope", &good, &json!({}), "cosign", "valid", "team.pub"),
        ("dsseEnvelope", &two, &key, "cosign", "valid", "team.pub"),
        ("dsseEnvelope", &other, &key, "cosign", "invalid", "it is about sha256:0000"),
        ("dsseEnvelope", &mixed, &key, "attestation", "invalid", not_made),
        ("dsseEnvelope", &retyped, &key, "cosign", "invalid", not_made),
        ("dsseEnvelope", &none, &key, "cosign", "invalid", "the envelope has no signature"),
        ("dsseEnvelope", &mixed, &keyless, "attestation", "unverifiable", "(keyless)"),
        ("dsseEnvelope", &attestation, &key, "attestation", "valid", "team.pub"),
        ("dsseEnvelope", &other_attestation, &key, "attestation", "invalid", "it is about sha256:0000"),
        ("dsseEnvelope", &unknown, &key, "attestation", "unverifiable", "of an unknown type"),
        ("messageSignature", &message(&raw, &over_manifest), &key, "cosign", "valid", "team.pub"),
        (
            "messageSignature",
            &message(&[0; 32], &over_manifest),
            &key,
            "cosign",
            "invalid",
            "it is about sha256:0000",
        ),
        ("messageSignature", &message(&raw, &base64(&[1; 70])), &key, "cosign", "invalid", not_made),
    ] {
        let text = bundle(content, value, material);
        let found = result(&mut workshop, &text, "--cosign-key team.pub");
        assert!(found.0 == kind && found.1 == status && found.2.contains(words), "{text}: {found:?}");
        assert_ne!(result(&mut workshop, &text, "").1, "valid", "{text}");
    }
    // Two readers could take different envelopes from it.
    let text =
        bundle("dsseEnvelope", &good, &key).replacen("\"payload\"", "\"payload\":\"e30=\",\"payload\"", 1);
    let found = result(&mut workshop, &text, "--cosign-key team.pub");
    assert_eq!(found.1, "unverifiable", "{found:?}");
}
