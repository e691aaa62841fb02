//! Releasing: a person's signature is added to the control chunk, and nothing else changes.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::arrival::{Contents, ContentsError, Member, read_head, sort};
use crate::diagnosis::{Diagnose, Failure};
use crate::environment::Environment;
use crate::format::Sum;
use crate::format::head::{Head, Signature};
use crate::format::limits::SIGNATURES_MAX;
use crate::format::statement::Crossing;
use crate::medium::{ArrivedFile, ChunkFile, MediumError, collect};
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
    fn code(&self) -> &'static str {
        match self {
            SignError::Medium(error) => error.code(),
            SignError::Contents(error) => error.code(),
            SignError::NoControl { .. } => "no-control-chunk",
            SignError::Forked { .. } => "bundle-forked",
            SignError::Full { .. } => "signatures-full",
        }
    }

    fn failure(&self) -> Failure {
        match self {
            SignError::Medium(error) => error.failure(),
            SignError::Contents(error) => error.failure(),
            SignError::NoControl { .. } => Failure::Damaged,
            SignError::Forked { .. } => Failure::Untrusted,
            SignError::Full { .. } => Failure::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            SignError::Medium(error) => error.hint(),
            SignError::Contents(error) => error.hint(),
            SignError::NoControl { .. } => Some("the control chunk is the file NAME_00000.tar".to_owned()),
            SignError::Forked { .. } => {
                Some("do not release either before you know why they differ".to_owned())
            }
            SignError::Full { .. } => None,
        }
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
    let mut bundles = Vec::new();
    for (bundle, lot) in lots {
        let controls: Vec<&Member> =
            lot.members.iter().filter(|member| member.head.statement.number == 0).collect();
        if let [first, others @ ..] = controls.as_slice()
            && let Some(second) =
                others.iter().find(|other| other.head.statement.sums != first.head.statement.sums)
        {
            let (first, second) = (first.file.name().to_owned(), second.file.name().to_owned());
            return Err(SignError::Forked { bundle, first, second });
        }
        for control in controls {
            let contents = Contents::read(control, lot.members.iter())?;
            let file =
                by_name.iter().find(|file| file.name() == control.file.name()).expect("it was collected");
            bundles.push(sign_control(control, &contents, file, signer)?);
        }
    }
    if bundles.is_empty() {
        return Err(SignError::NoControl { files: looked_at });
    }
    Ok(SignReport { bundles })
}

fn sign_control(
    control: &Member,
    contents: &Contents,
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
        replace_head(file, control.head.sealed_at(), &head)?;
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

/// Writes the file anew with another head, beside itself, and renames it into place.
fn replace_head(file: &ArrivedFile, sealed_at: u64, head: &Head) -> Result<(), MediumError> {
    let failed = |source| MediumError::Io { what: "write", path: file.name().to_owned(), source };
    let path = file.path();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.partial", std::process::id()));
    let written = (|| -> io::Result<()> {
        let mut out = File::create(&temporary)?;
        out.write_all(&head.render())?;
        let mut sealed = File::open(path)?;
        io::Seek::seek(&mut sealed, io::SeekFrom::Start(sealed_at))?;
        io::copy(&mut sealed, &mut out)?;
        out.set_permissions(fs::metadata(path)?.permissions())?;
        out.sync_all()?;
        // What replaces a good file is read once more before it does.
        let again = ArrivedFile::new(&temporary).map_err(io::Error::other)?;
        let read = read_head(&again).map_err(io::Error::other)?;
        if read != *head {
            return Err(io::Error::other("the new file does not read back"));
        }
        fs::rename(&temporary, path)?;
        path.parent().map_or(Ok(()), |folder| {
            let folder = if folder.as_os_str().is_empty() { std::path::Path::new(".") } else { folder };
            File::open(folder)?.sync_all()
        })
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(failed)
}
