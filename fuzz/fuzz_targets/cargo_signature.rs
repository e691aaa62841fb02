//! Signatures in the cargo: envelopes of Notation, documents and bundles of cosign, keys and certificates. Nothing is valid
//! without a key that was given.
#![no_main]

use carnet::bom::{Signed, read_signed};
use carnet::oci::{Descriptor, Digest};
use carnet::trust::cargo::{
    CargoKeys, Certificate, EnvelopeForm, Outcome, SimpleSignature, cosign_signature, envelope_signature,
    notation_signature,
};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let keys = CargoKeys::default();
    let target = Descriptor::new("a/b".parse().expect("a media type"), Digest::sha256(b""), 0);
    let at = "2026-11-27T00:00:00Z".parse().expect("a time");
    let is_valid = |outcome: Outcome| matches!(outcome, Outcome::Valid(_));
    for form in [EnvelopeForm::Jws, EnvelopeForm::Cose] {
        assert!(!is_valid(notation_signature(&keys, form, bytes, &target, at)));
    }
    let signature = SimpleSignature { payload: bytes, signature: Some("AAAA"), is_keyless: false };
    assert!(!is_valid(cosign_signature(&keys, signature, &target.digest)));
    if let Ok(Signed::Envelope(envelope)) = read_signed(bytes) {
        assert!(!is_valid(envelope_signature(&keys, &envelope, false)));
    }
    let _ = Certificate::from_der(bytes);
    let _ = CargoKeys::default().add_certificates("file", bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = CargoKeys::default().add_key("file", text);
    }
});
