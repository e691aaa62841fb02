//! Why an archive or a member cannot be read.

use thiserror::Error;

use crate::content::deflate::DeflateError;

/// Why a zip archive, or a member of it, cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ZipError {
    /// There is no end record: not a zip archive, or the end is cut off.
    #[error("no end of central directory was found")]
    NoEnd,
    /// The archive is one of several parts.
    #[error("the archive is part of a set of archives")]
    Spanned,
    /// The end record names a directory outside the archive.
    #[error("the central directory of {size} bytes at {offset} is not inside the archive")]
    DirectoryOutside {
        /// Its size as the end record states it.
        size: u64,
        /// Its place as the end record states it.
        offset: u64,
    },
    /// A record of the central directory is malformed. What follows it cannot be found.
    #[error("record {number} of the central directory is malformed")]
    DirectoryRecord {
        /// Which record, from 1.
        number: usize,
    },
    /// There are more members than are read.
    #[error("the archive has more than {limit} members")]
    TooManyMembers {
        /// The limit.
        limit: usize,
    },
    /// There is no local header where the directory says.
    #[error("no local header is at byte {offset}")]
    NoLocalHeader {
        /// The place as the directory states it.
        offset: u64,
    },
    /// The bytes of the member would reach beyond the archive.
    #[error("{size} compressed bytes do not fit into the archive")]
    Outside {
        /// The compressed size as the directory states it.
        size: u64,
    },
    /// The member is encrypted.
    #[error("it is encrypted")]
    Encrypted,
    /// The member uses a compression method that is not read here.
    #[error("compression method {method} is not supported")]
    Method {
        /// The number of the method (APPNOTE 4.4.5).
        method: u16,
    },
    /// The member states a size above the limit.
    #[error("{size} bytes are more than the limit of {limit}")]
    TooLarge {
        /// The size as the directory states it.
        size: u64,
        /// The limit of the caller.
        limit: usize,
    },
    /// The member does not inflate.
    #[error(transparent)]
    Deflate(#[from] DeflateError),
    /// The member has another size than the directory says.
    #[error("its size is {found}, the directory says {expected}")]
    Size {
        /// The size as the directory states it.
        expected: u64,
        /// The size of its content.
        found: usize,
    },
    /// The member has another CRC-32 than the directory says.
    #[error("its CRC-32 is {found:08x}, the directory says {expected:08x}")]
    Sum {
        /// The sum as the directory states it.
        expected: u32,
        /// The sum of its content.
        found: u32,
    },
}
