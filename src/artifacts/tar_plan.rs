//! Computes the offset of each file in a tar archive before anything is written.

use std::path::Path;

use super::ArtifactError;
use crate::format::ustar::{CHECKSUM, NAME, SIZE, checksum, unnamed};

const BLOCK_BYTES: u64 = 512;

/// Longest path that fits into the name field of a ustar header, in bytes.
const HEADER_NAME_BYTES_MAX: usize = NAME.end;

/// The largest size in octal digits. Larger ones are written in base 256, as GNU tar does.
const OCTAL_SIZE_MAX: u64 = (1 << 33) - 1;

/// Assigns offsets to files, one after the other.
#[derive(Debug, Default)]
pub(super) struct TarPlan {
    end: u64,
}

/// The place of a file in the archive: its headers and offsets.
#[derive(Debug)]
pub(super) struct Place {
    /// The headers in front of the content.
    pub(super) headers: Vec<u8>,
    /// Offset of the headers in the archive, in bytes.
    pub(super) at: u64,
    /// Offset of the content in the archive, in bytes.
    pub(super) start: u64,
    /// Size of the content in bytes.
    pub(super) bytes: u64,
}

impl TarPlan {
    /// Assigns the next place to the file `name` with `bytes` bytes in the archive `path`.
    pub(super) fn place(&mut self, path: &Path, name: &str, bytes: u64) -> Result<Place, ArtifactError> {
        let mut headers = Vec::new();
        let mut short = name;
        if name.len() > HEADER_NAME_BYTES_MAX {
            // The path of a SHA-512 blob does not fit into the ustar name and prefix fields.
            let record = pax_record("path", name);
            headers.extend_from_slice(&header("PaxHeaders/blob", b'x', record.len() as u64));
            headers.extend_from_slice(record.as_bytes());
            let blocks = headers.len().next_multiple_of(512);
            headers.resize(blocks, 0);
            short = &name[name.len() - HEADER_NAME_BYTES_MAX..];
        }
        headers.extend_from_slice(&header(short, b'0', bytes));
        let too_large = || ArtifactError::Archive {
            path: path.to_owned(),
            problem: "its size would exceed the largest file size".to_owned(),
        };
        let at = self.end;
        let start = at.checked_add(headers.len() as u64).ok_or_else(too_large)?;
        let end = start.checked_add(bytes).and_then(|end| end.checked_next_multiple_of(BLOCK_BYTES));
        self.end = end.filter(|end| i64::try_from(*end).is_ok()).ok_or_else(too_large)?;
        Ok(Place { headers, at, start, bytes })
    }

    /// The size of the archive including its end marker, in bytes.
    pub(super) fn archive_bytes(&self) -> u64 {
        self.end + 2 * BLOCK_BYTES
    }
}

/// The header of an entry. Its name has at most 100 bytes.
fn header(name: &str, kind: u8, bytes: u64) -> [u8; 512] {
    let mut out = unnamed(*b"0000644\0", kind);
    out[NAME][..name.len()].copy_from_slice(name.as_bytes());
    if bytes <= OCTAL_SIZE_MAX {
        out[SIZE].copy_from_slice(format!("{bytes:011o}\0").as_bytes());
    } else {
        out[SIZE.start] = 0x80;
        out[SIZE.end - 8..SIZE.end].copy_from_slice(&bytes.to_be_bytes());
    }
    let sum = checksum(&out);
    out[CHECKSUM].copy_from_slice(format!("{sum:07o}\0").as_bytes());
    out
}

/// Formats `LENGTH KEY=VALUE\n`. The length includes its own digits.
fn pax_record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    loop {
        let record = format!("{length}{rest}");
        if record.len() == length {
            return record;
        }
        length = record.len();
    }
}

#[cfg(test)]
mod tests {
    use tar::{EntryType, Header};

    use super::header;

    #[test]
    fn headers_are_those_that_the_tar_crate_writes() {
        for (name, bytes) in
            [("index.json", 7), ("a", 0), ("b", (1 << 33) - 1), ("c", 1 << 33), ("d", u64::MAX)]
        {
            let mut expected = Header::new_ustar();
            expected.set_path(name).unwrap();
            expected.set_entry_type(EntryType::Regular);
            expected.set_size(bytes);
            expected.set_mode(0o644);
            expected.set_uid(0);
            expected.set_gid(0);
            expected.set_mtime(0);
            expected.set_cksum();
            assert_eq!(header(name, b'0', bytes), *expected.as_bytes(), "{name}");
        }
    }
}
