//! What is wrong with a stack of layers.

use crate::content::name::shown;

/// What is wrong or odd where layers meet. `layer` counts from 0, the base.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootfsProblem {
    /// A layer has two entries for one path. The later one counts.
    #[error("layer {layer} has more than one entry for {}", shown(.path))]
    DuplicateMember {
        /// The layer.
        layer: usize,
        /// The path.
        path: Vec<u8>,
    },
    /// A hard link whose target is not there, or is a folder. Runtimes refuse the layer; the entry was skipped.
    #[error("layer {layer}: {} is a hard link to {}, which is no file there", shown(.path), shown(.target))]
    BrokenHardLink {
        /// The layer.
        layer: usize,
        /// The path.
        path: Vec<u8>,
        /// The target.
        target: Vec<u8>,
    },
    /// An entry below something that is no folder. Runtimes refuse the layer; the entry was skipped.
    #[error("layer {layer}: {} lies below something that is no folder", shown(.path))]
    NotInFolder {
        /// The layer.
        layer: usize,
        /// The path.
        path: Vec<u8>,
    },
    /// The folders of a path are links that lead in a circle, or to a path that is too long. The entry was skipped.
    #[error("layer {layer}: the links on the way to {} lead in a circle or too far", shown(.path))]
    LinkCycle {
        /// The layer.
        layer: usize,
        /// The path.
        path: Vec<u8>,
    },
    /// A whiteout without a name, or of `.` or `..`. Runtimes refuse it, or remove the folder that it is in; here it
    /// removes nothing.
    #[error("layer {layer}: the whiteout {} names nothing that can be removed", shown(.path))]
    OddWhiteout {
        /// The layer.
        layer: usize,
        /// Its path.
        path: Vec<u8>,
    },
    /// An entry that would make the root something else than a folder. It was skipped.
    #[error("layer {layer}: {} would replace the root", shown(.path))]
    RootReplaced {
        /// The layer.
        layer: usize,
        /// The path.
        path: Vec<u8>,
    },
    /// The merged file system has more entries than are kept. Further ones were skipped.
    #[error("the image has more than {limit} files and folders")]
    EntriesLimit {
        /// The limit.
        limit: usize,
    },
    /// The layers were made to be slow to merge. The rest was skipped.
    #[error("merging the layers takes more than {limit} steps")]
    StepsLimit {
        /// The limit.
        limit: u64,
    },
    /// There are more layers than are merged. Further ones were skipped.
    #[error("the image has {layers} layers; the limit is {limit}")]
    LayersLimit {
        /// How many.
        layers: usize,
        /// The limit.
        limit: usize,
    },
}

impl RootfsProblem {
    /// The name of the rule that the layers break, for findings and policies.
    pub const fn rule(&self) -> &'static str {
        match self {
            RootfsProblem::DuplicateMember { .. } => "duplicate-member",
            RootfsProblem::BrokenHardLink { .. } => "broken-hard-link",
            RootfsProblem::NotInFolder { .. } => "not-in-folder",
            RootfsProblem::LinkCycle { .. } => "link-cycle",
            RootfsProblem::OddWhiteout { .. } => "odd-whiteout",
            RootfsProblem::RootReplaced { .. } => "root-replaced",
            RootfsProblem::EntriesLimit { .. } => "entries-limit",
            RootfsProblem::StepsLimit { .. } => "merge-steps",
            RootfsProblem::LayersLimit { .. } => "layers-limit",
        }
    }

    /// The layer and the path that the problem is about, if it is about one.
    pub fn place(&self) -> Option<(usize, &[u8])> {
        match self {
            RootfsProblem::DuplicateMember { layer, path }
            | RootfsProblem::BrokenHardLink { layer, path, .. }
            | RootfsProblem::NotInFolder { layer, path }
            | RootfsProblem::LinkCycle { layer, path }
            | RootfsProblem::OddWhiteout { layer, path }
            | RootfsProblem::RootReplaced { layer, path } => Some((*layer, path)),
            RootfsProblem::EntriesLimit { .. }
            | RootfsProblem::StepsLimit { .. }
            | RootfsProblem::LayersLimit { .. } => None,
        }
    }
}
