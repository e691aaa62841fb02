//! Places of chunk files, as an operator writes them: paths, and places in object stores.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use carnet::diagnosis::{Advice, Code};
use carnet::storage::Location;
use clap::builder::{OsStringValueParser, TypedValueParser};

use super::advice;
use super::plain::plain_path;

/// A file, a folder, or a place in an object store.
#[derive(Clone, Debug)]
pub(crate) enum ChunkPlace {
    /// A path in the file system.
    Path(PathBuf),
    /// A container of an object store, with a prefix.
    Store(Location),
}

impl ChunkPlace {
    fn of(text: OsString) -> Result<ChunkPlace, String> {
        match text.to_str().filter(|text| Location::is_meant(text)) {
            None => Ok(ChunkPlace::Path(text.into())),
            Some(place) => place.parse().map(ChunkPlace::Store).map_err(|error| {
                let hint = advice::hint(&Code::BadPlace.with(Advice::StoreSyntax));
                format!("{error}; {hint}")
            }),
        }
    }
}

impl fmt::Display for ChunkPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChunkPlace::Path(path) => f.write_str(&plain_path(path)),
            ChunkPlace::Store(location) => location.fmt(f),
        }
    }
}

/// A parser for places of chunk files.
pub(crate) fn chunk_place() -> impl TypedValueParser<Value = ChunkPlace> {
    OsStringValueParser::new().try_map(ChunkPlace::of)
}
