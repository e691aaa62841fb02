//! Envelopes of the Notary Project: made by Notation, and made with openssl to be wrong.

use carnet::format::Timestamp;
use serde_json::{Value, json};

use super::signers::{Workshop, base64};

const SIGNATURE: &str = "application/vnd.cncf.notary.signature";
const SIGNER: &str =
    "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n";
const AUTHORITY: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n";
const RSA: &str = "RSA -pkeyopt rsa_keygen_bits:2048";

/// Makes `NAME.key` and its certificate `NAME.pem`, which `issuer` signs, or itself.
fn certificate(workshop: &Workshop, name: &str, algorithm: &str, extensions: &str, issuer: &str) {
    workshop.key(name, algorithm);
    workshop.write("extensions", extensions);
    let by = if issuer.is_empty() {
        format!("-signkey {name}.key")
    } else {
        format!("-CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial")
    };
    workshop.sh(&format!(
        "openssl req -new -key {name}.key -subj /C=US/ST=WA/O=Team/CN={name} -out request
         openssl x509 -req -in request {by} -days 30 -extfile extensions -out {name}.pem 2>/dev/null"
    ));
}

/// An authority `root`, one below it, and a signer for each kind of key, which Notation may use.
fn authorities(workshop: &Workshop, kinds: &[(&str, &str)]) {
    certificate(workshop, "root", RSA, AUTHORITY, "");
    certificate(workshop, "middle", RSA, AUTHORITY, "root");
    let mut keys = Vec::new();
    for (name, algorithm) in kinds {
        certificate(workshop, name, algorithm, SIGNER, "middle");
        workshop.sh(&format!("cat {name}.pem middle.pem root.pem > {name}.chain"));
        let path = |end: &str| workshop.desk.path(format!("{name}.{end}"));
        keys.push(json!({ "name": name, "keyPath": path("key"), "certPath": path("chain") }));
    }
    std::fs::create_dir_all(workshop.desk.path("home/config/notation")).unwrap();
    workshop.write("home/config/notation/signingkeys.json", json!({ "keys": keys }).to_string());
}

/// Lets Notation sign the image in the layout `src`.
fn sign(workshop: &Workshop, options: &str) {
    let digest = workshop.image["digest"].as_str().unwrap();
    workshop.sh(&format!("notation sign --oci-layout {options} src@{digest}"));
}

#[test]
fn what_notation_signs_is_valid_with_its_authority_alone() {
    let workshop = Workshop::new();
    let kinds = [
        ("p256", "EC -pkeyopt ec_paramgen_curve:P-256"),
        ("p384", "EC -pkeyopt ec_paramgen_curve:P-384"),
        ("p521", "EC -pkeyopt ec_paramgen_curve:P-521"),
        ("rsa2048", RSA),
        ("rsa3072", "RSA -pkeyopt rsa_keygen_bits:3072"),
        ("rsa4096", "RSA -pkeyopt rsa_keygen_bits:4096"),
    ];
    authorities(&workshop, &kinds);
    for (name, _) in kinds {
        sign(&workshop, &format!("--key {name}"));
        sign(&workshop, &format!("--key {name} --signature-format cose -m a=b"));
    }
    certificate(&workshop, "stranger", RSA, AUTHORITY, "");
    workshop.desk.pack("oci:src").ok();

    let report = workshop.report("out", "--pub k.pub.pem --notation-ca root.pem");
    let signatures = report["signatures"].as_array().unwrap();
    assert_eq!(signatures.len(), 2 * kinds.len());
    for signature in signatures {
        assert_eq!(
            (&signature["status"], &signature["by"]),
            (&json!("valid"), &json!("root.pem")),
            "{signature}"
        );
    }
    for (name, _) in kinds {
        let subject = json!(format!("CN={name},O=Team,ST=WA,C=US"));
        assert_eq!(signatures.iter().filter(|found| found["subject"] == subject).count(), 2, "{name}");
    }
    // One below the root can be trusted alone.
    assert!(workshop.results("--notation-ca middle.pem").iter().all(|result| result.1 == "valid"));

    let none = workshop.results("");
    assert!(
        none.iter().all(|result| result.1 == "unverifiable" && result.3.starts_with("no certificate of an"))
    );
    let other = workshop.results("--notation-ca stranger.pem");
    assert!(
        other.iter().all(|result| result.1 == "unverifiable" && result.3.starts_with("no certificate that was given")),
        "{other:?}"
    );
    let later = workshop.results("--notation-ca root.pem --at 2099-01-01T00:00:00Z");
    assert!(later.iter().all(|result| result.1 == "invalid" && result.3.contains("expired on")), "{later:?}");
    let earlier = workshop.results("--notation-ca root.pem --at 2020-01-01T00:00:00Z");
    assert!(earlier.iter().all(|result| result.1 == "invalid" && result.3.contains("not valid before")));
}

