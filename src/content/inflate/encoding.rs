//! What a stream is made of.

use std::fmt;

/// The first bytes of a gzip member (RFC 1952, section 2.3.1).
pub(super) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The first bytes of a zstd frame (RFC 8878, section 3.1.1).
pub(super) const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Bytes that are looked at to recognise a stream: one block of a tar archive.
pub(super) const HEAD_BYTES: usize = 512;

/// How the bytes of a blob are encoded, as its first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamKind {
    /// gzip, in one or more members.
    Gzip,
    /// zstd, in one or more frames.
    Zstd,
    /// A tar archive that is not compressed. An empty stream counts as one.
    Tar,
    /// None of these: the bytes are passed on as they are. They may be encrypted, or compressed by another program.
    Opaque,
}

impl StreamKind {
    /// Recognises a stream by its first 512 bytes, or all of them if it is shorter.
    pub fn of(head: &[u8]) -> StreamKind {
        if head.starts_with(&GZIP_MAGIC) {
            StreamKind::Gzip
        } else if head.starts_with(&ZSTD_MAGIC) || is_skippable(head) {
            StreamKind::Zstd
        } else if head.is_empty() || is_tar(head) {
            StreamKind::Tar
        } else {
            StreamKind::Opaque
        }
    }

    /// The name, as reports have it.
    pub const fn name(self) -> &'static str {
        match self {
            StreamKind::Gzip => "gzip",
            StreamKind::Zstd => "zstd",
            StreamKind::Tar => "tar",
            StreamKind::Opaque => "opaque",
        }
    }

    /// What one independent part of a compressed stream is called.
    pub(super) const fn part(self) -> &'static str {
        match self {
            StreamKind::Gzip => "member",
            _ => "frame",
        }
    }
}

impl fmt::Display for StreamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a skippable frame begins here: 0x184D2A50 to 0x184D2A5F, little-endian (RFC 8878, section 3.1.2).
pub(super) fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Whether the first block is a header, or the end marker of an empty archive.
fn is_tar(head: &[u8]) -> bool {
    let Some(block) = head.first_chunk::<HEAD_BYTES>() else { return false };
    block.iter().all(|&byte| byte == 0)
        || block.get(257..262) == Some(b"ustar")
        || crate::content::tar::checksum_holds(block)
}

/// What was seen of a stream while it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    /// How it is encoded.
    pub kind: StreamKind,
    /// Members of gzip, or frames of zstd that hold data. 0 for a stream that is not compressed.
    pub parts: u64,
    /// The largest window of the zstd frames, in bytes.
    pub window_bytes: u64,
    /// Frames of zstd that decoders skip.
    pub skippable_frames: u64,
    /// The bytes in skippable frames.
    pub skippable_bytes: u64,
    /// The bytes of file names, comments and extra fields in the headers of gzip members. Decoders skip them, too.
    pub header_bytes: u64,
    /// The bytes behind the last member or frame.
    pub trailing_bytes: u64,
    /// Whether all of them are zero, which some tapes and block devices add.
    pub trailing_zeros: bool,
}

impl Encoding {
    pub(super) fn new(kind: StreamKind) -> Encoding {
        Encoding {
            kind,
            parts: 0,
            window_bytes: 0,
            skippable_frames: 0,
            skippable_bytes: 0,
            header_bytes: 0,
            trailing_bytes: 0,
            trailing_zeros: true,
        }
    }
}
