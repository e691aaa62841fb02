//! Releases a bundle: adds the signature of a person to its control chunk and changes nothing else.

use std::io;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::arrival::{
    Bundle, Contents, ContentsError, Control, Finding, OpenError, OpenRequest, Opened, Standing,
    UnreadableFile, damaged_entries, open, read_body, read_head,
};
use crate::diagnosis::{Code, Diagnose, Diagnosis, count};
use crate::environment::Environment;
use crate::format::Sum;
use crate::format::body::{Body, BodyEntry};
use crate::format::limits::SIGNATURES_MAX;
use crate::format::signature::Signature;
use crate::format::statement::Crossing;
use crate::medium::{ChunkFile, MediumError};
use crate::trust::{Signer, SignerError};
use crate::verbs::report::{ArtifactReport, LeftOutReport, OmissionReport, OriginReport};

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
    /// The control chunk has no room for another signature.
    #[error("{file} has no room for another signature: it has {signatures}")]
    Full {
        /// The path of the control chunk.
        file: String,
        /// The number of signatures it has.
        signatures: usize,
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
            SignError::Full { .. } => Code::SignaturesFull,
        };
        code.into()
    }
}

/// A bundle that was signed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SignedBundle {
    /// The id of the bundle.
    pub bundle: Sum,
    /// The name, stream, sequence and label of the bundle.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// The path of the control chunk.
    pub file: String,
    /// The id of the key that signed.
    pub key: String,
    /// Whether this key had already signed the control chunk; if so, nothing was changed.
    pub already_signed: bool,
    /// The number of signatures that the control chunk has now.
    pub signatures: usize,
    /// The artifacts in the bundle, without referrers.
    pub artifacts: Vec<ArtifactReport>,
    /// Manifests and blobs that the artifacts reference but the bundle omits.
    pub omitted: Vec<OmissionReport>,
    /// The earlier bundles that carry what this one leaves out; none unless it is a delta.
    pub left_out: Vec<LeftOutReport>,
    /// The bundles that this one was made of; none if it was packed from sources.
    pub origins: Vec<OriginReport>,
}

/// The report of `sign`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SignReport {
    /// The bundles that were signed, by id.
    pub bundles: Vec<SignedBundle>,
}

