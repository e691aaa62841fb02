//! Where readers of an archive would disagree, or cannot go on.

use crate::content::name::shown;

/// Where readers of an archive would disagree, or cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TarProblem {
    /// The archive ends within a header or a body.
    #[error("the archive ends at byte {at}, in the middle of an entry")]
    Truncated {
        /// The length of the archive, in bytes.
        at: u64,
    },
    /// The archive ends without two blocks of zeros. Runtimes accept that.
    #[error("the archive has no end marker")]
    NoEndMarker,
    /// A block is no header: its checksum is wrong. What follows was not read.
    #[error("the block at byte {at} is not a header: its checksum is wrong")]
    Checksum {
        /// Where the block begins.
        at: u64,
    },
    /// A number in a header or record cannot be read. What follows was not read.
    #[error("the {field} of the entry at byte {at} is not a number")]
    Number {
        /// Where the header begins.
        at: u64,
        /// The field.
        field: &'static str,
    },
    /// Bytes other than zero follow the end marker. Runtimes do not see them.
    #[error("{bytes} bytes follow the end marker{}", second(.path.as_deref()))]
    DataAfterEnd {
        /// From the first to the last byte that is not zero.
        bytes: u64,
        /// The path of the first entry, if a second archive begins there.
        path: Option<Vec<u8>>,
    },
    /// A single block of zeros, and then a header. GNU tar goes on there; runtimes refuse the layer.
    #[error("the block at byte {at} is empty, but the archive goes on")]
    LoneZeroBlock {
        /// Where the block begins.
        at: u64,
    },
    /// A path or link is longer than Linux allows. The entry was skipped.
    #[error("the entry at byte {at} has a path or link of {bytes} bytes; the limit is {limit}: {}", shown(.start))]
    NameTooLong {
        /// Where the entry begins.
        at: u64,
        /// The length.
        bytes: u64,
        /// The limit, in bytes.
        limit: usize,
        /// Its first bytes.
        start: Vec<u8>,
    },
    /// A header that extends an entry is larger than runtimes read. What follows was not read.
    #[error("the extension header at byte {at} has {bytes} bytes; the limit is {limit}")]
    ExtensionTooLarge {
        /// Where it begins.
        at: u64,
        /// Its size.
        bytes: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A PAX header is not made of records. What follows was not read.
    #[error("the PAX header at byte {at} cannot be read")]
    Pax {
        /// Where it begins.
        at: u64,
    },
    /// The extended attributes of an entry are too large; those beyond the limit were skipped.
    #[error("the extended attributes of {} have more than {limit} bytes", shown(.path))]
    XattrsTooLarge {
        /// The entry.
        path: Vec<u8>,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Two statements about one entry differ, and readers choose differently.
    #[error("{}: two headers give different values of {field}", shown(.path))]
    Contradiction {
        /// The entry, as runtimes name it.
        path: Vec<u8>,
        /// What they differ in: `path`, `link`, `size`, or another key of PAX.
        field: String,
    },
    /// A global header sets values for all entries that follow. Runtimes ignore it, other readers do not.
    #[error("the global header at byte {at} sets {keys}, which container runtimes ignore")]
    GlobalHeader {
        /// Where it begins.
        at: u64,
        /// The keys, separated by commas.
        keys: String,
    },
    /// A name has a zero byte in the middle; readers stop there, or do not.
    #[error("{}: the name goes on behind a zero byte", shown(.path))]
    ZeroByte {
        /// The name up to there.
        path: Vec<u8>,
    },
    /// A link, folder or device states a size. Runtimes read no body, others do.
    #[error("{}: a {kind} with a size of {size} bytes", shown(.path))]
    SizeWithoutBody {
        /// The entry.
        path: Vec<u8>,
        /// The name of its kind.
        kind: &'static str,
        /// The size in the header.
        size: u64,
    },
    /// A regular file whose name ends with a slash. Some readers make a folder.
    #[error("{}: a file whose name ends with a slash", shown(.path))]
    FileLikeFolder {
        /// The entry.
        path: Vec<u8>,
    },
    /// A type flag that runtimes do not know.
    #[error("{}: the type flag {flag:#04x} is unknown to container runtimes", shown(.path))]
    UnknownType {
        /// The entry.
        path: Vec<u8>,
        /// The flag.
        flag: u8,
    },
    /// An owner or group below zero. For -1, runtimes leave the file to root.
    #[error("{}: the owner or the group is negative", shown(.path))]
    NegativeOwner {
        /// The entry.
        path: Vec<u8>,
    },
    /// The map of a sparse file cannot be right. What follows was not read.
    #[error("{}: the map of the sparse file is wrong", shown(.path))]
    SparseMap {
        /// The entry.
        path: Vec<u8>,
    },
    /// Headers that extend an entry are not followed by one.
    #[error("the extension header at byte {at} extends no entry")]
    NothingExtended {
        /// Where it begins.
        at: u64,
    },
}

fn second(path: Option<&[u8]>) -> String {
    path.map(|path| format!(": a second archive, which begins with {}", shown(path))).unwrap_or_default()
}

impl TarProblem {
    /// The path of the entry that the problem is about, if it is known.
    pub fn path(&self) -> Option<&[u8]> {
        match self {
            TarProblem::XattrsTooLarge { path, .. }
            | TarProblem::Contradiction { path, .. }
            | TarProblem::ZeroByte { path }
            | TarProblem::SizeWithoutBody { path, .. }
            | TarProblem::FileLikeFolder { path }
            | TarProblem::UnknownType { path, .. }
            | TarProblem::NegativeOwner { path }
            | TarProblem::SparseMap { path } => Some(path),
            _ => None,
        }
    }

    /// Whether the archive cannot be read behind the place of the problem.
    pub const fn is_end(&self) -> bool {
        matches!(
            self,
            TarProblem::Truncated { .. }
                | TarProblem::Checksum { .. }
                | TarProblem::Number { .. }
                | TarProblem::ExtensionTooLarge { .. }
                | TarProblem::Pax { .. }
                | TarProblem::SparseMap { .. }
        )
    }

    /// The name of the rule that the archive breaks, for findings and policies.
    pub const fn rule(&self) -> &'static str {
        match self {
            TarProblem::Truncated { .. } => "truncated",
            TarProblem::NoEndMarker => "no-end-marker",
            TarProblem::Checksum { .. } | TarProblem::Number { .. } | TarProblem::Pax { .. } => "bad-header",
            TarProblem::DataAfterEnd { .. } | TarProblem::LoneZeroBlock { .. } => "data-after-end",
            TarProblem::NameTooLong { .. } => "name-too-long",
            TarProblem::ExtensionTooLarge { .. } | TarProblem::XattrsTooLarge { .. } => "header-too-large",
            TarProblem::Contradiction { .. } | TarProblem::GlobalHeader { .. } => "pax-contradiction",
            TarProblem::ZeroByte { .. } => "odd-name",
            TarProblem::SizeWithoutBody { .. }
            | TarProblem::FileLikeFolder { .. }
            | TarProblem::UnknownType { .. }
            | TarProblem::NegativeOwner { .. }
            | TarProblem::NothingExtended { .. } => "odd-entry",
            TarProblem::SparseMap { .. } => "sparse-map",
        }
    }
}
