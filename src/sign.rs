//! Releasing: a person's signature is added to the control chunk, and nothing else changes.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::arrival::{Contents, ContentsError, Member, read_head, sort};
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::environment::Environment;
use crate::format::Sum;
use crate::format::head::{Head, Signature};
use crate::format::limits::SIGNATURES_MAX;
use crate::format::statement::Crossing;
use crate::medium::{ArrivedFile, ChunkFile, MediumError, Temporary, collect};
use crate::report::{ArtifactReport, OmissionReport};
use crate::trust::Signer;

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The files cannot be looked at or written.
    #[error(transparent)]
    Medium(#[from] MediumError),
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
    #[error("{file} has {SIGNATURES_MAX} signatures already")]
    Full {
        /// The file, escaped.
        file: String,
    },
}

impl Diagnose for SignError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            SignError::Medium(error) => return error.diagnosis(),
            SignError::Contents(error) => return error.diagnosis(),
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

/// Adds a release signature to the control chunk of every bundle among `paths`.
///
/// Each control chunk is replaced whole or not at all; its sealed part stays byte for byte. Signing again
/// with the same key changes nothing.
///
/// # Errors
/// [`SignError`]: also for a control chunk that does not hold together, for that nobody should release.
pub fn sign(paths: &[PathBuf], signer: &dyn Signer, _: &Environment<'_>) -> Result<SignReport, SignError> {
    let files = collect(paths)?;
    let looked_at = files.len();
    let by_name: Vec<Arc<ArrivedFile>> = files.clone();
    let (lots, _) = sort(files);
    // Everything is looked at before anything is signed.
    let mut wanted: Vec<(Member, Contents)> = Vec::new();
    let mut broken = None;
    for (bundle, lot) in &lots {
        let first_of_lot = wanted.len();
        for control in lot.members.iter().filter(|member| member.head.statement.number == 0) {
            match Contents::read(control, lot.members.iter()) {
                Ok(contents) => wanted.push((control.clone(), contents)),
                // What does not hold together is no control chunk of this bundle, whoever put it there.
                Err(error) => {
                    broken.get_or_insert(error);
                }
            }
        }
        if let [(first, _), others @ ..] = &wanted[first_of_lot..]
            && let Some((second, _)) =
                others.iter().find(|(other, _)| other.head.statement.sums != first.head.statement.sums)
        {
            let (first, second) = (first.file.name().to_owned(), second.file.name().to_owned());
            return Err(SignError::Forked { bundle: *bundle, first, second });
        }
    }
    if wanted.is_empty() {
        return Err(broken.map_or(SignError::NoControl { files: looked_at }, SignError::from));
    }
    let mut bundles = Vec::new();
    for (control, contents) in &wanted {
        let file = by_name.iter().find(|file| file.name() == control.file.name()).expect("it was collected");
        let others = &lots[&control.head.statement.bundle].members;
        bundles.push(sign_control(control, contents, others, file, signer)?);
    }
    Ok(SignReport { bundles })
}

fn sign_control(
    control: &Member,
    contents: &Contents,
    others: &[Member],
    file: &ArrivedFile,
    signer: &dyn Signer,
) -> Result<SignedBundle, SignError> {
    let key = signer.public_key();
    let short: [u8; 8] = key.id().short().into();
    let head = &control.head;
    let signed = |head: &Head| {
        head.signatures.iter().any(|s| s.key == short && key.verify(&head.statement_bytes, &s.bytes))
    };
    let already_signed = signed(head);
    let mut signatures = head.signatures.len();
    if !already_signed {
        let mut head = head.clone();
        // A signature under our key's name that is not ours makes room for the right one.
        head.signatures.retain(|signature| signature.key != short);
        if head.signatures.len() == SIGNATURES_MAX {
            return Err(SignError::Full { file: file.name().to_owned() });
        }
        head.signatures.push(Signature { key: short, bytes: signer.sign(&head.statement_bytes) });
        head.signatures.sort_by_key(|signature| signature.key);
        signatures = head.signatures.len();
        replace_head(file, control.head.sealed_at(), &head, others)?;
    }
    let plan = &contents.plan;
    Ok(SignedBundle {
        bundle: head.statement.bundle,
        crossing: plan.crossing.clone(),
        file: file.name().to_owned(),
        key: key.id().to_string(),
        already_signed,
        signatures,
        artifacts: ArtifactReport::all(plan),
        omitted: OmissionReport::all(plan),
    })
}

/// Writes the file anew with another head, beside itself, and renames it into place. Whoever signs at the
/// same time waits, and is told to begin again.
fn replace_head(
    file: &ArrivedFile,
    sealed_at: u64,
    head: &Head,
    others: &[Member],
) -> Result<(), MediumError> {
    let failed = |source| MediumError::Io { what: "write", path: file.name().to_owned(), source };
    let written = (|| -> io::Result<()> {
        let path = file.path();
        let lock = File::open(path)?;
        lock.lock()?;
        // Under the lock the file is the one that was read, or this fails.
        let sealed = file.open()?;
        let mut temporary = Temporary::beside(path)?;
        temporary.file().write_all(&head.render())?;
        let mut block = vec![0; 256 << 10];
        let mut at = sealed_at;
        while at < file.bytes() {
            let length = usize::try_from(file.bytes() - at).unwrap_or(usize::MAX).min(block.len());
            sealed.read_exact_at(&mut block[..length], at)?;
            temporary.file().write_all(&block[..length])?;
            at += length as u64;
        }
        temporary.file().set_permissions(fs::metadata(path)?.permissions())?;
        // What replaces a good file is read once more before it does.
        let again: Arc<dyn ChunkFile> =
            Arc::new(ArrivedFile::new(temporary.path()).map_err(io::Error::other)?);
        let again = Member { head: read_head(again.as_ref()).map_err(io::Error::other)?, file: again };
        Contents::read(&again, others.iter()).map_err(io::Error::other)?;
        if again.head != *head {
            return Err(io::Error::other("the new file does not read back"));
        }
        temporary.place(path)
    })();
    written.map_err(failed)
}
