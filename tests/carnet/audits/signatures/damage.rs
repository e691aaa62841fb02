//! Every byte of what real signers make, changed: nothing that is signed may change unnoticed.

use carnet::bom::{Signed, read_signed};
use carnet::oci::{Descriptor, Digest, MediaType};
use carnet::trust::cargo::{
    CargoKeys, Certificate, EnvelopeForm, Outcome, SimpleSignature, cosign_signature, envelope_signature,
    notation_signature,
};
use proptest::prelude::*;
use serde_json::Value;

use super::signers::{Workshop, base64, payload_of};

fn is_valid(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Valid(_))
}

/// The places at which a byte can be changed, without and with the least bit, so that it stays valid.
fn unnoticed(bytes: &[u8], is_valid: &dyn Fn(&[u8]) -> bool) -> Vec<usize> {
    assert!(is_valid(bytes));
    let mut changed = bytes.to_vec();
    let mut stays = |at: &usize| {
        [1, 0x20, 0x80].into_iter().any(|bit| {
            changed[*at] ^= bit;
            let stays = is_valid(&changed);
            changed[*at] ^= bit;
            stays
        })
    };
    (0..bytes.len()).filter(|at| stays(at)).collect()
}

fn target(image: &Value) -> Descriptor {
    let media_type: MediaType = image["mediaType"].as_str().unwrap().parse().unwrap();
    let digest: Digest = image["digest"].as_str().unwrap().parse().unwrap();
    Descriptor::new(media_type, digest, image["size"].as_u64().unwrap())
}

#[test]
fn no_byte_of_an_envelope_changes_unnoticed() {
    let workshop = Workshop::new();
    workshop.sh("notation cert generate-test --default wabbit");
    let now = workshop.report("oci:src", "")["basis"]["at"].as_str().unwrap().parse().unwrap();
    let mut keys = CargoKeys::default();
    keys.add_certificates("pin", &workshop.read("home/config/notation/localkeys/wabbit.crt")).unwrap();
    let (digest, target) = (workshop.image["digest"].as_str().unwrap(), target(&workshop.image));
    for (form, word, media) in [(EnvelopeForm::Jws, "jws", "jose+json"), (EnvelopeForm::Cose, "cose", "cose")]
    {
        workshop.sh(&format!("notation sign --oci-layout --signature-format {word} src@{digest}"));
        let bytes = workshop.envelope(&format!("application/{media}"));
        let check = |bytes: &[u8]| notation_signature(&keys, form, bytes, &target, now);
        let unchanged = check(&bytes);
        assert!(is_valid(&unchanged), "{word}: {unchanged:?}");
        let found = unnoticed(&bytes, &|bytes| is_valid(&check(bytes)));
        // The name and version of the signing program are not signed.
        let agent = b"io.cncf.notary.signingAgent";
        let start = bytes.windows(agent.len()).position(|part| part == agent).unwrap();
        let end = start + agent.len() + "\":\"notation-go/1.3.2".len() + 12;
        let wrong: Vec<&usize> = found.iter().filter(|at| !(start..end).contains(*at)).collect();
        assert!(!found.is_empty() && wrong.is_empty(), "{word}: {wrong:?}");
    }
}

#[test]
fn no_byte_of_a_signed_document_changes_unnoticed() {
    let workshop = Workshop::new();
    workshop.key("team", "EC -pkeyopt ec_paramgen_curve:P-256");
    let mut keys = CargoKeys::default();
    keys.add_key("team", str::from_utf8(&workshop.read("team.pub")).unwrap()).unwrap();
    let subject = target(&workshop.image).digest;
    let payload = payload_of(&workshop.image);
    let signature = base64(&workshop.sign("team", "-sha256", payload.as_bytes()));
    let check = |payload: &[u8], signature: &str| {
        let signature = SimpleSignature { payload, signature: Some(signature), is_keyless: false };
        is_valid(&cosign_signature(&keys, signature, &subject))
    };
    assert_eq!(unnoticed(payload.as_bytes(), &|payload| check(payload, &signature)), [0; 0]);
    let by_signature = |text: &[u8]| str::from_utf8(text).is_ok_and(|text| check(payload.as_bytes(), text));
    assert_eq!(unnoticed(signature.as_bytes(), &by_signature), [0; 0]);

    let signed = format!("DSSEv1 1 x {} {payload}", payload.len());
    let signature = workshop.sign("team", "-sha256", signed.as_bytes());
    let envelope = serde_json::json!({ "payloadType": "x", "payload": base64(payload.as_bytes()),
        "signatures": [{ "sig": base64(&signature) }] });
    let found = unnoticed(envelope.to_string().as_bytes(), &|bytes| match read_signed(bytes) {
        Ok(Signed::Envelope(envelope)) => is_valid(&envelope_signature(&keys, &envelope, false)),
        _ => false,
    });
    assert_eq!(found, [0; 0]);
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let keys = CargoKeys::default();
        let image = Descriptor::new("a/b".parse().unwrap(), Digest::sha256(b""), 0);
        let at = "2026-11-27T00:00:00Z".parse().unwrap();
        for form in [EnvelopeForm::Jws, EnvelopeForm::Cose] {
            prop_assert!(!is_valid(&notation_signature(&keys, form, &bytes, &image, at)));
            let tagged = [&[0xd2, 0x84][..], &bytes].concat();
            prop_assert!(!is_valid(&notation_signature(&keys, form, &tagged, &image, at)));
        }
        let _ = Certificate::from_der(&bytes);
    }
}
