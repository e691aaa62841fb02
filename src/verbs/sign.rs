//! Releasing: a person's signature is added to the control chunk, and nothing else changes.

use std::io;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::arrival::{
    Bundle, Contents, ContentsError, Control, Finding, OpenError, OpenRequest, Opened, Standing,
    damaged_entries, open, read_body, read_head,
};
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::environment::Environment;
use crate::format::Sum;
use crate::format::body::{Body, BodyEntry};
use crate::format::limits::SIGNATURES_MAX;
use crate::format::signature::Signature;
use crate::format::statement::Crossing;
use crate::medium::{ChunkFile, MediumError};
use crate::trust::{Signer, SignerError};
use crate::verbs::report::{ArtifactReport, OmissionReport};

/// Why nothing was signed.
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
    /// Bytes of the control chunk are damaged.
    #[error("{file}: {finding}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        finding: Finding,
    },
    /// The control chunk does not hold together.
    #[error(transparent)]
    Contents(#[from] ContentsError),
    /// No control chunk is among the files.
    #[error("no control chunk is among the {files} file(s) named")]
    NoControl {
        /// How many files were looked at.
        files: usize,
    },
    /// Two control chunks of one bundle differ.
    #[error("two control chunks of bundle {bundle} differ: {first} and {second}")]
    Forked {
        /// The bundle.
        bundle: Sum,
        /// One file, escaped.
        first: String,
        /// The other, escaped.
        second: String,
    },
    /// No room for another signature.
    #[error("{file} has {signatures} signatures, and no room for another")]
    Full {
        /// The file.
        file: String,
        /// How many it has.
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
    /// Its id.
    pub bundle: Sum,
    /// Name, stream, sequence and label.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// Its control chunk, escaped.
    pub file: String,
    /// The id of the key that signed.
    pub key: String,
    /// Whether this key had signed it before; nothing was changed then.
    pub already_signed: bool,
    /// How many signatures the control chunk has now.
    pub signatures: usize,
    /// What is released.
    pub artifacts: Vec<ArtifactReport>,
    /// What it does not carry although it is reachable.
    pub omitted: Vec<OmissionReport>,
}

/// What signing says when it is done.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SignReport {
    /// The bundles, by id.
    pub bundles: Vec<SignedBundle>,
}

/// Adds a release signature to the control chunk of every bundle among `files`.
///
/// Each control chunk is replaced whole or not at all; its sealed part stays byte for byte. Signing again
/// with the same key changes nothing.
///
/// # Errors
/// [`SignError`]: also for a control chunk that does not hold together, for that nobody should release.
pub fn sign(
    files: &[Arc<dyn ChunkFile>],
    signer: &dyn Signer,
    environment: &Environment<'_>,
) -> Result<SignReport, SignError> {
    let mut arrivals = open(&OpenRequest { files, policy: None }, environment)?;
    // Everything is looked at before anything is signed.
    let mut broken = None;
    for bundle in &mut arrivals.bundles {
        match std::mem::replace(&mut bundle.control, Control::Absent) {
            Control::Forked => return Err(forked(bundle)),
            Control::Broken(error) => {
                broken.get_or_insert(SignError::from(error));
            }
            control => bundle.control = control,
        }
        for (opened, body) in controls(bundle) {
            check_whole(&opened.file, body, environment)?;
        }
        if bundle.contents().is_some() && controls(bundle).next().is_none() {
            broken = broken.or_else(|| damaged(bundle));
        }
    }
    let mut bundles = Vec::new();
    for bundle in &arrivals.bundles {
        if let Some(contents) = bundle.contents() {
            for (opened, _) in controls(bundle) {
                bundles.push(sign_control(opened, contents, signer, environment)?);
            }
        }
    }
    if bundles.is_empty() {
        return Err(broken.unwrap_or(SignError::NoControl { files: files.len() }));
    }
    Ok(SignReport { bundles })
}

/// The good control chunks of a bundle: several where it arrived more than once.
fn controls(bundle: &Bundle) -> impl Iterator<Item = (&Opened, &Body)> {
    let controls = bundle.files.iter().filter(|opened| opened.statement.is_control());
    controls.filter_map(|opened| Some((opened, opened.body()?)))
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
    let mut controls = bundle.files.iter().filter(|opened| matches!(opened.standing, Standing::Forked));
    let first = controls.next().expect("two control chunks differ");
    let second = controls.find(|other| other.statement.sums != first.statement.sums).unwrap_or(first);
    let (first, second) = (first.file.name().to_owned(), second.file.name().to_owned());
    SignError::Forked { bundle: bundle.id, first, second }
}

/// Hashes every byte that a statement covers: a release vouches for all of it.
fn check_whole(
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
        // A signature under our key's name that is not ours makes room for the right one.
        let algorithm = signer.algorithm();
        head.signatures.retain(|signature| (signature.key, signature.algorithm) != (short, algorithm));
        head.signatures.push(signer.signature(&old.statement_bytes)?);
        head.signatures.sort_by_key(|signature| (signature.key, signature.algorithm));
        if head.signatures.len() > SIGNATURES_MAX || head.sealed_at() > contents.plan.heads.control {
            let signatures = old.signatures.len();
            return Err(SignError::Full { file: file.name().to_owned(), signatures });
        }
        // What replaces a good file is read once more before it does.
        let check = |new: Arc<dyn ChunkFile>| {
            let found = read_head(new.as_ref()).map_err(io::Error::other)?;
            let body = read_body(new.as_ref(), &found).map_err(io::Error::other)?;
            check_whole(&new, &body, environment).map_err(io::Error::other)?;
            if found == head { Ok(()) } else { Err(io::Error::other("the new file does not read back")) }
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
    })
}
