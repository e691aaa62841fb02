//! Arrived files: their heads are parsed, grouped into bundles, and the contents of each bundle are read.
//!
//! [`open()`] is the only entry point. Each step towards using a bundle has its own type, which only this module
//! creates:
//!
//! ```text
//! files ─ open → Arrivals ─ select → Bundle ─ released → ReleasedBundle ─ whole → WholeBundle
//! ```
//!
//! `trust` decides what is trusted, between the steps. Reading untrusted files is safe: parsing is strict and
//! bounded and has no side effects.

mod beside;
mod blob;
mod budget;
mod bundle;
mod bundle_files;
mod contents;
mod contradiction;
mod copies;
mod documents;
mod finding;
mod open;
mod open_error;
mod opened;
mod refusal;
mod release_file;
mod released;
mod share;

use std::io;

use crate::artifacts::compressed_with;
use crate::format::body::{Body, BodyError};
use crate::format::error::FormatError;
use crate::format::head::{HEAD_READ_BYTES, HEAD_READ_BYTES_FIRST, Head};
use crate::format::tar::BLOCK;
use crate::medium::ChunkFile;

pub use beside::Beside;
pub use blob::BlobError;
pub use bundle::{Bundle, UnreadableFile};
pub use bundle_files::NotAChunk;
pub(crate) use bundle_files::{HEADS_AHEAD, read_ahead};
pub use contents::Contents;
pub use contradiction::Contradiction;
pub use finding::Finding;
pub(crate) use finding::difference;
pub use open::{Arrivals, OpenRequest, open};
pub use open_error::OpenError;
pub use refusal::Refusal;
pub use released::{ReleasedBundle, WholeBundle};

pub(crate) use bundle::damaged_entries;
use bundle_files::group_by_bundle;
use opened::Gate;

// For the program and the tests (docs/decisions/0073-the-library-is-what-it-shows.md).
#[doc(hidden)]
pub use self::{
    beside::Carrier,
    bundle::{Control, segments},
    bundle_files::Member,
    contents::ContentsError,
    documents::Documents,
    open::open_share,
    opened::{Opened, Standing},
    release_file::{ReleaseFile, read_release},
    share::{NoSuchShare, SHARES_MAX, Share, Shares},
};

/// Reads the head of a file.
///
/// # Errors
/// [`BodyError`] if the file is unreadable or does not start with a head of this format.
#[doc(hidden)]
pub fn read_head(file: &dyn ChunkFile) -> Result<Head, BodyError> {
    let reader = file.open()?;
    if file.bytes() < BLOCK {
        let found = format!("{} bytes", file.bytes());
        return Err(FormatError::whole("chunk", "a file of at least 512 bytes", found).into());
    }
    let mut start = Vec::new();
    let mut read_to = |bytes: u64| -> io::Result<Result<Head, FormatError>> {
        start.resize(usize::try_from(file.bytes().min(bytes)).expect("a head fits into memory"), 0);
        reader.read_exact_at(&mut start, 0)?;
        // Some guards compress what passes through them.
        if let Some(program) = compressed_with(&start) {
            let found = format!("a file compressed with {program}: decompress it with {program} -d");
            return Ok(Err(FormatError::whole("chunk", "an uncompressed tar archive", found)));
        }
        Ok(Head::parse(&start, file.bytes()))
    };
    match read_to(HEAD_READ_BYTES_FIRST)? {
        // Few heads are longer. Any other error occurs again.
        Err(_) if file.bytes() > HEAD_READ_BYTES_FIRST => Ok(read_to(HEAD_READ_BYTES)??),
        head => Ok(head?),
    }
}

/// Reads the structure of a chunk file whose head was accepted.
///
/// # Errors
/// [`BodyError`] if the file is unreadable or contradicts its statement.
#[doc(hidden)]
pub fn read_body(file: &dyn ChunkFile, head: &Head) -> Result<Body, BodyError> {
    let reader = file.open()?;
    Body::read(head, &mut |buffer, offset| reader.read_exact_at(buffer, offset))
}

/// Reads the structure of a chunk file whose head was accepted, as far as the plan leaves it open: the sums. For files
/// in which each read takes long. `None` if the chunk does not have the shape in the plan.
///
/// # Errors
/// As [`read_body`].
fn read_planned_body(
    file: &dyn ChunkFile,
    head: &Head,
    contents: &Contents,
) -> Result<Option<Body>, BodyError> {
    let Some(pieces) = contents.pieces.get(head.statement.number as usize) else { return Ok(None) };
    let reader = file.open()?;
    Body::planned(head, &contents.plan.data_shape(pieces), &mut |buffer, offset| {
        reader.read_exact_at(buffer, offset)
    })
}
