//! Signatures that travel, checked with the keys that were given.

use super::carried::Carried;
use super::finding::{Finding, Place, Rule};
use super::report::{AuditedSignature, NamedSum, SignatureStatus};
use super::survey::Attached;
use crate::bom::{BundleContent, BundleSigner, Signed, Statement, SubjectAnswer};
use crate::format::{Sum, Timestamp};
use crate::oci::{Descriptor, Digest};
use crate::trust::cargo::{
    CargoKeys, ENVELOPE_BYTES_MAX, EnvelopeForm, Outcome, PAYLOAD_BYTES_MAX, SimpleSignature,
    cosign_signature, envelope_signature, message_signature, notation_signature,
};

/// The annotations of cosign at a blob: the signature, and a certificate that was issued for it.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
/// The type of a statement that is a signature of its subject and says nothing else (cosign 3).
const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

/// The word for a signed attestation in a report.
pub(super) const ATTESTATION: &str = "attestation";

/// Keys and certificates for signatures in the cargo, with their files.
#[derive(Default)]
pub struct CargoKeyFiles {
    /// The names and sums of the files.
    pub files: Vec<NamedSum>,
    /// What is in them.
    pub keys: CargoKeys,
}

/// What signatures are checked with.
#[derive(Clone, Copy)]
pub(super) struct Checks<'a> {
    keys: &'a CargoKeys,
    at: Timestamp,
}

/// The system of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    Cosign,
    Notation,
    /// A signed statement: the signature is that of the statement.
    Attestation,
}

impl System {
    fn word(self) -> &'static str {
        match self {
            System::Cosign => "cosign",
            System::Notation => "notation",
            System::Attestation => ATTESTATION,
        }
    }

    /// The system of a blob that is a signature and no document.
    pub(super) fn of(attached: &Attached, blob: &Descriptor) -> Option<System> {
        let types = [Some(&blob.media_type), attached.artifact_type.as_ref()];
        types.into_iter().flatten().find_map(|media_type| {
            let has = |words: &[&str]| words.iter().any(|word| media_type.as_str().contains(word));
            if has(&["simplesigning"]) {
                Some(System::Cosign)
            } else if has(&["notary", "jose+json", "application/cose"]) {
                Some(System::Notation)
            } else {
                None
            }
        })
    }
}

/// Whether a blob says that it is a signed envelope or bundle.
pub(super) fn is_envelope(blob: &Descriptor) -> bool {
    ["sigstore.bundle", "dsse.envelope"].iter().any(|word| blob.media_type.as_str().contains(word))
}

/// Reads a blob with at most this many bytes.
pub(super) fn fetched(carried: &dyn Carried, blob: &Descriptor, bytes_max: u64) -> Result<Vec<u8>, String> {
    if blob.size > bytes_max {
        return Err(format!("it has {} bytes; {bytes_max} are read", blob.size));
    }
    match carried.document(blob)? {
        Some(bytes) => Ok(bytes),
        None => Err("it is not in the bundle, or not all of its chunks are there".to_owned()),
    }
}

