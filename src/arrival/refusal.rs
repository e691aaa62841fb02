//! Why a bundle may not be used.

use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::format::{BundleName, Sum};

/// Why a bundle may not be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// It is not signed, or not released, by those who must.
    #[error("bundle {name} ({bundle}) is not trusted: {problem}")]
    Untrusted {
        /// The bundle's name, as it says.
        name: BundleName,
        /// Its id.
        bundle: Sum,
        /// Who is missing, or what is wrong.
        problem: String,
    },
    /// Its control chunk is missing or damaged.
    #[error("bundle {name} ({bundle}) cannot be read: {problem}")]
    NoControl {
        /// The bundle's name, as it says.
        name: BundleName,
        /// Its id.
        bundle: Sum,
        /// What is wrong.
        problem: String,
    },
    /// Chunks are missing or damaged.
    #[error("bundle {name} ({bundle}) is incomplete: {}", incomplete(missing, *last, damage.as_deref()))]
    Incomplete {
        /// The bundle's name.
        name: BundleName,
        /// Its id.
        bundle: Sum,
        /// The numbers of the chunks.
        missing: Vec<u32>,
        /// The highest number.
        last: u32,
        /// What is wrong with the first of them, if it is there and damaged.
        damage: Option<String>,
    },
    /// Its plan does not say what its manifests do.
    #[error("bundle {name} ({bundle}) is unsound: {}", problems.join("; "))]
    Unsound {
        /// The bundle's name.
        name: BundleName,
        /// Its id.
        bundle: Sum,
        /// What the manifests say.
        problems: Vec<String>,
    },
}

fn incomplete(missing: &[u32], last: u32, damage: Option<&str>) -> String {
    let numbers = missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let (chunks, are) = if missing.len() == 1 { ("chunk", "is") } else { ("chunks", "are") };
    let damage = damage.map(|damage| format!("; {damage}")).unwrap_or_default();
    format!("{chunks} {numbers} of 0 to {last} {are} missing or damaged{damage}")
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