#[test]
fn a_certificate_that_signs_for_itself_is_pinned() {
    let workshop = Workshop::new();
    workshop.sh("notation cert generate-test --default wabbit");
    sign(&workshop, "--expiry 1h");
    workshop.sh("cp home/config/notation/localkeys/wabbit.crt pin.pem; notation cert generate-test other");
    workshop.sh("cp home/config/notation/localkeys/other.crt other.pem");
    assert_eq!(workshop.result("--notation-ca pin.pem"), ("valid".to_owned(), "pin.pem".to_owned()));
    assert_eq!(workshop.result("--notation-ca other.pem").0, "unverifiable");
    // What the signer says counts before the certificate ends.
    let now: Timestamp = workshop.report("oci:src", "")["basis"]["at"].as_str().unwrap().parse().unwrap();
    let soon = now.plus_seconds(2 * 60 * 60).unwrap();
    let (status, why) = workshop.result(&format!("--notation-ca pin.pem --at {soon}"));
    assert!(status == "invalid" && why.starts_with("it expired on"), "{status}: {why}");
}

#[test]
fn one_changed_byte_is_noticed() {
    for form in ["jws", "cose"] {
        let mut workshop = Workshop::new();
        authorities(&workshop, &[("p256", "EC -pkeyopt ec_paramgen_curve:P-256")]);
        sign(&workshop, &format!("--key p256 --signature-format {form}"));
        let index: Value = serde_json::from_slice(&workshop.read("src/index.json")).unwrap();
        let manifest = &index["manifests"].as_array().unwrap()[1];
        let manifest: Value =
            serde_json::from_slice(&std::fs::read(workshop.source.blob_path(manifest)).unwrap()).unwrap();
        let layer = &manifest["layers"][0];
        let envelope = std::fs::read(workshop.source.blob_path(layer)).unwrap();
        // A fresh layout, without the good signature.
        workshop = Workshop { source: workshop.desk.source("src"), ..workshop };
        workshop.source.tag(&workshop.image, "app:1");
        let mut changed = envelope.clone();
        let end = changed.len() - 20;
        changed[end] = if changed[end] == b'A' { b'B' } else { b'A' };
        for (bytes, status) in [(&envelope, "valid"), (&changed, "invalid")] {
            let blob = workshop.source.blob(layer["mediaType"].as_str().unwrap(), bytes);
            let image = workshop.image.clone();
            workshop.attach(&image, SIGNATURE, &blob);
            let results = workshop.results("--notation-ca root.pem");
            assert!(results.iter().any(|result| result.1 == status), "{form}: {results:?}");
        }
        // The same envelope at another image.
        let other = workshop.source.image(3, &[10]);
        workshop.source.tag(&other, "app:2");
        let blob = workshop.source.blob(layer["mediaType"].as_str().unwrap(), &envelope);
        workshop.attach(&other, SIGNATURE, &blob);
        let results = workshop.results("--notation-ca root.pem");
        let moved = results
            .iter()
            .filter(|result| result.1 == "invalid" && result.3.starts_with("it is about sha256:"));
        assert_eq!(moved.count(), 1, "{form}: {results:?}");
    }
}

/// An envelope that `NAME.key` signs, with these certificates.
fn jws(workshop: &Workshop, name: &str, chain: &[&str], header: &Value, payload: &Value) -> Value {
    let url = |bytes: &[u8]| base64(bytes).replace('+', "-").replace('/', "_").replace('=', "");
    let (protected, payload) = (url(header.to_string().as_bytes()), url(payload.to_string().as_bytes()));
    workshop.write("to-sign", format!("{protected}.{payload}"));
    workshop.sh(&format!(
        "openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sign {name}.key -out signature to-sign"
    ));
    let der = |name: &&str| {
        let pem = String::from_utf8(workshop.read(&format!("{name}.pem"))).unwrap();
        pem.lines().filter(|line| !line.starts_with("-----")).collect::<String>()
    };
    let chain: Vec<String> = chain.iter().map(der).collect();
    json!({ "payload": payload, "protected": protected, "header": { "x5c": chain },
        "signature": url(&workshop.read("signature")) })
}

