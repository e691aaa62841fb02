//! Groups files into bundles by the bundle id in their statements.

use std::collections::BTreeMap;
use std::io;
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

/// A file that is not a chunk, or that cannot be read.
pub struct NotAChunk {
    /// The file that was rejected.
    pub file: Arc<dyn ChunkFile>,
    /// The reason why it is not a chunk.
    pub error: BodyError,
}

impl NotAChunk {
    /// Returns the error of the system if the file could not be read: it may be a chunk.
    pub fn unreadable(&self) -> Option<&io::Error> {
        match &self.error {
            BodyError::Io(error) => Some(error),
            BodyError::Format(_) => None,
        }
    }
}

/// The files whose statements name the same bundle.
#[derive(Default)]
pub struct BundleFiles {
    /// The chunk files, sorted by number. A number may occur several times.
    pub members: Vec<Member>,
}

/// Reads every head and groups the files by bundle id.
pub(super) fn group_by_bundle(files: &[Arc<dyn ChunkFile>]) -> (BTreeMap<Sum, BundleFiles>, Vec<NotAChunk>) {
    let mut bundles: BTreeMap<Sum, BundleFiles> = BTreeMap::new();
    let mut others = Vec::new();
    for file in files {
        let file = Arc::clone(file);
        match read_head(file.as_ref()) {
            Ok(head) => {
                let bundle = bundles.entry(head.statement.bundle).or_default();
                bundle.members.push(Member { file, head });
            }
            Err(error) => others.push(NotAChunk { file, error }),
        }
    }
    for bundle in bundles.values_mut() {
        bundle.members.sort_by_key(|member| member.head.statement.number);
    }
    (bundles, others)
}
