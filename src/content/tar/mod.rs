//! Tar archives, read as an auditor must: ustar, GNU and PAX, in one pass, and with a note wherever two readers would
//! see different things.
//!
//! What an entry says is what container runtimes (containerd, umoci, both with Go's `archive/tar`) would take from it. So
//! a GNU long name wins over a PAX path, a later PAX record over an earlier one, and a global header changes nothing.
//! GNU tar, BSD tar or Python may see something else; then there is a [`TarProblem`].

mod block;
mod body;
mod entry;
mod extension;
mod number;
mod problem;
mod reader;
mod sparse;
#[cfg(test)]
mod tests;

pub(super) use block::checksum_holds;
pub use body::Body;
pub use entry::{EntryKind, TarEntry};
pub use problem::TarProblem;
pub use reader::{PATH_BYTES_MAX, TarReader};
