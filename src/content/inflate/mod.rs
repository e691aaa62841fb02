//! Decompression of blobs: gzip member by member, zstd frame by frame. It tells what a decoder that only wants the bytes
//! hides: how many members there are, what stands between and behind them, and how much memory a frame asks for.

mod encoding;
mod error;
mod frame;
mod inflater;
mod input;
mod limits;
mod member;
mod step;
#[cfg(test)]
mod tests;

pub use encoding::{Encoding, StreamKind};
pub use error::InflateError;
pub use frame::Skipped;
pub use inflater::Inflater;
pub use limits::InflateLimits;