/// The result of the only envelope of a layout.
fn envelope_result(workshop: &mut Workshop, envelope: &str, options: &str) -> (String, String) {
    let blob = workshop.source.blob("application/jose+json", envelope.as_bytes());
    workshop.source = workshop.desk.source("src");
    let image = workshop.image.clone();
    workshop.source.tag(&image, "app:1");
    workshop.attach(&image, SIGNATURE, &blob);
    workshop.result(options)
}

fn header() -> Value {
    json!({
        "alg": "PS256", "cty": "application/vnd.cncf.notary.payload.v1+json",
        "crit": ["io.cncf.notary.signingScheme"],
        "io.cncf.notary.signingScheme": "notary.x509", "io.cncf.notary.signingTime": "2026-11-27T01:53:22Z",
    })
}

fn payload(image: &Value) -> Value {
    json!({ "targetArtifact": { "mediaType": image["mediaType"], "digest": image["digest"], "size": image["size"] } })
}

/// A change of one place of a document.
fn set(mut document: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[key.replace("~1", "/")] = value;
    document
}

#[test]
fn what_an_envelope_says_must_be_understood_and_fit() {
    let mut workshop = Workshop::new();
    authorities(&workshop, &[("signer", RSA)]);
    let chain = ["signer", "middle", "root"];
    let target = payload(&workshop.image);
    let expiry = set(header(), "/io.cncf.notary.expiry", json!("2020-01-01T00:00:00Z"));
    let both = json!(["io.cncf.notary.signingScheme", "io.cncf.notary.expiry"]);
    let plugin = "io.cncf.notary.verificationPlugin";
    let cases = [
        (header(), target.clone(), "valid", "root.pem"),
        (header(), set(target.clone(), "/targetArtifact/size", json!(1)), "invalid", "it is about 1 bytes"),
        (
            header(),
            set(target.clone(), "/targetArtifact/mediaType", json!("a/b")),
            "invalid",
            "it is about a \"a/b\"",
        ),
        (
            header(),
            set(target.clone(), "/targetArtifact/digest", json!("sha256:0")),
            "invalid",
            "it is about sha256:0,",
        ),
        (header(), json!({}), "invalid", "its payload cannot be read"),
        (set(header(), "/alg", json!("PS384")), target.clone(), "invalid", "it states the algorithm PS384"),
        (
            set(header(), "/alg", json!("none")),
            target.clone(),
            "invalid",
            "its algorithm \"none\" is not allowed",
        ),
        (
            set(header(), "/alg", json!("HS256")),
            target.clone(),
            "invalid",
            "its algorithm \"HS256\" is not allowed",
        ),
        (
            set(header(), "/cty", json!("a/b")),
            target.clone(),
            "unverifiable",
            "its payload has the type \"a/b\"",
        ),
        (
            set(header(), "/io.cncf.notary.signingScheme", json!("notary.x509.signingAuthority")),
            target.clone(),
            "unverifiable",
            "its signing scheme",
        ),
        (set(header(), "/crit", json!([])), target.clone(), "invalid", "does not mark its signing scheme"),
        (set(header(), "/crit", json!(["absent"])), target.clone(), "invalid", "\"absent\" is not there"),
        (
            set(
                set(header(), &format!("/{plugin}"), json!("x")),
                "/crit",
                json!(["io.cncf.notary.signingScheme", plugin]),
            ),
            target.clone(),
            "unverifiable",
            "requires that",
        ),
        (expiry.clone(), target.clone(), "invalid", "it has an expiry that is not critical"),
        (set(expiry, "/crit", both), target.clone(), "invalid", "it expired on 2020-01-01T00:00:00Z"),
    ];
    for (header, payload, status, words) in cases {
        let envelope = jws(&workshop, "signer", &chain, &header, &payload).to_string();
        let result = envelope_result(&mut workshop, &envelope, "--notation-ca root.pem");
        assert!(result.0 == status && result.1.contains(words), "{header} {payload}: {result:?}");
    }
    let good = jws(&workshop, "signer", &chain, &header(), &target);
    let text = good.to_string();
    for (envelope, status, words) in [
        (text.clone(), "valid", "root.pem"),
        (text.replacen('{', "{\"payload\":\"e30\",", 1), "invalid", "its envelope cannot be read"),
        (text.replacen('{', "{\"Payload\":\"e30\",", 1), "invalid", "its envelope cannot be read"),
        (set(good.clone(), "/header/x5c", json!([])).to_string(), "invalid", "it has 0 certificates"),
        (
            set(good.clone(), "/header/x5c", json!(["AA=="])).to_string(),
            "unverifiable",
            "certificate of its signer cannot",
        ),
        (set(good.clone(), "/payload", json!("e30")).to_string(), "invalid", "or it was changed"),
        (
            set(good.clone(), "/payload", json!("e30=")).to_string(),
            "invalid",
            "not base64url without padding",
        ),
        // Without those between, the chain leads nowhere; a root that it brings itself is not trusted.
        (
            jws(&workshop, "signer", &chain[..1], &header(), &target).to_string(),
            "unverifiable",
            "no certificate that was",
        ),
    ] {
        let result = envelope_result(&mut workshop, &envelope, "--notation-ca root.pem");
        assert!(result.0 == status && result.1.contains(words), "{envelope}: {result:?}");
    }
    // With a timestamp, it may have been made before the certificate expired. Timestamps are not checked.
    let stamped = set(good, "/header/io.cncf.notary.timestampSignature", json!("AA==")).to_string();
    let late = "--notation-ca root.pem --at 2099-01-01T00:00:00Z";
    let result = envelope_result(&mut workshop, &stamped, late);
    assert!(result.0 == "unverifiable" && result.1.ends_with("timestamps are not checked"), "{result:?}");
}

