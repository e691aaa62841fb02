//! Reads signed envelopes and Sigstore bundles.
//!
//! A payload counts only with its signature, so an envelope that two programs could read differently is refused.

use serde::de::{DeserializeSeed as _, MapAccess, SeqAccess};

use super::base64_text::{Base64, decode};
use super::envelope::{
    BundleContent, BundleSigner, ENVELOPE_BYTES_MAX, Envelope, EnvelopeSignature, SIGNATURES_MAX, Signed,
    SigstoreBundle,
};
use super::guarded::Guarded;
use super::lenient::{Into, Take, next, skip, value};

/// What the media type of every Sigstore bundle starts with.
const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle";

/// Reads an envelope or a bundle.
///
/// # Errors
/// A sentence that says why it is neither, or that programs could read it differently.
pub fn read_signed(bytes: &[u8]) -> Result<Signed, String> {
    if bytes.len() > ENVELOPE_BYTES_MAX {
        return Err(format!("it has {} bytes, more than {ENVELOPE_BYTES_MAX}", bytes.len()));
    }
    let mut depth = Guarded::depth_only(bytes);
    std::io::copy(&mut depth, &mut std::io::sink()).map_err(|error| error.to_string())?;
    let mut fields = Fields::default();
    let mut json = serde_json::Deserializer::from_slice(bytes);
    Into(&mut fields)
        .deserialize(&mut json)
        .and_then(|()| json.end())
        .map_err(|error| format!("it cannot be read: {}", crate::oci::json::message(&error)))?;
    fields.finish()
}

/// The fields of a bundle and those of an envelope.
#[derive(Default)]
struct Fields {
    ambiguous: Option<String>,
    media_type: Option<String>,
    material: Material,
    message: Option<Message>,
    outer: EnvelopeFields,
    inner: Option<EnvelopeFields>,
}

impl Take for Fields {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "mediaType" => once(&mut self.ambiguous, "mediaType", self.media_type.is_some(), |_| {
                value(fields, &mut self.media_type)
            }),
            "verificationMaterial" => value(fields, &mut self.material),
            "messageSignature" => once(&mut self.ambiguous, key, self.message.is_some(), |_| {
                value(fields, self.message.get_or_insert_default())
            }),
            "dsseEnvelope" => once(&mut self.ambiguous, key, self.inner.is_some(), |_| {
                value(fields, self.inner.get_or_insert_default())
            }),
            _ => self.outer.field(key, fields),
        }
    }
}

/// Notes a key that occurs twice.
fn once<T>(ambiguous: &mut Option<String>, key: &str, is_second: bool, read: impl FnOnce(&str) -> T) -> T {
    if is_second {
        *ambiguous = Some(format!("the key {key} occurs twice"));
    }
    read(key)
}

impl Fields {
    fn finish(self) -> Result<Signed, String> {
        if let Some(ambiguous) = self.ambiguous {
            return Err(ambiguous);
        }
        let media_type = self.media_type.unwrap_or_default();
        if !media_type.starts_with(BUNDLE_MEDIA_TYPE) {
            if self.inner.is_some() || self.message.is_some() {
                return Err(format!("it looks like a Sigstore bundle, but its media type is {media_type:?}"));
            }
            return self.outer.finish().map(Signed::Envelope);
        }
        let content = match (self.inner, self.message) {
            (Some(envelope), None) => BundleContent::Envelope(envelope.finish()?),
            (None, Some(message)) => message.finish()?,
            (None, None) => return Err("the bundle has no signature".to_owned()),
            (Some(_), Some(_)) => return Err("the bundle has both an envelope and a message".to_owned()),
        };
        let signer = match (self.material.certificate, self.material.key) {
            (true, _) => BundleSigner::Certificate,
            (false, true) => BundleSigner::Key(self.material.hint),
            (false, false) => BundleSigner::Unknown,
        };
        Ok(Signed::Bundle(SigstoreBundle { media_type, signer, content }))
    }
}

/// The object `verificationMaterial`.
#[derive(Default)]
struct Material {
    certificate: bool,
    key: bool,
    hint: Option<String>,
}

