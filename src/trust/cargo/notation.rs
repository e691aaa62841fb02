//! Signatures of the Notary Project, which Notation makes (signature specification and "Signature Verification", level
//! strict, without revocation and timestamps, which need the network).

use rustls_pki_types::CertificateDer;
use serde::Deserialize;

use super::attributes::Odd;
use super::certificate::Certificate;
use super::chain::{Broken, trusted};
use super::keyring::CargoKeys;
use super::outcome::{Outcome, SignedBy};
use super::{cose, jws};
use crate::format::Timestamp;
use crate::oci::{Descriptor, json};

/// Largest envelope in bytes. Real ones have some thousand.
pub const ENVELOPE_BYTES_MAX: usize = 4 << 20;

/// The form of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvelopeForm {
    /// JSON (`application/jose+json`).
    Jws,
    /// CBOR (`application/cose`).
    Cose,
}

/// The keys with a meaning in a payload.
const KNOWN_KEYS: &[&str] = &["targetArtifact", "mediaType", "digest", "size", "annotations", "artifactType"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    target_artifact: Target,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    media_type: String,
    digest: String,
    size: u64,
}

/// Checks an envelope of the Notary Project that is attached to the manifest `target`, as of `at`.
pub fn notation_signature(
    keys: &CargoKeys,
    form: EnvelopeForm,
    bytes: &[u8],
    target: &Descriptor,
    at: Timestamp,
) -> Outcome {
    match check(keys, form, bytes, target, at) {
        Ok(signed_by) => Outcome::Valid(signed_by),
        Err(outcome) => outcome,
    }
}

/// The steps; the first that fails ends the check. What is wrong with the signature itself comes before who made it.
fn check(
    keys: &CargoKeys,
    form: EnvelopeForm,
    bytes: &[u8],
    target: &Descriptor,
    at: Timestamp,
) -> Result<SignedBy, Outcome> {
    let invalid = |why: String| Outcome::Invalid { why };
    if bytes.len() > ENVELOPE_BYTES_MAX {
        return Err(invalid(format!("it has {} bytes, more than {ENVELOPE_BYTES_MAX}", bytes.len())));
    }
    let envelope = match form {
        EnvelopeForm::Jws => jws::read(bytes),
        EnvelopeForm::Cose => cose::read(bytes),
    };
    let envelope = envelope.map_err(|why| invalid(format!("its envelope cannot be read: {why}")))?;
    envelope.attributes.check().map_err(|odd| match odd {
        Odd::Wrong(why) => Outcome::invalid(why),
        Odd::Unknown(why) => Outcome::unverifiable(why),
    })?;

    let (first, others) =
        envelope.chain.split_first().ok_or_else(|| invalid("it has no certificate".to_owned()))?;
    let signer = Certificate::from_der(first).map_err(|why| {
        Outcome::unverifiable(format!("the certificate of its signer cannot be read: {why}"))
    })?;
    let key =
        signer.key.clone().map_err(|why| Outcome::unverifiable(format!("the key of its signer {why}")))?;
    let expected = key.envelope_algorithm().ok_or_else(|| {
        Outcome::unverifiable(
            "the key of its signer is of a kind or size that the Notary Project does not use",
        )
    })?;
    if envelope.algorithm != expected {
        let (found, expected) = (envelope.algorithm.name(), expected.name());
        return Err(invalid(format!(
            "it states the algorithm {found}; the key of its signer has {expected}"
        )));
    }
    if !key.signed_envelope(expected, &envelope.signed_bytes, &envelope.signature) {
        return Err(invalid(format!(
            "it was not made with the key of {}, or it was changed",
            signer.subject
        )));
    }

    names(&envelope.payload, target).map_err(invalid)?;
    if let Some(expiry) = envelope.attributes.expiry.filter(|expiry| at >= *expiry) {
        return Err(invalid(format!("it expired on {expiry}")));
    }
    signer.may_sign().map_err(invalid)?;
    let others: Vec<CertificateDer<'_>> =
        others.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    match trusted(keys, &signer, &others, at) {
        Ok(file) => {
            Ok(SignedBy { file: file.to_owned(), subject: Some(signer.subject.clone()), key: key.id() })
        }
        // A timestamp can prove that it was made before.
        Err(Broken::OutOfDate(why)) if envelope.has_timestamp => {
            Err(Outcome::unverifiable(format!("{why}, and timestamps are not checked")))
        }
        Err(Broken::Wrong(why) | Broken::OutOfDate(why)) => Err(invalid(why)),
        Err(Broken::Unknown(why)) => Err(Outcome::Unverifiable { why }),
    }
}

/// Checks that the payload names this manifest.
fn names(payload: &[u8], target: &Descriptor) -> Result<(), String> {
    let Payload { target_artifact: Target { media_type, digest, size } } =
        json::object::<Payload>(payload, KNOWN_KEYS)
            .map_err(|error| format!("its payload cannot be read: {}", json::message(&error)))?;
    let shortened = |text: &str| -> String { text.chars().take(200).collect() };
    if digest != target.digest.to_string() {
        return Err(format!("it is about {}, and attached to {}", shortened(&digest), target.digest));
    }
    if size != target.size {
        return Err(format!("it is about {size} bytes; what it is attached to has {}", target.size));
    }
    if media_type != target.media_type.as_str() {
        let media_type = shortened(&media_type);
        return Err(format!(
            "it is about a {media_type:?}; what it is attached to is a {}",
            target.media_type
        ));
    }
    Ok(())
}
