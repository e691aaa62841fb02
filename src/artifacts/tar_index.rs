//! An index of the files in a tar archive, built from the headers only.
//!
//! The iterator of the `tar` crate reads long names and PAX records of any size into memory, and uses the first of two
//! sizes. So the headers are parsed here, and an archive that two readers could read differently is refused.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tar::Header;

use super::ArtifactError;
use super::compression::{MAGIC_BYTES, compressed_with};
use super::expansion::Expansion;
use super::extent::{Extent, open_regular};
use super::tar_number;

/// Maximum number of entries in an archive.
const ENTRIES_MAX: usize = 1_000_000;

/// Maximum size of a long name or a PAX header, in bytes.
const EXTENSION_BYTES_MAX: u64 = 64 << 10;

/// Largest size that fits into the octal field of a header, in bytes.
const OCTAL_SIZE_MAX: u64 = 0o77_777_777_777;

/// Maximum number of links in a chain.
const LINK_HOPS_MAX: usize = 8;

const BLOCK_BYTES: u64 = 512;

/// Whether links inside the archive are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    /// A link is an error.
    Refused,
    /// Links to files of the same archive are followed: old versions of `docker save` share layers in this way.
    FollowedInside,
    /// As before, and devices and pipes are skipped: for recognising an archive that is not used.
    OnlyRecognised,
}

#[derive(Debug)]
enum Place {
    File {
        start: u64,
        bytes: u64,
    },
    /// The normalized path of its target; `None` if the target is outside the archive.
    Link(Option<String>),
}

/// The files of an archive, by normalized path.
#[derive(Debug)]
pub(super) struct TarIndex {
    file: Arc<File>,
    path: PathBuf,
    links: Links,
    places: HashMap<String, Place>,
}

impl TarIndex {
    /// Reads all headers of the archive at `path`.
    /// A compressed archive is expanded first if `expansion` says where.
    pub(super) fn open(
        path: &Path,
        links: Links,
        expansion: Option<&Expansion>,
    ) -> Result<TarIndex, ArtifactError> {
        let missing = || ArtifactError::io("cannot open", path)(std::io::ErrorKind::NotFound.into());
        // The operator may name the archive through a symbolic link, but its target must be a regular file.
        let real = path.canonicalize().map_err(ArtifactError::io("cannot open", path))?;
        let file = open_regular(&real)?.ok_or_else(missing)?;
        let file = match (compression_of(&file, path)?, expansion) {
            (None, _) => file,
            (Some("gzip" | "zstd"), Some(expansion)) => expansion.expand(&file, path)?,
            (Some(with), _) => return Err(ArtifactError::Compressed { path: path.to_owned(), with }),
        };
        let bytes = file.metadata().map_err(ArtifactError::io("cannot read the metadata of", path))?.len();
        let mut scan = Scan { file: &file, path, bytes, at: 0, links, places: HashMap::new() };
        scan.run()?;
        let places = scan.places;
        Ok(TarIndex { file: Arc::new(file), path: path.to_owned(), links, places })
    }

    /// The path of the archive.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The normalized paths of all files and links, in any order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// The extent of the file `name`; `None` if it does not exist.
    pub(super) fn find(&self, name: &str) -> Result<Option<Extent>, ArtifactError> {
        let found = self.resolve(name)?;
        Ok(found.map(|(_, start, bytes)| Extent { file: Arc::clone(&self.file), start, bytes }))
    }

    /// The path of the file that `name` is, or that it links to; `None` if it does not exist.
    pub(super) fn real_name(&self, name: &str) -> Result<Option<&str>, ArtifactError> {
        Ok(self.resolve(name)?.map(|(real, ..)| real))
    }

    fn resolve(&self, name: &str) -> Result<Option<(&str, u64, u64)>, ArtifactError> {
        let refuse = |problem: String| ArtifactError::Archive { path: self.path.clone(), problem };
        let mut at = name;
        for _ in 0..LINK_HOPS_MAX {
            match (self.places.get_key_value(at), self.links) {
                (None, _) => return Ok(None),
                (Some((real, &Place::File { start, bytes })), _) => return Ok(Some((real, start, bytes))),
                (Some((_, Place::Link(_))), Links::Refused) => {
                    return Err(refuse(format!("{at:?} is a link, not a file")));
                }
                (Some((_, Place::Link(None))), _) => {
                    return Err(refuse(format!("link {at:?} points outside the archive")));
                }
                (Some((_, Place::Link(Some(target)))), _) => at = target,
            }
        }
        Err(refuse(format!("{name:?} is a chain of more than {LINK_HOPS_MAX} links")))
    }
}

/// The program that decompresses the archive, if it is compressed.
fn compression_of(file: &File, path: &Path) -> Result<Option<&'static str>, ArtifactError> {
    let mut start = [0; MAGIC_BYTES];
    let count = file.read_at(&mut start, 0).map_err(ArtifactError::io("cannot read", path))?;
    Ok(compressed_with(&start[..count]))
}

