//! Reasons why a bundle may not be used.

use super::Contradiction;
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::format::{BundleName, Sum};

/// The reason why a bundle may not be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// A required packer or release signature is missing.
    #[error("bundle {name} ({bundle}) is not trusted: {problem}")]
    Untrusted {
        /// The name of the bundle, according to its statements.
        name: BundleName,
        /// The id of the bundle.
        bundle: Sum,
        /// What is missing or wrong.
        problem: String,
    },
    /// The control chunk is missing or damaged.
    #[error("bundle {name} ({bundle}) cannot be read: {problem}")]
    NoControl {
        /// The name of the bundle, according to its statements.
        name: BundleName,
        /// The id of the bundle.
        bundle: Sum,
        /// What is missing or damaged.
        problem: String,
    },
    /// Chunks are missing or damaged.
    #[error("bundle {name} ({bundle}) is incomplete: {}", incomplete(missing, *last, damage.as_deref()))]
    Incomplete {
        /// The name of the bundle.
        name: BundleName,
        /// The id of the bundle.
        bundle: Sum,
        /// The numbers of the missing or damaged chunks.
        missing: Vec<u32>,
        /// The highest chunk number of the bundle.
        last: u32,
        /// The damage of the first such chunk that arrived.
        damage: Option<String>,
    },
    /// The plan contradicts the manifests.
    #[error("bundle {name} ({bundle}) is unsound: {}", list(problems))]
    Unsound {
        /// The name of the bundle.
        name: BundleName,
        /// The id of the bundle.
        bundle: Sum,
        /// The contradictions.
        problems: Vec<Contradiction>,
    },
}

fn list(problems: &[Contradiction]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn incomplete(missing: &[u32], last: u32, damage: Option<&str>) -> String {
    let numbers = missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let (chunks, are) = if missing.len() == 1 { ("chunk", "is") } else { ("chunks", "are") };
    let damage = damage.map(|damage| format!("; {damage}")).unwrap_or_default();
    format!("{chunks} {numbers} {are} missing or damaged (the bundle has chunks 0 to {last}){damage}")
}

impl Diagnose for Refusal {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            Refusal::Untrusted { .. } => Code::BundleUntrusted,
            Refusal::NoControl { .. } => Code::ControlChunkMissing,
            Refusal::Incomplete { .. } => Code::BundleIncomplete,
            Refusal::Unsound { .. } => Code::BundleUnsound,
        };
        code.into()
    }
}
