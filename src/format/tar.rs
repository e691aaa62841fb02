//! Strict ustar: exactly one header for each name and size (docs/format.md, "A chunk is a strict ustar tar").
//!
//! Decoding reads name and size and encodes them again. A header that differs from that encoding in any byte is
//! rejected, so that it cannot hide data.

use std::ops::Range;

use super::entry::EntryName;
use super::error::{FormatError, shown};
use super::ustar::{
    CHECKSUM, DEVICES, GID, GNAME, LINKNAME, MAGIC, MODE, MTIME, NAME, PREFIX, SIZE, TAIL, TYPEFLAG, UID,
    UNAME, checksum, unnamed,
};

/// Size of a block, in bytes. A header is one block, and payloads are padded to whole blocks (POSIX.1-1988 ustar).
pub const BLOCK: u64 = 512;

/// The number of zero bytes at the end of a chunk.
pub const END_BYTES: u64 = 2 * BLOCK;

/// Every field with its name, for messages.
const FIELDS: &[(&str, Range<usize>)] = &[
    ("name", NAME),
    ("mode", MODE),
    ("uid", UID),
    ("gid", GID),
    ("size", SIZE),
    ("mtime", MTIME),
    ("typeflag", TYPEFLAG..TYPEFLAG + 1),
    ("linkname", LINKNAME),
    ("magic", MAGIC),
    ("uname", UNAME),
    ("gname", GNAME),
    ("device numbers", DEVICES),
    ("prefix", PREFIX),
    ("reserved bytes", TAIL),
    ("checksum", CHECKSUM),
];

/// Rounds a size in bytes up to whole blocks.
pub const fn padded(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK) * BLOCK
}

/// The header of an entry: the fields that may vary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name of the entry.
    pub name: EntryName,
    /// The size of the payload in bytes.
    pub bytes: u64,
}

impl Header {
    /// Encodes the header.
    ///
    /// # Panics
    /// If `bytes` needs more than the 11 octal digits of ustar; a [`super::shape::Shape`] never does.
    pub fn encode(&self) -> [u8; 512] {
        let mut out = unnamed(*b"0000444\0", b'0');
        let name = self.name.to_string();
        let (prefix, name) = split(&name);
        out[NAME][..name.len()].copy_from_slice(name.as_bytes());
        out[PREFIX][..prefix.len()].copy_from_slice(prefix.as_bytes());
        let size = format!("{:011o}\0", self.bytes);
        assert!(size.len() == SIZE.len(), "an entry of {} bytes is too large for ustar", self.bytes);
        out[SIZE].copy_from_slice(size.as_bytes());
        let sum = checksum(&out);
        out[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out
    }

    /// Decodes a header.
    ///
    /// # Errors
    /// [`FormatError`] with the first field that violates the format.
    pub fn decode(block: &[u8; 512]) -> Result<Header, FormatError> {
        let refuse = |expected: &str, found: String| FormatError::whole("tar header", expected, found);
        let text = |range: Range<usize>| {
            let field = &block[range];
            let end = field.iter().position(|&b| b == 0).unwrap_or(field.len());
            String::from_utf8_lossy(&field[..end]).into_owned()
        };
        let (prefix, name) = (text(PREFIX), text(NAME));
        let full = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let name: EntryName = full.parse().map_err(|problem: String| refuse(&problem, shown(&full)))?;
        let octal = |digits: &[u8]| {
            let text = std::str::from_utf8(digits).ok()?;
            let all = text.bytes().all(|b| matches!(b, b'0'..=b'7'));
            if all { u64::from_str_radix(text, 8).ok() } else { None }
        };
        let size = &block[SIZE];
        let bytes = octal(&size[..11])
            .ok_or_else(|| refuse("a size of 11 octal digits", shown(&String::from_utf8_lossy(size))))?;
        let header = Header { name, bytes };
        let canonical = header.encode();
        match FIELDS.iter().find(|(_, at)| block[at.clone()] != canonical[at.clone()]) {
            None => Ok(header),
            Some((field, at)) => Err(refuse(
                &format!(
                    "{field} {} in the header of {full}",
                    shown(&String::from_utf8_lossy(&canonical[at.clone()]))
                ),
                shown(&String::from_utf8_lossy(&block[at.clone()])),
            )),
        }
    }
}

/// Splits a name into the two fields of ustar: not at all if it fits into one, else at its last slash.
fn split(name: &str) -> (&str, &str) {
    if name.len() <= NAME.len() { ("", name) } else { name.rsplit_once('/').unwrap_or(("", name)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detects_any_changed_byte() {
        for name in
            ["00_statement.txt".to_owned(), format!("blobs/sha512/{}/{}", "a".repeat(64), "b".repeat(64))]
        {
            let header = Header { name: name.parse().unwrap(), bytes: 1234 };
            let block = header.encode();
            assert_eq!(Header::decode(&block).unwrap(), header);
            for at in 0..512 {
                for change in [1, 0x20, 0x80] {
                    let mut changed = block;
                    changed[at] ^= change;
                    if let Ok(read) = Header::decode(&changed) {
                        panic!("byte {at} ^ {change}: read {read:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn header_matches_the_tar_crate() {
        let header = Header { name: "plan.txt".parse().unwrap(), bytes: 77 };
        let block = header.encode();
        let mut other = tar::Header::new_ustar();
        other.as_mut_bytes().copy_from_slice(&block);
        assert_eq!(other.path().unwrap().to_str(), Some("plan.txt"));
        assert_eq!((other.size().unwrap(), other.mode().unwrap()), (77, 0o444));
        assert_eq!(other.cksum().unwrap(), {
            other.set_cksum();
            other.cksum().unwrap()
        });
    }
}
