use base64::Engine as _;

use super::*;
use crate::oci::Digest;

fn envelope(text: &str) -> Result<Envelope, String> {
    match read_signed(text.as_bytes())? {
        Signed::Envelope(envelope) => Ok(envelope),
        Signed::Bundle(bundle) => panic!("{bundle:?}"),
    }
}

#[test]
fn the_signed_bytes_are_those_of_the_specification() {
    let envelope = Envelope {
        payload_type: "http://example.com/HelloWorld".to_owned(),
        payload: b"hello world".to_vec(),
        signatures: Vec::new(),
    };
    assert_eq!(envelope.signed_bytes(), b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
}

#[test]
fn envelopes_are_read() {
    let found = envelope(
        r#"{"payloadType": "t", "payload": "_-8", "signatures": [{"keyid": "k", "sig": "AQI="}, {"sig": "/w=="}], "x": 1}"#,
    )
    .unwrap();
    assert_eq!((found.payload_type.as_str(), found.payload), ("t", vec![0xff, 0xef]));
    assert_eq!(found.signatures[0], EnvelopeSignature { key_id: Some("k".to_owned()), bytes: vec![1, 2] });
    assert_eq!(found.signatures[1].bytes, [0xff]);
}

#[test]
fn what_is_wrong_or_ambiguous_is_refused() {
    for (text, problem) in [
        ("{}", "it has no payloadType"),
        (r#"{"payloadType": "t"}"#, "it has no payload"),
        (r#"{"payloadType": "t", "payload": "!"}"#, "the value of payload is not base64"),
        (r#"{"payloadType": "t", "payload": "", "payload": ""}"#, "the key payload occurs twice"),
        (
            r#"{"payloadType": "t", "payload": "", "Payload": ""}"#,
            "it has a key \"Payload\" that programs could take for payload",
        ),
        (r#"{"payloadType": "t", "payload": "", "signatures": [{}]}"#, "it has no sig"),
        (
            r#"{"mediaType": "x", "dsseEnvelope": {}}"#,
            "it looks like a Sigstore bundle, but its media type is \"x\"",
        ),
        (r#"{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}"#, "the bundle has no signature"),
        (
            r#"{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": {}, "messageSignature": {}}"#,
            "the bundle has both an envelope and a message",
        ),
    ] {
        assert_eq!(envelope(text).unwrap_err(), problem, "{text}");
    }
    assert!(envelope("[").unwrap_err().starts_with("it cannot be read: EOF"));
    let many =
        format!(r#"{{"payloadType":"t","payload":"","signatures":[{}{{}}]}}"#, "{\"sig\":\"\"},".repeat(64));
    assert_eq!(envelope(&many).unwrap_err(), "it has more than 64 signatures");
    assert!(envelope(&"[".repeat(100)).unwrap_err().contains("more than 64 objects"));
}

#[test]
fn bundles_are_read() {
    let text = r#"{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "abc"}, "tlogEntries": []},
        "messageSignature": {"messageDigest": {"algorithm": "SHA2_256", "digest": "DIGEST"}, "signature": "AQ=="}}"#;
    let digest = Digest::sha256(b"x");
    let digits = base64::prelude::BASE64_STANDARD.encode(hex::decode(digest.hex()).unwrap());
    let Ok(Signed::Bundle(bundle)) = read_signed(text.replace("DIGEST", &digits).as_bytes()) else {
        panic!()
    };
    assert_eq!(bundle.signer, BundleSigner::Key(Some("abc".to_owned())));
    assert_eq!(bundle.content, BundleContent::Message { digest: Some(digest), signature: vec![1] });
    let keyless = r#"{"mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "verificationMaterial": {"x509CertificateChain": {}},
        "dsseEnvelope": {"payloadType": "t", "payload": "aGk=", "signatures": []}}"#;
    let signed = read_signed(keyless.as_bytes()).unwrap();
    assert_eq!(signed.envelope().unwrap().payload, b"hi");
    let Signed::Bundle(bundle) = signed else { panic!() };
    assert_eq!(bundle.signer, BundleSigner::Certificate);
}
