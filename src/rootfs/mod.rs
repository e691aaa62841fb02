//! The file system that a container would see: layers, merged as container runtimes merge them. Nothing is unpacked; the
//! result is a table that says which entry of which layer is behind each path.
//!
//! Paths say little before that: an upper layer can move a folder behind a link, or link a file under another name. So an
//! audit keeps the content that may matter while it reads the layers, by layer and number, and asks here afterwards
//! which of them stands at, say, `var/lib/dpkg/status`.
//!
//! The rules are those of containerd and umoci, which agree but for a few traps. A file that replaces one with several
//! names gets a new content, and the other names keep the old one, as the OCI specification implies. A whiteout removes
//! only what lower layers hold, wherever it stands in its layer.

mod entry;
mod hidden;
mod marks;
mod members;
mod merge;
mod name;
mod number;
mod problem;
mod recent;
mod resolve;
mod steps;
mod table;
#[cfg(test)]
mod tests;
mod toc;
mod tree;
mod way;

pub use entry::Entry;
pub use hidden::{Cause, Hidden, MemberId};
pub use members::{Member, Members};
pub use merge::RootfsLimits;
pub use number::{read_number, write_number};
pub use problem::RootfsProblem;
pub use resolve::Unresolved;
pub use table::Rootfs;
pub use toc::{TocProblem, compare_toc};
