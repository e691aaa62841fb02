//! Zip archives in memory (APPNOTE 6.3): Java archives and the like.
//!
//! The central directory decides, as for Java's own class loader. A reader of streams goes by the local headers. Where the
//! two differ the archive says different things to different readers, and that is a problem that audits name.

mod archive;
mod content;
mod contradiction;
mod error;
mod field;
mod member;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod writer;

pub use archive::{Archive, MEMBERS_MAX, Members};
pub use content::Content;
pub use contradiction::contradictions;
pub use error::ZipError;
pub use member::Member;
