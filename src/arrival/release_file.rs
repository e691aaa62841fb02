//! Release files: releases that travel beside the chunks (docs/format.md, "Release files").

use std::sync::Arc;

use super::Finding;
use crate::format::body::BodyError;
use crate::format::error::FormatError;
use crate::format::head::{Head, RELEASE_BYTES_MAX};
use crate::medium::ChunkFile;
use crate::trust::AcceptedChunk;

/// A release file of a bundle.
pub struct ReleaseFile {
    /// The file.
    pub file: Arc<dyn ChunkFile>,
    /// The statement and the signatures in it.
    pub head: Head,
    /// The proof that the policy accepts its packer; `None` if it does not, or if there is no policy.
    pub accepted: Option<AcceptedChunk>,
    /// Why its signatures do not count; `None` if they do, or if there is no policy.
    pub problem: Option<Finding>,
}

/// Reads a release file.
///
/// # Errors
/// [`BodyError`] if the file is unreadable or no release file.
pub fn read_release(file: &dyn ChunkFile) -> Result<Head, BodyError> {
    if file.bytes() > RELEASE_BYTES_MAX {
        let expected = format!("at most {RELEASE_BYTES_MAX} bytes");
        return Err(FormatError::whole("release file", expected, format!("{} bytes", file.bytes())).into());
    }
    let mut bytes = vec![0; usize::try_from(file.bytes()).expect("small")];
    file.open()?.read_exact_at(&mut bytes, 0)?;
    Ok(Head::parse_release(&bytes)?)
}