impl<'a> Checks<'a> {
    /// With these keys, as of this time.
    pub(super) fn new(keys: &'a CargoKeyFiles, at: Timestamp) -> Checks<'a> {
        Checks { keys: &keys.keys, at }
    }

    /// Checks a blob that is a signature.
    pub(super) fn signature(
        self,
        system: System,
        carried: &dyn Carried,
        attached: &Attached,
        blob: &Descriptor,
    ) -> Outcome {
        let bytes_max = if system == System::Notation { ENVELOPE_BYTES_MAX } else { PAYLOAD_BYTES_MAX };
        let bytes = match fetched(carried, blob, bytes_max as u64) {
            Ok(bytes) => bytes,
            Err(problem) => return unverifiable(format!("it cannot be read: {problem}")),
        };
        if system == System::Notation {
            let form = match blob.media_type.as_str() {
                "application/jose+json" => EnvelopeForm::Jws,
                "application/cose" => EnvelopeForm::Cose,
                other => return unverifiable(format!("its envelope has the unknown media type {other:?}")),
            };
            return match carried.descriptor(&attached.subject) {
                Some(target) => notation_signature(self.keys, form, &bytes, &target, self.at),
                None => unverifiable("what it is attached to is not in the bundle".to_owned()),
            };
        }
        let signature = SimpleSignature {
            payload: &bytes,
            signature: blob.annotations.get(SIGNATURE).map(String::as_str),
            is_keyless: blob.annotations.contains_key(CERTIFICATE),
        };
        cosign_signature(self.keys, signature, &attached.subject)
    }

    /// Checks the signature of a statement. It holds only if the statement is about what it is attached to.
    pub(super) fn statement(
        self,
        signed: &Signed,
        blob: &Descriptor,
        statement: &Statement,
        subject: &Digest,
    ) -> Outcome {
        match (self.envelope(signed, blob), statement.is_about(subject)) {
            (Outcome::Valid(by), SubjectAnswer::Holds) if statement.is_known() => Outcome::Valid(by),
            (Outcome::Valid(_), SubjectAnswer::Holds) => {
                unverifiable(format!("what is signed is of an unknown type {:?}", statement.kind))
            }
            (Outcome::Unverifiable { why }, SubjectAnswer::Holds) => unverifiable(why),
            (Outcome::Valid(_) | Outcome::Unverifiable { .. }, SubjectAnswer::Nothing) => {
                Outcome::Invalid { why: "it names nothing that it is about".to_owned() }
            }
            (Outcome::Valid(_) | Outcome::Unverifiable { .. }, SubjectAnswer::Other { named }) => {
                let named: Vec<String> = named.iter().map(ToString::to_string).collect();
                Outcome::Invalid {
                    why: format!("it is about {}, and attached to {subject}", named.join(", ")),
                }
            }
            (invalid, _) => invalid,
        }
    }

    fn envelope(self, signed: &Signed, blob: &Descriptor) -> Outcome {
        match signed.envelope() {
            Some(envelope) => envelope_signature(self.keys, envelope, is_keyless(signed, blob)),
            None => unverifiable("it holds no envelope".to_owned()),
        }
    }

    /// Checks an envelope or bundle that holds neither a statement nor an SBOM.
    pub(super) fn other(
        self,
        bytes: &[u8],
        carried: &dyn Carried,
        attached: &Attached,
        blob: &Descriptor,
    ) -> (System, Outcome) {
        let signed = match crate::bom::read_signed(bytes) {
            Ok(signed) => signed,
            Err(problem) => return (System::Cosign, unverifiable(problem)),
        };
        if let Signed::Bundle(bundle) = &signed
            && let BundleContent::Message { digest, signature } = &bundle.content
        {
            let keyless = is_keyless(&signed, blob);
            return (System::Cosign, self.message(digest.as_ref(), signature, keyless, carried, attached));
        }
        (System::Attestation, unverifiable("what is signed is of an unknown type".to_owned()))
    }

    /// Checks a signature over the bytes of the manifest.
    fn message(
        self,
        named: Option<&Digest>,
        signature: &[u8],
        is_keyless: bool,
        carried: &dyn Carried,
        attached: &Attached,
    ) -> Outcome {
        let subject = attached.subject;
        if named.is_some_and(|named| *named != subject) {
            let named = named.map(ToString::to_string).unwrap_or_default();
            return Outcome::Invalid { why: format!("it is about {named}, and attached to {subject}") };
        }
        let Some(target) = carried.descriptor(&subject) else {
            return unverifiable("what it is attached to is not in the bundle".to_owned());
        };
        match fetched(carried, &target, crate::oci::document::DOCUMENT_BYTES_MAX) {
            Ok(manifest) => message_signature(self.keys, &manifest, signature, is_keyless),
            Err(problem) => unverifiable(format!("what it is attached to cannot be read: {problem}")),
        }
    }
}

fn is_keyless(signed: &Signed, blob: &Descriptor) -> bool {
    let is_certified = matches!(signed, Signed::Bundle(bundle) if bundle.signer == BundleSigner::Certificate);
    is_certified || blob.annotations.contains_key(CERTIFICATE)
}

fn unverifiable(why: String) -> Outcome {
    Outcome::Unverifiable { why }
}

/// The system of a signed statement.
pub(super) fn system_of(statement: &Statement) -> System {
    if statement.predicate_type == SIGN_PREDICATE { System::Cosign } else { System::Attestation }
}

/// What the report says of a signature, and the finding if it is not valid.
pub(super) fn reported(
    system: System,
    attached: &Attached,
    blob: &Descriptor,
    outcome: Outcome,
) -> (AuditedSignature, Option<Finding>) {
    let what = match system {
        System::Cosign => "the signature of cosign",
        System::Notation => "the signature of Notation",
        System::Attestation => "the signature of an attestation",
    };
    let find = |rule, text: String| {
        let place = Place { layer: Some(attached.manifest), ..Place::artifact(attached.subject) };
        // A manifest may hold several signatures, also over one document.
        let signature = blob.annotations.get(SIGNATURE).map(String::as_str).unwrap_or_default();
        let detail = Sum::of(format!("{} {signature}", blob.digest).as_bytes()).to_string();
        Some(Finding::new(rule, place, &detail, text))
    };
    let of = attached.subject;
    let audited = AuditedSignature {
        of,
        digest: attached.manifest,
        kind: system.word().to_owned(),
        status: SignatureStatus::Unverifiable,
        by: None,
        subject: None,
        key: None,
        why: None,
    };
    match outcome {
        Outcome::Valid(by) => {
            let status = SignatureStatus::Valid;
            let (by, subject, key) = (Some(by.file), by.subject, Some(by.key));
            (AuditedSignature { status, by, subject, key, ..audited }, None)
        }
        Outcome::Invalid { why } => {
            let text = format!("{what} at {of} is not valid: {why}");
            let status = SignatureStatus::Invalid;
            (AuditedSignature { status, why: Some(why), ..audited }, find(Rule::SignatureInvalid, text))
        }
        Outcome::Unverifiable { why } => {
            let text = format!("{what} at {of} cannot be checked: {why}");
            (AuditedSignature { why: Some(why), ..audited }, find(Rule::SignatureUnverifiable, text))
        }
    }
}
