//! Where the files are inside a tar archive, found without reading their bytes.
//!
//! The `tar` crate's own iterator reads long names and PAX records into memory whatever their size,
//! and takes the first of two sizes. So headers are walked here, and what two readers could read
//! differently is refused.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tar::Header;

use super::ArtifactError;
use super::extent::{Extent, open_regular};

/// How many entries an archive may have.
const ENTRIES_MAX: usize = 1_000_000;

/// Largest long name or PAX record block, in bytes.
const EXTENSION_BYTES_MAX: u64 = 64 << 10;

/// Largest size that the octal field of a header holds, in bytes.
const OCTAL_SIZE_MAX: u64 = 0o77_777_777_777;

/// How many links in a row are followed.
const LINK_HOPS_MAX: usize = 8;

const BLOCK_BYTES: u64 = 512;

/// Whether links inside the archive are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    /// A link is no file.
    Refused,
    /// To a file of the same archive: old `docker save` shares layers in this way.
    FollowedInside,
}

#[derive(Debug)]
enum Place {
    File {
        start: u64,
        bytes: u64,
    },
    /// Where it leads, as a normal path; `None` if out of the archive.
    Link(Option<String>),
}

/// The files of an archive, by normal path.
#[derive(Debug)]
pub(super) struct TarIndex {
    file: Arc<File>,
    path: PathBuf,
    links: Links,
    places: HashMap<String, Place>,
}

impl TarIndex {
    /// Walks the headers of the archive at `path`.
    pub(super) fn open(path: &Path, links: Links) -> Result<TarIndex, ArtifactError> {
        let missing = || ArtifactError::io("cannot open", path)(std::io::ErrorKind::NotFound.into());
        // The operator may name the archive through a link; what it leads to must be a file.
        let real = path.canonicalize().map_err(ArtifactError::io("cannot open", path))?;
        let file = open_regular(&real)?.ok_or_else(missing)?;
        refuse_compressed(&file, path)?;
        let bytes = file.metadata().map_err(ArtifactError::io("cannot look at", path))?.len();
        let mut scan = Scan { file: &file, path, bytes, at: 0, places: HashMap::new() };
        scan.run()?;
        let places = scan.places;
        Ok(TarIndex { file: Arc::new(file), path: path.to_owned(), links, places })
    }

    /// The archive.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file `name`; `None` if there is none.
    pub(super) fn find(&self, name: &str) -> Result<Option<Extent>, ArtifactError> {
        let refuse = |problem: String| ArtifactError::Archive { path: self.path.clone(), problem };
        let mut at = name;
        for _ in 0..LINK_HOPS_MAX {
            match (self.places.get(at), self.links) {
                (None, _) => return Ok(None),
                (Some(&Place::File { start, bytes }), _) => {
                    return Ok(Some(Extent { file: Arc::clone(&self.file), start, bytes }));
                }
                (Some(Place::Link(_)), Links::Refused) => {
                    return Err(refuse(format!("{at:?} is a link, not a file")));
                }
                (Some(Place::Link(None)), _) => {
                    return Err(refuse(format!("link {at:?} leads out of the archive")));
                }
                (Some(Place::Link(Some(target))), _) => at = target,
            }
        }
        Err(refuse(format!("{name:?} is a link to a link to a link, more than {LINK_HOPS_MAX} times")))
    }
}

