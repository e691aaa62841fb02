//! The media type of a file, by its first bytes. Two names for each: the one that Apache Tika uses, as guards do that
//! are built on it, and the one that libmagic prints (`file --mime-type`). Names of files are never looked at, because
//! blobs have none, and because a name can say anything.
//!
//! Kinds of text are told apart by their first line or their syntax only. A source file in C is `text/plain` here.

mod archive;
mod program;
mod signature;
mod text;

/// How many bytes from the beginning are looked at. The volume descriptor of an ISO 9660 image ends at byte 34,816.
pub const HEAD_BYTES: usize = 40 * 1024;

/// A media type, by both names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaType {
    /// The name that Apache Tika uses, without parameters.
    pub tika: &'static str,
    /// The name that libmagic uses.
    pub libmagic: &'static str,
}

impl MediaType {
    const fn new(tika: &'static str, libmagic: &'static str) -> MediaType {
        MediaType { tika, libmagic }
    }

    const fn both(name: &'static str) -> MediaType {
        MediaType { tika: name, libmagic: name }
    }

    /// Whether `name` is one of the two names. Case does not count (RFC 6838, section 4.2), parameters neither.
    pub fn is_called(&self, name: &str) -> bool {
        let name = name.split(';').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case(self.tika) || name.eq_ignore_ascii_case(self.libmagic)
    }
}

/// The media type of bytes that nothing is known of.
pub const UNKNOWN: MediaType = MediaType::both("application/octet-stream");

/// Tells the media type of a file of `bytes` bytes that begins with `head`. Of `head`, [`HEAD_BYTES`] are looked at;
/// give as many as there are.
pub fn sniff(head: &[u8], bytes: u64) -> MediaType {
    let head = head.get(..HEAD_BYTES).unwrap_or(head);
    if head.is_empty() {
        return MediaType::new(UNKNOWN.tika, "inode/x-empty");
    }
    let is_whole = head.len() as u64 >= bytes;
    archive::sniff(head)
        .or_else(|| program::sniff(head))
        .or_else(|| signature::sniff(head))
        .or_else(|| text::sniff(head, is_whole))
        .unwrap_or(UNKNOWN)
}

/// Tells the media type of a file that has a mark, as archives and compressed files have. `None` if it has none. Texts and
/// programs are not told apart, so that it costs next to nothing.
pub fn by_mark(head: &[u8]) -> Option<MediaType> {
    archive::sniff(head).or_else(|| signature::sniff(head))
}

/// The `N` bytes at `at`, if there are that many.
fn array<const N: usize>(head: &[u8], at: usize) -> Option<[u8; N]> {
    head.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests;
