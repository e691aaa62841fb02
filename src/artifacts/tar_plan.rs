//! Computes the offset of each file in a tar archive before anything is written.

use std::path::Path;

use tar::{EntryType, Header};

use super::ArtifactError;

const BLOCK_BYTES: u64 = 512;

/// Longest path that fits into the name field of a ustar header, in bytes.
const HEADER_NAME_BYTES_MAX: usize = 100;

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
        let cannot_name = || ArtifactError::io("cannot write a tar header for", path);
        let mut headers = Vec::new();
        let mut short = name;
        if name.len() > HEADER_NAME_BYTES_MAX {
            // The path of a SHA-512 blob does not fit into the ustar name and prefix fields.
            let record = pax_record("path", name);
            headers.extend_from_slice(
                header("PaxHeaders/blob", EntryType::XHeader, record.len() as u64)
                    .map_err(cannot_name())?
                    .as_bytes(),
            );
            headers.extend_from_slice(record.as_bytes());
            let blocks = headers.len().next_multiple_of(512);
            headers.resize(blocks, 0);
            short = &name[name.len() - HEADER_NAME_BYTES_MAX..];
        }
        let file = header(short, EntryType::Regular, bytes).map_err(cannot_name())?;
        headers.extend_from_slice(file.as_bytes());
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

fn header(name: &str, kind: EntryType, bytes: u64) -> std::io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_entry_type(kind);
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    Ok(header)
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
