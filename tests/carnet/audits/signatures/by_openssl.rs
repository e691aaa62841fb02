//! Signatures in the form of cosign, made with openssl: every kind of key, and everything that can be wrong.

use serde_json::{Value, json};

use super::signers::{Workshop, base64, payload_of, results};
use crate::behaviour::layouts::with;

const NOT_MADE: &str = "the key that was given did not make it, or it was changed";

/// Kinds of keys, and the hashes that cosign uses with each.
const KEYS: &[(&str, &str, &str)] = &[
    ("p256", "EC -pkeyopt ec_paramgen_curve:P-256", "-sha256"),
    ("p384", "EC -pkeyopt ec_paramgen_curve:P-384", "-sha384"),
    ("p384-old", "EC -pkeyopt ec_paramgen_curve:P-384", "-sha256"),
    ("p521", "EC -pkeyopt ec_paramgen_curve:P-521", "-sha512"),
    ("p521-old", "EC -pkeyopt ec_paramgen_curve:P-521", "-sha256"),
    ("ed25519", "ED25519", ""),
    ("rsa2048", "RSA -pkeyopt rsa_keygen_bits:2048", "-sha256"),
    ("rsa4096", "RSA -pkeyopt rsa_keygen_bits:4096", "-sha256"),
];

#[test]
fn every_kind_of_key_signs_and_no_other_key_fits() {
    let mut workshop = Workshop::new();
    let payload = payload_of(&workshop.image);
    let signature = |(name, algorithm, hash): &(&str, &str, &str)| {
        workshop.key(name, algorithm);
        let signature = workshop.sign(name, hash, payload.as_bytes());
        json!({ "dev.cosignproject.cosign/signature": base64(&signature) })
    };
    let signatures: Vec<Value> = KEYS.iter().map(signature).collect();
    workshop.attach_cosign(payload.as_bytes(), &signatures);
    for (name, ..) in KEYS {
        let results = workshop.results(&format!("--cosign-key {name}.pub"));
        let (valid, invalid): (Vec<_>, Vec<_>) = results.iter().partition(|result| result.1 == "valid");
        assert_eq!(valid.len(), 1, "{name}: {results:?}");
        assert_eq!(valid[0].2, format!("{name}.pub"));
        assert!(
            invalid.len() == KEYS.len() - 1 && invalid.iter().all(|result| result.3 == NOT_MADE),
            "{name}"
        );
    }
    let all: String = KEYS.iter().map(|(name, ..)| format!(" --cosign-key {name}.pub")).collect();
    let report = workshop.report("oci:src", &all);
    assert!(results(&report).iter().all(|result| result.1 == "valid"));
    let invalid = workshop.report("oci:src", "--cosign-key p256.pub");
    let invalid = invalid["findings"].as_array().unwrap().iter();
    assert_eq!(invalid.filter(|finding| finding["rule"] == "signature-invalid").count(), KEYS.len() - 1);
}

/// Payload, what is changed in the signature, annotations, the expected status and key, and words of the reason.
type Case<'a> = (String, Change, Value, (&'a str, &'a str), &'a str);

type Change = fn(&mut Vec<u8>);

