//! What arrived: files become heads, heads become bundles, bundles become contents.
//!
//! [`open()`] is the only way in, and each step towards using a bundle is a type that only this room makes:
//!
//! ```text
//! files ─ open → Arrivals ─ select → Bundle ─ released → ReleasedBundle ─ whole → WholeBundle
//! ```
//!
//! Nothing here decides what is trusted; `trust` does, between the steps. Reading is harmless: strict,
//! bounded, and without effect.

mod blob;
mod bundle;
mod contents;
mod copies;
mod documents;
mod finding;
mod lot;
mod open;
mod refusal;
mod released;

use crate::format::body::{Body, BodyError};
use crate::format::error::FormatError;
use crate::format::head::{HEAD_READ_BYTES, Head};
use crate::medium::ChunkFile;

pub use blob::BlobError;
pub use bundle::{Bundle, Control, Opened, Standing, segments};
pub use contents::{Contents, ContentsError};
pub use documents::Documents;
pub use finding::Finding;
pub use lot::{Lot, Member, NotAChunk};
pub use open::{Arrivals, OpenError, OpenRequest, open};
pub use refusal::Refusal;
pub use released::{ReleasedBundle, WholeBundle};

use bundle::Gate;
pub(crate) use bundle::damaged_entries;
use lot::sort;

/// Reads the head of a file.
///
/// # Errors
/// [`BodyError`]: not readable, or not a head of this format.
pub fn read_head(file: &dyn ChunkFile) -> Result<Head, BodyError> {
    let bytes = file.bytes().min(HEAD_READ_BYTES);
    if bytes < 512 {
        return Err(
            FormatError::whole("chunk", "a file of 2048 bytes at least", format!("{bytes} bytes")).into()
        );
    }
    let mut start = vec![0; usize::try_from(bytes).expect("a head is short")];
    file.open()?.read_exact_at(&mut start, 0)?;
    Ok(Head::parse(&start, file.bytes())?)
}

/// Reads the structure of a file whose head was accepted.
///
/// # Errors
/// [`BodyError`]: not readable, or not what its statement says.
pub fn read_body(file: &dyn ChunkFile, head: &Head) -> Result<Body, BodyError> {
    let reader = file.open()?;
    Body::read(head, &mut |buffer, offset| reader.read_exact_at(buffer, offset))
}
