//! Signatures of cosign and others that use a key: over a small document (simple signing), over an envelope (DSSE), or over
//! the manifest itself (Sigstore bundles).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::keyring::CargoKeys;
use super::outcome::Outcome;
use crate::bom::Envelope;
use crate::oci::{Digest, json};

/// Largest document of simple signing, in bytes. cosign writes some 250, and annotations of the signer.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// The type that the document states.
const TYPE: &str = "cosign container image signature";

/// The keys with a meaning in the document.
const KNOWN_KEYS: &[&str] =
    &["critical", "identity", "docker-reference", "image", "docker-manifest-digest", "type", "optional"];

/// What a document of simple signing says.
#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: String,
}

/// A signature of cosign, as a manifest of signatures holds it.
#[derive(Debug, Clone, Copy)]
pub struct SimpleSignature<'a> {
    /// The document that is signed.
    pub payload: &'a [u8],
    /// The annotation `dev.cosignproject.cosign/signature`: base64.
    pub signature: Option<&'a str>,
    /// Whether it has a certificate that was issued for one signature (keyless).
    pub is_keyless: bool,
}

/// Checks a signature of cosign on the manifest `subject`.
pub fn cosign_signature(keys: &CargoKeys, signature: SimpleSignature<'_>, subject: &Digest) -> Outcome {
    if let Err(why) = names(signature.payload, subject) {
        return Outcome::invalid(why);
    }
    let Some(text) = signature.signature.filter(|text| !text.is_empty()) else {
        return Outcome::invalid("it has no signature in its annotations");
    };
    match STANDARD.decode(text) {
        Ok(bytes) => by_key(keys, &[&bytes], signature.payload, signature.is_keyless),
        Err(_) => Outcome::invalid("the signature in its annotations is not base64"),
    }
}

/// Checks the signatures of an envelope. One that a given key made is enough. What the payload says is left to the caller.
pub fn envelope_signature(keys: &CargoKeys, envelope: &Envelope, is_keyless: bool) -> Outcome {
    let signatures: Vec<&[u8]> =
        envelope.signatures.iter().map(|signature| signature.bytes.as_slice()).collect();
    if signatures.is_empty() {
        return Outcome::invalid("the envelope has no signature");
    }
    by_key(keys, &signatures, &envelope.signed_bytes(), is_keyless)
}

/// Checks a signature over these bytes, e.g. those of the manifest.
pub fn message_signature(keys: &CargoKeys, message: &[u8], signature: &[u8], is_keyless: bool) -> Outcome {
    by_key(keys, &[signature], message, is_keyless)
}

fn by_key(keys: &CargoKeys, signatures: &[&[u8]], message: &[u8], is_keyless: bool) -> Outcome {
    if let Some(signed_by) = signatures.iter().find_map(|signature| keys.signer_of(message, signature)) {
        return Outcome::Valid(signed_by);
    }
    if is_keyless {
        return Outcome::unverifiable(
            "its key has a certificate that was issued for one signature (keyless); such certificates are not checked",
        );
    }
    match keys.key_count() {
        0 => Outcome::unverifiable("no key was given to check it with"),
        1 => Outcome::invalid("the key that was given did not make it, or it was changed"),
        number => {
            Outcome::invalid(format!("none of the {number} keys that were given made it, or it was changed"))
        }
    }
}

/// Checks that the document names this manifest.
fn names(payload: &[u8], subject: &Digest) -> Result<(), String> {
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(format!("what is signed has {} bytes, more than {PAYLOAD_BYTES_MAX}", payload.len()));
    }
    let Payload { critical } = json::object::<Payload>(payload, KNOWN_KEYS)
        .map_err(|error| format!("what is signed cannot be read: {}", json::message(&error)))?;
    if critical.kind != TYPE {
        return Err(format!("what is signed is a {:?}, expected a {TYPE:?}", shortened(&critical.kind)));
    }
    let named = &critical.image.docker_manifest_digest;
    if *named != subject.to_string() {
        return Err(format!("it is about {}, and attached to {subject}", shortened(named)));
    }
    Ok(())
}

/// At most 100 characters of a text from outside.
fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}
