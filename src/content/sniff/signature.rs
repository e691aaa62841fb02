//! Formats that a few bytes at one place tell: one row a format.

use super::MediaType;

/// Bytes at an offset, and the names of the format.
type Row = (usize, &'static [u8], &'static str, &'static str);

/// The longer of two signatures that begin alike comes first.
const ROWS: &[Row] = &[
    // Compression.
    (0, b"\x1f\x8b", "application/gzip", "application/gzip"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd", "application/zstd"),
    (0, b"BZh", "application/x-bzip2", "application/x-bzip2"),
    (0, b"\xfd7zXZ\0", "application/x-xz", "application/x-xz"),
    (0, b"\x04\x22\x4d\x18", "application/x-lz4", "application/x-lz4"),
    (0, b"LZIP", "application/x-lzip", "application/x-lzip"),
    (0, b"\x5d\0\0", "application/x-lzma", "application/x-lzma"),
    (0, b"\x1f\x9d", "application/x-compress", "application/x-compress"),
    // Archives and packages; those that need more than a signature are in archive.rs.
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/x-rar-compressed", "application/x-rar"),
    (0, b"MSCF\0\0\0\0", "application/vnd.ms-cab-compressed", "application/vnd.ms-cab-compressed"),
    (0, b"\xed\xab\xee\xdb", "application/x-rpm", "application/x-rpm"),
    (0, b"070701", "application/x-cpio", "application/x-cpio"),
    (0, b"070702", "application/x-cpio", "application/x-cpio"),
    (0, b"070707", "application/x-cpio", "application/x-cpio"),
    (0, b"\xc7\x71", "application/x-cpio", "application/x-cpio"),
    (0, b"\x71\xc7", "application/x-cpio", "application/x-cpio"),
    (32769, b"CD001", "application/x-iso9660-image", "application/x-iso9660-image"),
    // Data.
    (0, b"SQLite format 3\0", "application/x-sqlite3", "application/vnd.sqlite3"),
    (0, b"\xde\x12\x04\x95", "application/octet-stream", "application/x-gettext-translation"),
    (0, b"\x95\x04\x12\xde", "application/octet-stream", "application/x-gettext-translation"),
    // Documents.
    (0, b"%PDF-", "application/pdf", "application/pdf"),
    (0, b"%!PS", "application/postscript", "application/postscript"),
    (0, b"{\\rtf", "application/rtf", "text/rtf"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-tika-msoffice", "application/x-ole-storage"),
    // Pictures.
    (0, b"\x89PNG\r\n\x1a\n", "image/png", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg", "image/jpeg"),
    (0, b"GIF87a", "image/gif", "image/gif"),
    (0, b"GIF89a", "image/gif", "image/gif"),
    (0, b"II*\0", "image/tiff", "image/tiff"),
    (0, b"MM\0*", "image/tiff", "image/tiff"),
    (0, b"\0\0\x01\0\x01\0", "image/vnd.microsoft.icon", "image/vnd.microsoft.icon"),
    // Sound and film.
    (0, b"fLaC", "audio/x-flac", "audio/flac"),
    (0, b"OggS", "application/ogg", "audio/ogg"),
    (0, b"MThd", "audio/midi", "audio/midi"),
    (4, b"ftypisom", "video/mp4", "video/mp4"),
    (4, b"ftypmp4", "video/mp4", "video/mp4"),
    (8, b"AVI LIST", "video/x-msvideo", "video/x-msvideo"),
    (8, b"WAVEfmt ", "audio/vnd.wave", "audio/x-wav"),
    (8, b"WEBP", "image/webp", "image/webp"),
    // Fonts.
    (0, b"\0\x01\0\0\0", "application/x-font-ttf", "font/sfnt"),
    (0, b"OTTO\0", "application/x-font-otf", "application/vnd.ms-opentype"),
    (0, b"wOFF", "font/woff", "font/woff"),
    (0, b"wOF2", "font/woff2", "font/woff2"),
];

pub(super) fn sniff(head: &[u8]) -> Option<MediaType> {
    let fits = |row: &&Row| head.get(row.0..).is_some_and(|rest| rest.starts_with(row.1));
    let row = ROWS.iter().find(fits).map(|row| MediaType::new(row.2, row.3));
    row.or_else(|| skippable_frame(head)).or_else(|| bitmap(head))
}

/// A Zstandard stream may begin with a frame that decoders skip (RFC 8878, section 3.1.2).
fn skippable_frame(head: &[u8]) -> Option<MediaType> {
    let magic = u32::from_le_bytes(super::array(head, 0)?);
    if magic & 0xffff_fff0 != 0x184d_2a50 {
        return None;
    }
    let length = usize::try_from(u32::from_le_bytes(super::array(head, 4)?)).ok()?;
    let next = head.get(length.checked_add(8)?..);
    next.is_none_or(|next| next.starts_with(b"\x28\xb5\x2f\xfd"))
        .then_some(MediaType::both("application/zstd"))
}

/// `BM` begins many a text, so the length of the second header counts, too.
fn bitmap(head: &[u8]) -> Option<MediaType> {
    let header_bytes = u32::from_le_bytes(super::array(head, 14)?);
    let is_known = matches!(header_bytes, 12 | 40 | 52 | 56 | 64 | 108 | 124);
    (head.starts_with(b"BM") && is_known).then_some(MediaType::both("image/bmp"))
}
