//! Groups files into bundles by the bundle id in their statements.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::read_head;
use crate::format::Sum;
use crate::format::body::BodyError;
use crate::format::head::Head;
use crate::medium::ChunkFile;

/// A chunk file with its parsed head.
#[derive(Clone)]
pub struct Member<H = Head> {
    /// The chunk file.
    pub file: Arc<dyn ChunkFile>,
    /// The head of the file, or the result of checking it in `trust`.
    pub head: H,
}

/// A file that is not a chunk.
pub struct NotAChunk {
    /// The chunk file.
    pub file: Arc<dyn ChunkFile>,
    /// The reason why it is not a chunk.
    pub error: BodyError,
}

/// The files whose statements name the same bundle.
#[derive(Default)]
pub struct Lot {
    /// The chunk files, sorted by number. A number may occur several times.
    pub members: Vec<Member>,
}

/// Reads every head and groups the files by bundle id.
pub(super) fn sort(files: &[Arc<dyn ChunkFile>]) -> (BTreeMap<Sum, Lot>, Vec<NotAChunk>) {
    let mut lots: BTreeMap<Sum, Lot> = BTreeMap::new();
    let mut others = Vec::new();
    for file in files {
        let file = Arc::clone(file);
        match read_head(file.as_ref()) {
            Ok(head) => {
                let lot = lots.entry(head.statement.bundle).or_default();
                lot.members.push(Member { file, head });
            }
            Err(error) => others.push(NotAChunk { file, error }),
        }
    }
    for lot in lots.values_mut() {
        lot.members.sort_by_key(|member| member.head.statement.number);
    }
    (lots, others)
}