impl Take for Material {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "certificate" | "x509CertificateChain" => {
                self.certificate = true;
                skip(fields)
            }
            "publicKey" | "publicKeyIdentifier" => {
                self.key = true;
                value(fields, &mut super::statement::Inside("hint", &mut self.hint))
            }
            _ => skip(fields),
        }
    }
}

/// The object `messageSignature`.
#[derive(Default)]
struct Message {
    algorithm: Option<String>,
    digest: Option<String>,
    signature: Base64,
}

impl Take for Message {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "messageDigest" => value(fields, &mut MessageDigest(self)),
            "signature" => value(fields, &mut self.signature),
            _ => skip(fields),
        }
    }
}

struct MessageDigest<'a>(&'a mut Message);

impl Take for MessageDigest<'_> {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "algorithm" => value(fields, &mut self.0.algorithm),
            "digest" => value(fields, &mut self.0.digest),
            _ => skip(fields),
        }
    }
}

impl Message {
    fn finish(self) -> Result<BundleContent, String> {
        let algorithm = match self.algorithm.as_deref() {
            Some("SHA2_256") => "sha256",
            Some("SHA2_512") => "sha512",
            _ => "",
        };
        let digits = self.digest.and_then(|text| decode(&text)).map(hex::encode).unwrap_or_default();
        let digest = format!("{algorithm}:{digits}").parse().ok();
        Ok(BundleContent::Message { digest, signature: self.signature.get("signature")? })
    }
}

/// The fields of an envelope.
#[derive(Default)]
struct EnvelopeFields {
    ambiguous: Option<String>,
    payload_type: Option<String>,
    payload: Base64,
    signatures: Signatures,
}

impl Take for EnvelopeFields {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        let is_second = match key {
            "payloadType" => self.payload_type.is_some(),
            "payload" => self.payload.is_there,
            "signatures" => self.signatures.is_there,
            _ => {
                // Parsers of Go take such a key for the one that it resembles.
                let known = ["payloadType", "payload", "signatures"];
                if let Some(known) = known.iter().find(|known| known.eq_ignore_ascii_case(key)) {
                    self.ambiguous =
                        Some(format!("it has a key {key:?} that programs could take for {known}"));
                }
                return skip(fields);
            }
        };
        if is_second {
            self.ambiguous = Some(format!("the key {key} occurs twice"));
        }
        match key {
            "payloadType" => value(fields, &mut self.payload_type),
            "payload" => value(fields, &mut self.payload),
            _ => value(fields, &mut self.signatures),
        }
    }
}

impl EnvelopeFields {
    fn finish(self) -> Result<Envelope, String> {
        if let Some(ambiguous) = self.ambiguous {
            return Err(ambiguous);
        }
        if self.signatures.left_out {
            return Err(format!("it has more than {SIGNATURES_MAX} signatures"));
        }
        let signatures = self
            .signatures
            .found
            .into_iter()
            .map(|found| Ok(EnvelopeSignature { key_id: found.key_id, bytes: found.bytes.get("sig")? }));
        Ok(Envelope {
            payload_type: self.payload_type.ok_or("it has no payloadType")?,
            payload: self.payload.get("payload")?,
            signatures: signatures.collect::<Result<_, String>>()?,
        })
    }
}

/// The array `signatures`.
#[derive(Default)]
struct Signatures {
    is_there: bool,
    left_out: bool,
    found: Vec<Signature>,
}

#[derive(Default)]
struct Signature {
    is_object: bool,
    key_id: Option<String>,
    bytes: Base64,
}

impl Take for Signatures {
    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        self.is_there = true;
        let mut signature = Signature::default();
        let more = next(items, &mut signature)?;
        if signature.is_object && self.found.len() < SIGNATURES_MAX {
            self.found.push(signature);
        } else if signature.is_object {
            self.left_out = true;
        }
        Ok(more)
    }
}

impl Take for Signature {
    fn object(&mut self) {
        self.is_object = true;
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "keyid" => value(fields, &mut self.key_id),
            "sig" => value(fields, &mut self.bytes),
            _ => skip(fields),
        }
    }
}

#[cfg(test)]
mod tests;