#[test]
fn a_certificate_must_be_one_for_signing_and_its_issuer_an_authority() {
    let mut workshop = Workshop::new();
    authorities(&workshop, &[("signer", RSA)]);
    let target = payload(&workshop.image);
    let usage = "keyUsage=critical,digitalSignature\n";
    let server = format!("{AUTHORITY}extendedKeyUsage=serverAuth\n");
    certificate(&workshop, "server-ca", RSA, &server, "root");
    for (name, algorithm, extensions, issuer, trusted, status, words) in [
        ("plain", RSA, usage, "root", "root", "valid", "root.pem"),
        ("code", RSA, SIGNER, "root", "root", "valid", "root.pem"),
        ("none", RSA, "basicConstraints=CA:FALSE\n", "root", "root", "invalid", "does not say what its key"),
        ("lax", RSA, "keyUsage=digitalSignature\n", "root", "root", "invalid", "lets readers pass over"),
        (
            "enc",
            RSA,
            "keyUsage=critical,digitalSignature,keyEncipherment\n",
            "root",
            "root",
            "invalid",
            "key usage",
        ),
        (
            "tls",
            RSA,
            &format!("{usage}extendedKeyUsage=serverAuth\n"),
            "root",
            "root",
            "invalid",
            "extended key usage",
        ),
        (
            "any",
            RSA,
            &format!("{usage}extendedKeyUsage=codeSigning,anyExtendedKeyUsage\n"),
            "root",
            "root",
            "invalid",
            "extended key usage",
        ),
        ("ca", RSA, AUTHORITY, "root", "root", "invalid", "is one of an authority"),
        ("odd", "RSA -pkeyopt rsa_keygen_bits:2560", SIGNER, "root", "root", "unverifiable", "kind or size"),
        ("small", "RSA -pkeyopt rsa_keygen_bits:1024", SIGNER, "root", "root", "unverifiable", "1024 bits"),
        // A signer must not become an authority, neither in the chain nor because it is trusted itself.
        ("below", RSA, SIGNER, "signer", "root", "invalid", "an authority"),
        ("below2", RSA, SIGNER, "signer", "signer", "unverifiable", "no certificate that was given"),
        ("web", RSA, SIGNER, "server-ca", "root", "invalid", "not for an authority that signs code"),
    ] {
        certificate(&workshop, name, algorithm, extensions, issuer);
        let chain = [name, issuer, "middle", "root"];
        let chain = if trusted == "signer" { &chain[..1] } else { &chain };
        let envelope = jws(&workshop, name, chain, &header(), &target).to_string();
        let result = envelope_result(&mut workshop, &envelope, &format!("--notation-ca {trusted}.pem"));
        assert!(result.0 == status && result.1.contains(words), "{name}: {result:?}");
    }
    // A key that is not the one of the first certificate.
    let stolen = jws(&workshop, "plain", &["code", "root"], &header(), &target).to_string();
    let result = envelope_result(&mut workshop, &stolen, "--notation-ca root.pem");
    assert!(result.0 == "invalid" && result.1.contains("or it was changed"), "{result:?}");
}
