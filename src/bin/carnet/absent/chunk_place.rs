//! Places of chunk files on the command line of the program that only verifies.

use carnet::medium::ChunkPlace;
use clap::builder::{OsStringValueParser, TypedValueParser};

/// A parser for places of chunk files. It refuses places in object stores.
pub(crate) fn chunk_place() -> impl TypedValueParser<Value = ChunkPlace> {
    OsStringValueParser::new().try_map(ChunkPlace::parse)
}
