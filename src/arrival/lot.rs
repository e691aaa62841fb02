//! Files sorted into bundles, by what they say of themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::read_head;
use crate::format::Sum;
use crate::format::body::BodyError;
use crate::format::head::Head;
use crate::medium::ChunkFile;

/// A chunk file with the head that was read from it.
#[derive(Clone)]
pub struct Member<H = Head> {
    /// The file.
    pub file: Arc<dyn ChunkFile>,
    /// Its head, or what `trust` made of it.
    pub head: H,
}

/// A file that is no chunk.
pub struct NotAChunk {
    /// The file.
    pub file: Arc<dyn ChunkFile>,
    /// Why not.
    pub error: BodyError,
}

/// The chunks of one bundle, as they say themselves.
#[derive(Default)]
pub struct Lot {
    /// Its chunks, by number; several of one number where they arrived twice.
    pub members: Vec<Member>,
}

/// Reads every head and sorts the files into bundles by id.
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
