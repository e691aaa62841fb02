//! A header block: 512 bytes, of which each format uses the end in its own way.

use super::number;

/// The size of a block, in bytes.
pub(in crate::content) const BLOCK_BYTES: usize = 512;

/// A block of an archive.
pub(super) type Block = [u8; BLOCK_BYTES];

/// Which format a header has, as its magic says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// None: an archive of the seventh Unix edition.
    V7,
    /// POSIX, with a prefix of the name.
    Ustar,
    /// GNU, without a prefix.
    Gnu,
}

/// Whether the checksum in a header is that of its bytes. Some old programs added them up as signed numbers.
pub(in crate::content) fn checksum_holds(block: &[u8; BLOCK_BYTES]) -> bool {
    let (before, rest) = block.split_at(148);
    let (field, behind) = rest.split_at(8);
    let Some(stored) = number::field(field) else { return false };
    // The field itself counts as spaces. Small numbers, so that several bytes are added up at once.
    let sum = |part: &[u8]| part.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    let negative = |part: &[u8]| part.iter().map(|&byte| u32::from(byte >> 7)).sum::<u32>();
    let unsigned = i64::from(sum(before) + sum(behind) + 8 * u32::from(b' '));
    let signed = unsigned - 256 * i64::from(negative(before) + negative(behind));
    stored == unsigned || stored == signed
}

/// The fields of a header, by the names that POSIX gives them.
pub(super) struct Fields<'a> {
    block: &'a Block,
    pub(super) format: Format,
}

impl<'a> Fields<'a> {
    pub(super) fn new(block: &'a Block) -> Fields<'a> {
        let format = match block.get(257..265) {
            Some(b"ustar  \0") => Format::Gnu,
            Some(magic) if magic.starts_with(b"ustar\0") => Format::Ustar,
            _ => Format::V7,
        };
        Fields { block, format }
    }

    pub(super) fn raw(&self, start: usize, bytes: usize) -> &'a [u8] {
        self.block.get(start..start.saturating_add(bytes)).unwrap_or_default()
    }

    /// A text up to its first zero byte, and whether anything but zero bytes stands behind that.
    fn text(&self, start: usize, bytes: usize) -> (&'a [u8], bool) {
        let raw = self.raw(start, bytes);
        let end = raw.iter().position(|&byte| byte == 0).unwrap_or(raw.len());
        let (text, rest) = raw.split_at(end);
        // All bytes, because that is faster than to look for the first.
        (text, rest.iter().fold(0, |all, byte| all | byte) != 0)
    }

    /// The path, and whether a field of it hides bytes behind a zero byte.
    pub(super) fn path(&self) -> (Vec<u8>, bool) {
        let (name, hidden) = self.text(0, 100);
        let (prefix, prefix_hidden) =
            if self.format == Format::Ustar { self.text(345, 155) } else { (&b""[..], false) };
        if prefix.is_empty() {
            return (name.to_vec(), hidden || prefix_hidden);
        }
        ([prefix, b"/", name].concat(), hidden || prefix_hidden)
    }

    /// The target of a link, and whether its field hides bytes behind a zero byte.
    pub(super) fn link(&self) -> (&'a [u8], bool) {
        self.text(157, 100)
    }

    pub(super) fn flag(&self) -> u8 {
        self.block.get(156).copied().unwrap_or_default()
    }

    pub(super) fn mode(&self) -> Option<i64> {
        number::field(self.raw(100, 8))
    }

    pub(super) fn uid(&self) -> Option<i64> {
        number::field(self.raw(108, 8))
    }

    pub(super) fn gid(&self) -> Option<i64> {
        number::field(self.raw(116, 8))
    }

    pub(super) fn size(&self) -> Option<u64> {
        number::field(self.raw(124, 12)).and_then(|size| u64::try_from(size).ok())
    }

    pub(super) fn mtime(&self) -> Option<i64> {
        number::field(self.raw(136, 12))
    }

    /// Major and minor number. Archives of the seventh edition have none.
    pub(super) fn device(&self) -> Option<(i64, i64)> {
        if self.format == Format::V7 {
            return Some((0, 0));
        }
        Some((number::field(self.raw(329, 8))?, number::field(self.raw(337, 8))?))
    }
}
