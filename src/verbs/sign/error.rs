//! Errors that stop signing.

use crate::arrival::{ContentsError, Finding, OpenError};
use crate::diagnosis::{Code, Diagnose, Diagnosis, count};
use crate::format::{FormatError, Sum, Timestamp};
use crate::medium::MediumError;
use crate::trust::{RefusalReason, ShortKeyId, SignerError, Untrusted};

/// An error that stops signing.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The files cannot be opened as bundles.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The control chunk cannot be written.
    #[error(transparent)]
    Medium(#[from] MediumError),
    /// The key cannot sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The control chunk is damaged.
    #[error("{file}: {finding}")]
    Damaged {
        /// The path of the control chunk.
        file: String,
        /// The damage that was found.
        finding: Finding,
    },
    /// The documents in the control chunk are malformed or contradict each other.
    #[error(transparent)]
    Contents(#[from] ContentsError),
    /// None of the files is a control chunk.
    #[error("no control chunk among the {} given", count(*files as u64, "file", "files"))]
    NoControl {
        /// The number of files that were given.
        files: usize,
    },
    /// Two different control chunks belong to the same bundle.
    #[error("two control chunks of bundle {bundle} differ: {first} and {second}")]
    Forked {
        /// The id of the bundle.
        bundle: Sum,
        /// The path of the first control chunk.
        first: String,
        /// The path of the second control chunk.
        second: String,
    },
    /// The trust file does not accept the control chunk.
    #[error("{file} is {reason}")]
    Untrusted {
        /// The path of the control chunk.
        file: String,
        /// Why it is not accepted.
        reason: Untrusted,
    },
    /// The trust file does not count the signature as a release.
    #[error("the signature of key {key} on {file} would not count: {reason}")]
    DoesNotCount {
        /// The path of the control chunk.
        file: String,
        /// The key.
        key: ShortKeyId,
        /// Why it does not count.
        reason: RefusalReason,
    },
    /// The control chunk has no room for another signature.
    #[error("{file} has no room for another signature: it has {signatures}")]
    Full {
        /// The path of the control chunk.
        file: String,
        /// The number of signatures it has.
        signatures: usize,
    },
    /// What should be attached is no signature.
    #[error(
        "{found} bytes are no signature: expected 64 bytes (Ed25519), 4627 bytes (ML-DSA-87), DER or 96 bytes \
         (ECDSA P-384), one line of base64 of these, an SSH signature of a FIDO key for carnet, or a release file"
    )]
    NotASignature {
        /// The number of bytes.
        found: usize,
    },
    /// No given key made the signature over the statement of a bundle that was given.
    #[error(
        "the signature does not verify with {} over the statement of {}",
        count(*keys as u64, "key", "keys"),
        bundles.join(", ")
    )]
    NotOfThese {
        /// The number of keys that were tried.
        keys: usize,
        /// The names of the bundles, with their ids.
        bundles: Vec<String>,
    },
    /// A release file is for none of the bundles that were given.
    #[error(
        "the release file is of the control chunk of bundle {bundle} that was sealed {created}, and that is none of: {}",
        bundles.join(", ")
    )]
    ReleaseOfOther {
        /// The id of its bundle.
        bundle: Sum,
        /// When the control chunk was sealed.
        created: Timestamp,
        /// The names of the bundles that were given, with their ids.
        bundles: Vec<String>,
    },
    /// What should be signed is not a statement.
    #[error("what should be signed is not the statement of a chunk: {0}")]
    NotAStatement(#[source] FormatError),
    /// What should be signed is the statement of another chunk than the control chunk.
    #[error(
        "this is the statement of chunk {number} of bundle {bundle}; a release signs that of the control chunk"
    )]
    NotControl {
        /// The id of the bundle.
        bundle: Sum,
        /// The number of the chunk.
        number: u32,
    },
}

impl Diagnose for SignError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            SignError::Open(error) => return error.diagnosis(),
            SignError::Medium(error) => return error.diagnosis(),
            SignError::Signer(error) => return error.diagnosis(),
            SignError::Contents(error) => return error.diagnosis(),
            SignError::Damaged { finding: Finding::Unreadable { .. }, .. } => Code::ChunkUnreadable,
            SignError::Damaged { .. } => Code::ControlChunkDamaged,
            SignError::NoControl { .. } => Code::ControlChunkMissing,
            SignError::Forked { .. } => Code::BundleForked,
            SignError::Untrusted { reason, .. } => match reason.code() {
                Code::BundleUntrusted => Code::PackerUntrusted,
                code => code,
            },
            SignError::DoesNotCount { .. } => Code::ReleaseDoesNotCount,
            SignError::Full { .. } => Code::SignaturesFull,
            SignError::NotASignature { .. } => Code::SignatureMalformed,
            SignError::NotOfThese { .. } | SignError::ReleaseOfOther { .. } => Code::SignatureOfOther,
            SignError::NotAStatement(_) => Code::StatementMalformed,
            SignError::NotControl { .. } => Code::StatementNotControl,
        };
        code.into()
    }
}
