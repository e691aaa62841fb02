//! Why a bundle is not unpacked.

use crate::arrival::{Bundle, ReleasedBundle};
use crate::artifacts::ArtifactError;
use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis};
use crate::format::Sum;
use crate::format::plan::PlannedBlob;
use crate::oci::Digest;
use crate::oci::digest::BlobMismatch;
use crate::verify::{BundleReport, BundleVerdict, ChunkVerdict, Damage};

/// Why a bundle is not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// Chunks are not there.
    #[error("bundle {name} ({bundle}) is incomplete: chunk(s) {} of 0 to {last} are missing", list(missing))]
    Incomplete {
        /// The bundle's name.
        name: String,
        /// Its id.
        bundle: Sum,
        /// What is missing.
        missing: Vec<u32>,
        /// The highest number.
        last: u32,
    },
    /// It is not signed, or not released, by those who must.
    #[error("bundle {name} ({bundle}) is not trusted: {problem}")]
    Untrusted {
        /// The bundle's name, as it says.
        name: String,
        /// Its id.
        bundle: Sum,
        /// Who is missing, or what is wrong.
        problem: String,
    },
    /// Its control chunk is missing or damaged.
    #[error("bundle {name} ({bundle}) cannot be read: {problem}")]
    NoControl {
        /// The bundle's name, as it says.
        name: String,
        /// Its id.
        bundle: Sum,
        /// What is wrong.
        problem: String,
    },
    /// Its plan does not tell what its manifests do.
    #[error("bundle {name} ({bundle}) is unsound: {}", problems.join("; "))]
    Unsound {
        /// The bundle's name.
        name: String,
        /// Its id.
        bundle: Sum,
        /// What the manifests say.
        problems: Vec<String>,
    },
    /// A blob is not what its digest says.
    #[error("{file}: {mismatch}")]
    Damaged {
        /// The chunk file or files it is in, escaped.
        file: String,
        /// What was expected and found.
        mismatch: BlobMismatch,
    },
    /// A chunk file cannot be read.
    #[error("{file} cannot be read: {source}")]
    Unreadable {
        /// The blob that was wanted.
        blob: Digest,
        /// The file, escaped.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The target failed.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// No memory or threads.
    #[error("the system gives no more memory or threads: {0}")]
    System(std::io::Error),
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
}

impl UnpackError {
    /// For a blob that a chunk is missing of. None is, once that was checked: this is for a plan and files that
    /// disagree in a way nobody thought of.
    pub(crate) fn without(bundle: &ReleasedBundle<'_>, blob: &PlannedBlob) -> UnpackError {
        let plan = &bundle.contents().plan;
        UnpackError::Incomplete {
            name: plan.crossing.name.to_string(),
            bundle: plan.bundle_id(),
            missing: blob.pieces.iter().map(|piece| piece.chunk).collect(),
            last: plan.last,
        }
    }
}

fn list(numbers: &[u32]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Diagnose for UnpackError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            UnpackError::Artifact(error) => return error.diagnosis(),
            UnpackError::Damaged { .. } => return Code::BlobMismatch.with(Advice::ChunksAreDamaged),
            UnpackError::Incomplete { .. } => Code::BundleIncomplete,
            UnpackError::Untrusted { .. } => Code::BundleUntrusted,
            UnpackError::Unsound { .. } => Code::BundleUnsound,
            UnpackError::NoControl { .. } => Code::ControlChunkMissing,
            UnpackError::Unreadable { .. } => Code::ChunkUnreadable,
            UnpackError::System(_) => Code::System,
            UnpackError::Interrupted => Code::Interrupted,
        };
        code.into()
    }
}

/// Why a bundle that is not released cannot be used, for the operator.
pub fn refusal(bundle: &Bundle) -> UnpackError {
    let report = BundleReport::new(bundle, &Damage::new());
    let untrusted = report.files.iter().find(|file| file.verdict == ChunkVerdict::Untrusted);
    let problem = match (&report.release, untrusted) {
        _ if report.verdict == BundleVerdict::Forked => {
            "FORKED: two different chunks were validly signed under one number".to_owned()
        }
        (Some(release), _) if matches!(bundle.release, Some(Err(_))) => {
            let refused: Vec<String> = release.refused.iter().map(|why| format!("; {why}")).collect();
            format!("{} of {} release signature(s){}", release.by.len(), release.threshold, refused.concat())
        }
        (_, Some(file)) => format!("{}: {}", file.file, file.problems.join("; ")),
        _ => {
            let problem = report.control_problem.unwrap_or_else(|| "its control chunk is damaged".to_owned());
            let name = report.crossing.name.to_string();
            return UnpackError::NoControl { name, bundle: bundle.id, problem };
        }
    };
    UnpackError::Untrusted { name: report.crossing.name.to_string(), bundle: bundle.id, problem }
}
