//! Reasons why a bundle may not be used.

use super::{Contradiction, UnreadableFile};
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::format::{BundleName, Sum, Timestamp};

/// The reason why a bundle may not be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
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
        /// The code of the reason.
        code: Code,
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
    /// The bundle has expired.
    #[error("bundle {name} ({bundle}) expired at {expires}")]
    Expired {
        /// The name of the bundle, according to its statements.
        name: BundleName,
        /// The id of the bundle.
        bundle: Sum,
        /// The time from which it is not accepted.
        expires: Timestamp,
    },
    /// Chunks arrived, but cannot be read. All others are there.
    #[error("bundle {name} ({bundle}) cannot be read: {}, e.g. {}: {}", chunk_list(chunks), first.file, first.reason)]
    Unreadable {
        /// The name of the bundle, according to its statements.
        name: BundleName,
        /// The id of the bundle.
        bundle: Sum,
        /// The numbers of the chunks that cannot be read.
        chunks: Vec<u32>,
        /// The first file, with the reason.
        first: UnreadableFile,
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

/// How many numbers of chunks a message names.
const NUMBERS_MAX: usize = 20;

/// `chunk 3`, or `chunks 3, 4`, with at most 20 numbers.
fn chunk_list(numbers: &[u32]) -> String {
    let chunks = if numbers.len() == 1 { "chunk" } else { "chunks" };
    let named: Vec<String> = numbers.iter().take(NUMBERS_MAX).map(ToString::to_string).collect();
    let more = match numbers.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{chunks} {}{more}", named.join(", "))
}

fn incomplete(missing: &[u32], last: u32, damage: Option<&str>) -> String {
    let are = if missing.len() == 1 { "is" } else { "are" };
    let damage = damage.map(|damage| format!("; {damage}")).unwrap_or_default();
    format!("{} {are} missing or damaged (the bundle has chunks 0 to {last}){damage}", chunk_list(missing))
}

impl Diagnose for Refusal {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            Refusal::Expired { .. } => Code::BundleExpired,
            Refusal::Unreadable { .. } => Code::ChunkUnreadable,
            Refusal::Untrusted { code, .. } => *code,
            Refusal::NoControl { .. } => Code::ControlChunkMissing,
            Refusal::Incomplete { .. } => Code::BundleIncomplete,
            Refusal::Unsound { .. } => Code::BundleUnsound,
        };
        code.into()
    }
}