#[test]
fn what_is_wrong_with_a_signature_is_said() {
    let other = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let image = Workshop::new().image;
    let digest = image["digest"].as_str().unwrap().to_owned();
    let good = payload_of(&image);
    let twice = good.replacen('{', &format!("{{\"critical\":{},", json!({ "image": {}, "type": "" })), 1);
    let as_it_is: Change = |_| {};
    let changed: Change = |signature| signature[20] ^= 1;
    // The document, what changes the signature, annotations, the result with the key, and without it.
    let cases: [Case; 9] = [
        (good.clone(), as_it_is, json!({}), ("valid", "p256.pub"), "unverifiable"),
        (
            good.replace(&digest, other),
            as_it_is,
            json!({}),
            ("invalid", "it is about sha256:0000"),
            "invalid",
        ),
        (good.replace("cosign c", "atomic c"), as_it_is, json!({}), ("invalid", "expected a"), "invalid"),
        (twice, as_it_is, json!({}), ("invalid", "what is signed cannot be read"), "invalid"),
        ("[]".to_owned(), as_it_is, json!({}), ("invalid", "what is signed cannot be read"), "invalid"),
        (good.clone(), changed, json!({}), ("invalid", NOT_MADE), "unverifiable"),
        (good.clone(), Vec::clear, json!({}), ("invalid", "it has no signature"), "invalid"),
        (
            good.clone(),
            as_it_is,
            json!({ "dev.cosignproject.cosign/signature": "%" }),
            ("invalid", "the signature in its annotations is not base64"),
            "invalid",
        ),
        (
            good.clone(),
            changed,
            json!({ "dev.sigstore.cosign/certificate": "-----BEGIN CERTIFICATE-----" }),
            ("unverifiable", "(keyless); such certificates are not checked"),
            "unverifiable",
        ),
    ];
    for (payload, change, more, (status, words), without) in cases {
        let mut workshop = Workshop::new();
        assert_eq!(workshop.image["digest"], digest.as_str());
        workshop.key("p256", KEYS[0].1);
        let mut signature = workshop.sign("p256", "-sha256", payload.as_bytes());
        change(&mut signature);
        let annotations = with(json!({ "dev.cosignproject.cosign/signature": base64(&signature) }), &more);
        workshop.attach_cosign(payload.as_bytes(), &[annotations]);
        let result = workshop.result("--cosign-key p256.pub");
        assert!(result.0 == status && result.1.contains(words), "{payload}: {result:?}");
        assert_eq!(workshop.result("").0, without, "{payload}");
    }
}

/// A document that another signature covers is of no use with a signature that was moved.
#[test]
fn a_signature_holds_for_its_manifest_alone() {
    let mut workshop = Workshop::new();
    workshop.key("p256", KEYS[0].1);
    let payload = payload_of(&workshop.image);
    let signature = base64(&workshop.sign("p256", "-sha256", payload.as_bytes()));
    let other = workshop.source.image(7, &[100]);
    workshop.source.tag(&other, "app:2");
    let mut blob =
        workshop.source.blob("application/vnd.dev.cosign.simplesigning.v1+json", payload.as_bytes());
    blob["annotations"] = json!({ "dev.cosignproject.cosign/signature": signature });
    workshop.attach(&other, "application/vnd.dev.cosign.artifact.sig.v1+json", &blob);
    let (status, why) = workshop.result("--cosign-key p256.pub");
    assert_eq!(status, "invalid");
    assert!(why.starts_with("it is about ") && why.contains(" and attached to "), "{why}");
}

#[test]
fn keys_that_cannot_be_used_are_refused() {
    let workshop = Workshop::new();
    workshop.key("small", "RSA -pkeyopt rsa_keygen_bits:1024");
    workshop.key("curve", "EC -pkeyopt ec_paramgen_curve:secp256k1");
    workshop.key("x", "X25519");
    workshop.key("p256", KEYS[0].1);
    workshop.sh("openssl req -x509 -key p256.key -subj /CN=x -out p256.pem; cat p256.pub p256.pub > two.pub; : > empty");
    // The point of small order: anybody can sign with it.
    let weak = [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0, 1][..], &[0; 31]].concat();
    workshop
        .write("weak", format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", base64(&weak)));
    for (option, file, words) in [
        ("--cosign-key", "small.pub", "is an RSA key of 1024 bits; 2048 to 8192 are used"),
        ("--cosign-key", "curve.pub", "is on the unsupported curve 1.3.132.0.10"),
        ("--cosign-key", "x.pub", "has the unsupported algorithm 1.3.101.110"),
        ("--cosign-key", "p256.key", "it is a private key; a public key is needed"),
        ("--cosign-key", "p256.pem", "\"CERTIFICATE\", expected \"PUBLIC KEY\""),
        ("--cosign-key", "two.pub", "more than one PEM block"),
        ("--cosign-key", "weak", "is weak"),
        ("--cosign-key", "empty", "does not start with a -----BEGIN line"),
        ("--notation-ca", "p256.pub", "expected a PEM block \"CERTIFICATE\", found none"),
        ("--notation-ca", "empty", "expected a PEM block \"CERTIFICATE\", found none"),
    ] {
        let run = workshop.desk.carnet(&format!("audit oci:src {option} {file}")).ends(2);
        run.says(&["error[signature-key-unusable]", file, words]);
    }
    workshop.desk.carnet("audit oci:src --cosign-key nowhere.pub").ends(1).says(&["nowhere.pub"]);
}