/// Normalizes a path: components separated by one `/`, none of them `.` or `..`. The root of the archive is the empty
/// path. Returns `None` for a path that tools could read differently.
pub(super) fn normal_path(name: &str) -> Option<String> {
    let mut rest = name;
    while let Some(inner) = rest.strip_prefix("./") {
        rest = inner;
    }
    if rest.is_empty() || rest == "." {
        return Some(String::new());
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    rest.split('/').all(plain).then(|| rest.to_owned())
}

/// Resolves the target of the symbolic link `from`; `None` if it is outside the archive.
fn link_target(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    if target.starts_with('/') {
        return None;
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The values from the extension headers in front of an entry.
#[derive(Default)]
struct Extension {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    bytes: Option<u64>,
}

struct Scan<'a> {
    file: &'a File,
    path: &'a Path,
    bytes: u64,
    at: u64,
    links: Links,
    places: HashMap<String, Place>,
}

impl Scan<'_> {
    fn run(&mut self) -> Result<(), ArtifactError> {
        let mut extension = Extension::default();
        let mut pending = false;
        let mut headers = 0;
        while let Some(header) = self.header()? {
            headers += 1;
            if headers > ENTRIES_MAX {
                return Err(self.refuse(format!("more than {ENTRIES_MAX} entries")));
            }
            let kind = header.entry_type().as_byte();
            if matches!(kind, b'L' | b'K' | b'x' | b'g') {
                self.extend(kind, &header, &mut extension)?;
                pending = kind != b'g' || pending;
            } else {
                self.entry(kind, &header, std::mem::take(&mut extension))?;
                pending = false;
            }
        }
        if pending {
            Err(self.refuse("an extension header is not followed by an entry".to_owned()))
        } else {
            Ok(())
        }
    }

    fn refuse(&self, problem: String) -> ArtifactError {
        ArtifactError::Archive { path: self.path.to_owned(), problem }
    }

    fn sparse(&self) -> ArtifactError {
        ArtifactError::SparseArchive { path: self.path.to_owned(), at: self.at }
    }

    fn read(&self, at: u64, block: &mut [u8]) -> Result<(), ArtifactError> {
        if at.checked_add(block.len() as u64).is_none_or(|end| end > self.bytes) {
            return Err(self.refuse(format!("truncated at byte {}", self.bytes)));
        }
        self.file.read_exact_at(block, at).map_err(ArtifactError::io("cannot read", self.path))
    }

    /// Reads the next header; `None` at the end marker.
    fn header(&mut self) -> Result<Option<Header>, ArtifactError> {
        let mut header = Header::new_old();
        self.read(self.at, header.as_mut_bytes())?;
        if header.as_bytes().iter().all(|&b| b == 0) {
            self.end()?;
            return Ok(None);
        }
        let bytes = header.as_bytes();
        let outside = bytes[..148].iter().chain(&bytes[156..]);
        let sum = outside.map(|&b| u64::from(b)).sum::<u64>() + 8 * u64::from(b' ');
        if tar_number::field(&header.as_old().cksum) != Some(sum) {
            return Err(self.refuse(format!("invalid tar header at byte {}", self.at)));
        }
        self.at += BLOCK_BYTES;
        Ok(Some(header))
    }

    /// Checks that nothing follows the first block of zeros except the second one. Some tools leave that out at the end of
    /// the file. Elsewhere, some readers go on after a single block of zeros.
    fn end(&self) -> Result<(), ArtifactError> {
        let after = self.at + BLOCK_BYTES;
        let mut second =
            vec![0; usize::try_from(self.bytes.saturating_sub(after).min(BLOCK_BYTES)).unwrap_or(0)];
        self.read(after, &mut second)?;
        if second.iter().any(|&b| b != 0) {
            return Err(
                self.refuse(format!("more entries after a single block of zeros at byte {}", self.at))
            );
        }
        Ok(())
    }

    /// Skips the content of an entry and returns its offset.
    fn skip(&mut self, bytes: u64) -> Result<u64, ArtifactError> {
        let start = self.at;
        let end = start.checked_add(bytes).and_then(|end| end.checked_next_multiple_of(BLOCK_BYTES));
        match end {
            Some(end) if start + bytes <= self.bytes => {
                self.at = end;
                Ok(start)
            }
            _ => Err(self.refuse(format!("truncated within the entry of {bytes} bytes at byte {start}"))),
        }
    }

    fn field_size(&self, header: &Header) -> Result<u64, ArtifactError> {
        tar_number::field(&header.as_old().size).ok_or_else(|| {
            self.refuse(format!(
                "the size in the header before byte {} is not a number of at most 64 bits",
                self.at
            ))
        })
    }

    fn extend(&mut self, kind: u8, header: &Header, extension: &mut Extension) -> Result<(), ArtifactError> {
        let bytes = self.field_size(header)?;
        if bytes > EXTENSION_BYTES_MAX {
            let limit = EXTENSION_BYTES_MAX;
            return Err(self.refuse(format!("extension header of {bytes} bytes, the limit is {limit} bytes")));
        }
        let start = self.skip(bytes)?;
        let mut body = vec![0; usize::try_from(bytes).unwrap_or(0)];
        self.read(start, &mut body)?;
        match kind {
            b'L' | b'K' => {
                let text = body.strip_suffix(b"\0").unwrap_or(&body).to_vec();
                let slot = if kind == b'L' { &mut extension.name } else { &mut extension.link };
                self.set_once(slot, text)
            }
            _ => self.pax_records(kind, &body, extension),
        }
    }

    fn set_once<T>(&self, slot: &mut Option<T>, value: T) -> Result<(), ArtifactError> {
        match slot.replace(value) {
            None => Ok(()),
            Some(_) => {
                Err(self.refuse(format!("two extension headers before byte {} set the same field", self.at)))
            }
        }
    }

    fn pax_records(&self, kind: u8, body: &[u8], extension: &mut Extension) -> Result<(), ArtifactError> {
        let mut rest = body;
        while !rest.is_empty() {
            let (key, value, after) = pax_record(rest)
                .ok_or_else(|| self.refuse(format!("malformed PAX record before byte {}", self.at)))?;
            rest = after;
            let changes = matches!(key, b"path" | b"linkpath" | b"size") || key.starts_with(b"GNU.sparse");
            match key {
                _ if kind == b'g' && changes => {
                    return Err(self.refuse(
                        "a global PAX header changes the path, link or size of every entry".to_owned(),
                    ));
                }
                b"path" => self.set_once(&mut extension.name, value.to_vec())?,
                b"linkpath" => self.set_once(&mut extension.link, value.to_vec())?,
                b"size" => {
                    let bytes = tar_number::decimal(value).ok_or_else(|| {
                        self.refuse(format!(
                            "a PAX size before byte {} is not a number of at most 64 bits",
                            self.at
                        ))
                    })?;
                    self.set_once(&mut extension.bytes, bytes)?;
                }
                _ if changes => return Err(self.sparse()),
                _ => {}
            }
        }
        Ok(())
    }

    fn entry(&mut self, kind: u8, header: &Header, extension: Extension) -> Result<(), ArtifactError> {
        if kind == b'S' {
            return Err(self.sparse());
        }
        let field = self.field_size(header)?;
        let bytes = match extension.bytes {
            None => field,
            Some(bytes) if bytes == field => field,
            // A PAX size is needed only if the header field is too small.
            Some(bytes) if field == 0 && bytes > OCTAL_SIZE_MAX => bytes,
            Some(bytes) => {
                return Err(self.refuse(format!(
                    "the size of an entry before byte {} is {field} in its header and {bytes} in PAX",
                    self.at
                )));
            }
        };
        let raw = extension.name.unwrap_or_else(|| header.path_bytes().into_owned());
        let text = String::from_utf8(raw).map_err(|error| {
            self.refuse(format!("path {:?} is not UTF-8", String::from_utf8_lossy(error.as_bytes())))
        })?;
        let name = normal_path(&text)
            .ok_or_else(|| self.refuse(format!("path {text:?} is outside the archive or not normalized")))?;
        let folder = kind == b'5' || (kind == 0 && text.ends_with('/'));
        let file = matches!(kind, 0 | b'0') && !folder;
        if !file && bytes != 0 {
            return Err(
                self.refuse(format!("{text:?} is not a regular file but has {bytes} bytes of content"))
            );
        }
        let start = self.skip(bytes)?;
        let link = || {
            let raw = extension.link.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
            raw.and_then(|raw| String::from_utf8(raw).ok())
        };
        let place = match kind {
            _ if folder => return Ok(()),
            0 | b'0' if !text.ends_with('/') => Place::File { start, bytes },
            b'1' => Place::Link(link().and_then(|target| normal_path(&target))),
            b'2' => Place::Link(link().and_then(|target| link_target(&name, &target))),
            _ if self.links == Links::OnlyRecognised => return Ok(()),
            _ => return Err(self.refuse(format!("{text:?} is not a file, folder or link"))),
        };
        match self.places.insert(name, place) {
            None => Ok(()),
            Some(_) => Err(self.refuse(format!("{text:?} is listed twice"))),
        }
    }
}

/// Splits off one `LENGTH KEY=VALUE\n` record: its key, its value and the rest.
fn pax_record(rest: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = rest.iter().take(8).position(|&b| b == b' ')?;
    let length = usize::try_from(tar_number::decimal(&rest[..space])?).ok()?;
    let record = rest.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&b| b == b'=')?;
    Some((&record[..equals], &record[equals + 1..], &rest[length..]))
}