/// Adds a release signature to the control chunk of every bundle among `files`.
///
/// Each control chunk is replaced completely or not at all; the bytes of its sealed part do not change. Signing again
/// with the same key changes nothing.
///
/// # Errors
/// [`SignError`]. A control chunk whose documents contradict each other is not signed either.
pub fn sign(
    files: &[Arc<dyn ChunkFile>],
    signer: &dyn Signer,
    environment: &Environment<'_>,
) -> Result<SignReport, SignError> {
    let arrivals = open(&OpenRequest { files, policy: None }, environment)?;
    // All control chunks are checked before any is signed. A damaged copy does not prevent signing an intact one.
    let mut intact = Vec::new();
    let mut damage = None;
    for bundle in &arrivals.bundles {
        if matches!(bundle.control, Control::Forked) {
            return Err(forked(bundle));
        }
        let Some(contents) = bundle.contents() else { continue };
        damage = damage.or_else(|| damaged(bundle));
        for (opened, body) in controls(bundle) {
            match check_entries(&opened.file, body, environment) {
                Ok(()) => intact.push((opened, contents)),
                Err(error @ SignError::Damaged { .. }) => {
                    damage.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
    }
    if intact.is_empty() {
        let unreadable = arrivals.bundles.iter().find_map(unreadable);
        let broken = arrivals.bundles.into_iter().find_map(|bundle| match bundle.control {
            Control::Broken(error) => Some(SignError::from(error)),
            _ => None,
        });
        let none = SignError::NoControl { files: files.len() };
        return Err(unreadable.or(broken).or(damage).unwrap_or(none));
    }
    let signed =
        intact.into_iter().map(|(control, contents)| sign_control(control, contents, signer, environment));
    Ok(SignReport { bundles: signed.collect::<Result<_, _>>()? })
}

/// Returns the good control chunks of a bundle. There are several if copies of it were given.
fn controls(bundle: &Bundle) -> impl Iterator<Item = (&Opened, &Body)> {
    let controls = bundle.files.iter().filter(|opened| opened.statement.is_control());
    controls.filter_map(|opened| Some((opened, opened.body()?)))
}

fn unreadable(bundle: &Bundle) -> Option<SignError> {
    let UnreadableFile { file, reason } = bundle.unreadable_file(0)?;
    Some(SignError::Damaged { file, finding: Finding::Unreadable { reason } })
}

fn damaged(bundle: &Bundle) -> Option<SignError> {
    bundle.files.iter().find_map(|opened| match &opened.standing {
        Standing::Damaged(finding) if opened.statement.is_control() => {
            Some(SignError::Damaged { file: opened.file.name().to_owned(), finding: finding.clone() })
        }
        _ => None,
    })
}

fn forked(bundle: &Bundle) -> SignError {
    let controls = || bundle.files.iter().filter(|opened| opened.statement.is_control());
    let is_forked = |opened: &&Opened| matches!(opened.standing, Standing::Forked);
    let first = controls().find(is_forked).or(controls().next()).expect("a forked bundle has control chunks");
    let second = controls().find(|other| other.statement.sums != first.statement.sums).unwrap_or(first);
    let (first, second) = (first.file.name().to_owned(), second.file.name().to_owned());
    SignError::Forked { bundle: bundle.id, first, second }
}

/// Hashes every byte that the statement covers, because the release signature covers them too.
fn check_entries(
    file: &Arc<dyn ChunkFile>,
    body: &Body,
    environment: &Environment<'_>,
) -> Result<(), SignError> {
    let entries: Vec<&BodyEntry> = body.entries.iter().collect();
    match damaged_entries(file, &entries, environment.workers).map_err(OpenError::from)? {
        None => Ok(()),
        Some(finding) => Err(SignError::Damaged { file: file.name().to_owned(), finding }),
    }
}

fn sign_control(
    control: &Opened,
    contents: &Contents,
    signer: &dyn Signer,
    environment: &Environment<'_>,
) -> Result<SignedBundle, SignError> {
    let file = &control.file;
    let unusable = |source| MediumError::Io { what: "write", path: file.name().to_owned(), source };
    let old = read_head(file.as_ref()).map_err(|error| unusable(io::Error::other(error)))?;
    let key = signer.public_key();
    let short: [u8; 8] = key.id().short().into();
    let signed = |s: &Signature| key.has_signed(&old.statement_bytes, s);
    let already_signed = old.signatures.iter().any(signed);
    let mut head = old.clone();
    if !already_signed {
        // An invalid signature under the id of this key is replaced by the valid one.
        let algorithm = signer.algorithm();
        head.signatures.retain(|signature| (signature.key, signature.algorithm) != (short, algorithm));
        head.signatures.push(signer.signature(&old.statement_bytes)?);
        head.signatures.sort_by_key(|signature| (signature.key, signature.algorithm));
        if head.signatures.len() > SIGNATURES_MAX || head.sealed_at() > contents.plan.heads.control {
            let signatures = old.signatures.len();
            return Err(SignError::Full { file: file.name().to_owned(), signatures });
        }
        // The new file is read back and checked before it replaces the old one.
        let check = |new: Arc<dyn ChunkFile>| {
            let found = read_head(new.as_ref()).map_err(io::Error::other)?;
            let body = read_body(new.as_ref(), &found).map_err(io::Error::other)?;
            check_entries(&new, &body, environment).map_err(io::Error::other)?;
            if found == head {
                Ok(())
            } else {
                Err(io::Error::other("the new file differs from what was written"))
            }
        };
        file.replace_front(&head.render(), old.sealed_at(), &check).map_err(unusable)?;
    }
    let plan = &contents.plan;
    Ok(SignedBundle {
        bundle: control.statement.bundle,
        crossing: plan.crossing.clone(),
        file: file.name().to_owned(),
        key: key.id().to_string(),
        already_signed,
        signatures: head.signatures.len(),
        artifacts: ArtifactReport::all(plan),
        omitted: OmissionReport::all(plan),
        left_out: LeftOutReport::all(plan),
        origins: OriginReport::all(plan),
    })
}
