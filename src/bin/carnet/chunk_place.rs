//! Places of chunk files on the command line.

use std::ffi::OsString;

use carnet::diagnosis::{Advice, Code};
use carnet::medium::ChunkPlace;
use clap::builder::{OsStringValueParser, TypedValueParser};

use super::advice;

/// A parser for places of chunk files.
pub(crate) fn chunk_place() -> impl TypedValueParser<Value = ChunkPlace> {
    OsStringValueParser::new().try_map(parse_chunk_place)
}

/// Parses a place of chunk files. The error shows the expected syntax.
pub(crate) fn parse_chunk_place(text: OsString) -> Result<ChunkPlace, String> {
    ChunkPlace::parse(text).map_err(|error| {
        let hint = advice::hint(&Code::BadPlace.with(Advice::StoreSyntax));
        format!("{error}; {hint}")
    })
}
