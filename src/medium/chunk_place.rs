//! Places of chunk files, as an operator writes them.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use crate::storage::{Location, LocationError};

/// A file, a folder, or a place in an object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChunkPlace {
    /// A path in the file system.
    Path(PathBuf),
    /// A container of an object store, with a prefix.
    Store(Location),
}

impl ChunkPlace {
    /// Reads a place. A path need not be UTF-8.
    ///
    /// # Errors
    /// If it begins as a place in an object store does, and is none.
    pub fn parse(text: OsString) -> Result<ChunkPlace, LocationError> {
        match text.to_str().filter(|text| Location::is_meant(text)) {
            None => Ok(ChunkPlace::Path(text.into())),
            Some(place) => place.parse().map(ChunkPlace::Store),
        }
    }

    /// Returns the kind of place, as run records name it.
    pub fn kind(&self) -> &'static str {
        match self {
            ChunkPlace::Path(_) => "Folder",
            ChunkPlace::Store(location) => location.kind(),
        }
    }
}

impl fmt::Display for ChunkPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChunkPlace::Path(path) => path.display().fmt(f),
            ChunkPlace::Store(location) => location.fmt(f),
        }
    }
}