fn refuse_compressed(file: &File, path: &Path) -> Result<(), ArtifactError> {
    let mut magic = [0; 6];
    let count = file.read_at(&mut magic, 0).map_err(ArtifactError::io("cannot read", path))?;
    let magics: [(&[u8], &'static str); 4] = [
        (&[0x1f, 0x8b], "gzip"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
        (b"BZh", "bzip2"),
        (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz"),
    ];
    match magics.into_iter().find(|(start, _)| magic[..count].starts_with(start)) {
        Some((_, with)) => Err(ArtifactError::Compressed { path: path.to_owned(), with }),
        None => Ok(()),
    }
}

/// A name as every tool reads it: parts joined by one `/`, none of them `.` or `..`; the archive's
/// root is empty.
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

/// Where a link in the folder of `from` leads; `None` if out of the archive.
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

/// What the extension headers before an entry say about it.
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
            Err(self.refuse("it ends before the entry that it announces".to_owned()))
        } else {
            Ok(())
        }
    }

    fn refuse(&self, problem: String) -> ArtifactError {
        ArtifactError::Archive { path: self.path.to_owned(), problem }
    }

    fn read(&self, at: u64, block: &mut [u8]) -> Result<(), ArtifactError> {
        if at.checked_add(block.len() as u64).is_none_or(|end| end > self.bytes) {
            return Err(self.refuse(format!("it ends early, at byte {}", self.bytes)));
        }
        self.file.read_exact_at(block, at).map_err(ArtifactError::io("cannot read", self.path))
    }

    /// The next header; `None` at the end mark.
    fn header(&mut self) -> Result<Option<Header>, ArtifactError> {
        let mut header = Header::new_old();
        self.read(self.at, header.as_mut_bytes())?;
        if header.as_bytes().iter().all(|&b| b == 0) {
            return Ok(None);
        }
        let bytes = header.as_bytes();
        let outside = bytes[..148].iter().chain(&bytes[156..]);
        let sum = outside.map(|&b| u32::from(b)).sum::<u32>() + 8 * u32::from(b' ');
        if header.cksum().ok() != Some(sum) {
            return Err(self.refuse(format!("no tar header at byte {}", self.at)));
        }
        self.at += BLOCK_BYTES;
        Ok(Some(header))
    }

    /// Steps over the bytes of an entry and says where they are.
    fn skip(&mut self, bytes: u64) -> Result<u64, ArtifactError> {
        let start = self.at;
        let end = start.checked_add(bytes).and_then(|end| end.checked_next_multiple_of(BLOCK_BYTES));
        match end {
            Some(end) if start + bytes <= self.bytes => {
                self.at = end;
                Ok(start)
            }
            _ => Err(self.refuse(format!("it ends within an entry of {bytes} bytes at byte {start}"))),
        }
    }

    fn field_size(&self, header: &Header) -> Result<u64, ArtifactError> {
        header.entry_size().map_err(|_| self.refuse(format!("the size at byte {} is no number", self.at)))
    }

    fn extend(&mut self, kind: u8, header: &Header, extension: &mut Extension) -> Result<(), ArtifactError> {
        let bytes = self.field_size(header)?;
        if bytes > EXTENSION_BYTES_MAX {
            let limit = EXTENSION_BYTES_MAX;
            return Err(self.refuse(format!("an extension header of {bytes} bytes, the limit is {limit}")));
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
            Some(_) => Err(self.refuse(format!("two extensions name one entry before byte {}", self.at))),
        }
    }

    fn pax_records(&self, kind: u8, body: &[u8], extension: &mut Extension) -> Result<(), ArtifactError> {
        let mut rest = body;
        while !rest.is_empty() {
            let (key, value, after) = pax_record(rest)
                .ok_or_else(|| self.refuse(format!("a PAX record before byte {} is malformed", self.at)))?;
            rest = after;
            let changes = matches!(key, b"path" | b"linkpath" | b"size") || key.starts_with(b"GNU.sparse");
            match key {
                _ if kind == b'g' && changes => {
                    return Err(self.refuse("a global PAX header that changes every entry".to_owned()));
                }
                b"path" => self.set_once(&mut extension.name, value.to_vec())?,
                b"linkpath" => self.set_once(&mut extension.link, value.to_vec())?,
                b"size" => {
                    let bytes = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                    let bytes =
                        bytes.ok_or_else(|| self.refuse("a PAX size that is no number".to_owned()))?;
                    self.set_once(&mut extension.bytes, bytes)?;
                }
                _ if changes => return Err(self.refuse("a sparse file".to_owned())),
                _ => {}
            }
        }
        Ok(())
    }

    fn entry(&mut self, kind: u8, header: &Header, extension: Extension) -> Result<(), ArtifactError> {
        let field = self.field_size(header)?;
        let bytes = match extension.bytes {
            None => field,
            Some(bytes) if bytes == field => field,
            // What PAX sizes are for: the field cannot hold it.
            Some(bytes) if field == 0 && bytes > OCTAL_SIZE_MAX => bytes,
            Some(bytes) => {
                return Err(self.refuse(format!(
                    "an entry before byte {} has {field} bytes by its header and {bytes} by PAX",
                    self.at
                )));
            }
        };
        let raw = extension.name.unwrap_or_else(|| header.path_bytes().into_owned());
        let text = String::from_utf8(raw).map_err(|error| {
            self.refuse(format!("name {:?} is not UTF-8", String::from_utf8_lossy(error.as_bytes())))
        })?;
        let name = normal_path(&text)
            .ok_or_else(|| self.refuse(format!("{text:?} leads out of the archive or around in it")))?;
        let folder = kind == b'5' || (kind == 0 && text.ends_with('/'));
        let file = matches!(kind, 0 | b'0') && !folder;
        if !file && bytes != 0 {
            return Err(self.refuse(format!("{text:?} is no file and has {bytes} bytes")));
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
            _ => return Err(self.refuse(format!("{text:?} is neither file, folder nor link"))),
        };
        match self.places.insert(name, place) {
            None => Ok(()),
            Some(_) => Err(self.refuse(format!("{text:?} stands in it twice"))),
        }
    }
}

/// Splits `LENGTH KEY=VALUE\n` off.
fn pax_record(rest: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = rest.iter().take(8).position(|&b| b == b' ')?;
    let length: usize = std::str::from_utf8(&rest[..blank]).ok()?.parse().ok()?;
    let record = rest.get(blank + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&b| b == b'=')?;
    Some((&record[..equals], &record[equals + 1..], &rest[length..]))
}
