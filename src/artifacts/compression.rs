//! How compressed files are recognised: by their first bytes.

/// The number of bytes that [`compressed_with`] needs.
pub(super) const MAGIC_BYTES: usize = 6;

/// The program that decompresses a file with this `start`, e.g. `gzip`; `None` if the file is not compressed.
pub(crate) fn compressed_with(start: &[u8]) -> Option<&'static str> {
    match start {
        [0x1f, 0x8b, ..] => Some("gzip"),
        // A frame with content, or a skippable frame (RFC 8878, sections 3.1.1 and 3.1.2). pzstd begins with the latter.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some("zstd"),
        [b'B', b'Z', b'h', ..] => Some("bzip2"),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some("xz"),
        _ => None,
    }
}
