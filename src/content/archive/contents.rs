//! Opens archives with the decoders of this program.

use std::{
    cell::Cell,
    io::{self, BufReader, Read},
    ops::ControlFlow,
};

use super::{
    form::Form,
    opener::{Element, Expansion, Opener, Visit},
};
use crate::content::{
    ar::{ArError, ArReader},
    inflate::{InflateLimits, Inflater},
    tar::{Body, EntryKind, TarProblem, TarReader},
    zip::{Archive, Content, ZipError},
};

/// The memory for windows of zstd and for zip archives that are open around one another, in bytes, unless less is given.
const MEMORY_BYTES: u64 = 192 << 20;

/// The largest zip archive that is opened, in bytes. Its directory is at its end, so all of it is kept while it is open.
const ZIP_BYTES_MAX: u64 = 128 << 20;

/// The part of the memory that windows of zstd may take: 64 MiB, as audits allow for all layers that are read at once. The
/// rest is for archives in what is expanded.
const WINDOW_PART: u64 = 3;

const BUFFER_BYTES: usize = 64 << 10;

/// Opens gzip, Zstandard, tar, zip and ar archives, and with these Debian packages. It does not know the other forms. One is
/// for one file: what is open in it at the same time shares its memory.
pub struct Contents {
    free: Cell<u64>,
    window_bytes_max: u64,
}

impl Default for Contents {
    fn default() -> Contents {
        Contents::with_memory(MEMORY_BYTES)
    }
}

impl Opener for Contents {
    fn expand(&self, form: Form, source: &mut dyn Read, visit: &mut Visit<'_>) -> io::Result<Expansion> {
        match form {
            Form::Gzip => {
                self.stream(0, source, visit);
                Ok(())
            }
            Form::Zstd => {
                self.stream(self.free.get().min(self.window_bytes_max), source, visit);
                Ok(())
            }
            Form::Tar => tar(source, visit),
            Form::Zip => self.zip(source, visit),
            Form::Ar | Form::Deb => ar(source, visit),
            Form::Bzip2
            | Form::Cab
            | Form::Cpio
            | Form::Iso9660
            | Form::Lz4
            | Form::Lzip
            | Form::Rar
            | Form::Rpm
            | Form::SevenZip
            | Form::Xz => return Ok(Expansion::Unknown),
        }?;
        Ok(Expansion::Done)
    }
}

impl Contents {
    /// An opener that uses so many bytes for what is open at the same time, a third of it for windows of zstd. What does not fit is
    /// not opened.
    pub fn with_memory(bytes: u64) -> Contents {
        Contents { free: Cell::new(bytes), window_bytes_max: bytes / WINDOW_PART }
    }

    fn stream(&self, window: u64, source: &mut dyn Read, visit: &mut Visit<'_>) {
        // The count has limits of its own, for all that a chunk file expands to.
        let limits = InflateLimits {
            expanded_bytes_max: u64::MAX,
            ratio_max: u64::MAX,
            ratio_from_bytes: u64::MAX,
            window_bytes_max: window,
        };
        let _held = self.hold(window);
        // The visitor reads to the end, so it meets what is wrong with the stream.
        let _ = visit(Element { name: b"", bytes: None }, &mut Inflater::new(source, limits));
    }

    fn zip(&self, source: &mut dyn Read, visit: &mut Visit<'_>) -> io::Result<()> {
        let limit = self.free.get().min(ZIP_BYTES_MAX);
        let mut bytes = Vec::new();
        source.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        let size = bytes.len() as u64;
        if size > limit {
            let why = format!("it has more than {limit} bytes, for which there is no memory here");
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
        let _held = self.hold(size);
        let wrong = |error: ZipError| io::Error::new(kind(&error), format!("the zip archive: {error}"));
        let archive = Archive::open(&bytes).map_err(wrong)?;
        for member in archive.members() {
            let member = member.map_err(wrong)?;
            if member.name.ends_with(b"/") && member.size == 0 {
                continue;
            }
            let element = Element { name: member.name, bytes: Some(member.size) };
            let flow = match Content::open(&archive, &member) {
                Ok(mut content) => visit(element, &mut content),
                Err(error) => visit(element, &mut Failing(Some(io::Error::new(kind(&error), error)))),
            };
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn hold(&self, bytes: u64) -> Held<'_> {
        self.free.set(self.free.get().saturating_sub(bytes));
        Held { free: &self.free, bytes }
    }
}

/// Memory that is given back at the end.
struct Held<'a> {
    free: &'a Cell<u64>,
    bytes: u64,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.free.set(self.free.get().saturating_add(self.bytes));
    }
}

/// Whether another reader may get further.
fn kind(error: &ZipError) -> io::ErrorKind {
    match error {
        ZipError::Method { .. } | ZipError::TooManyMembers { .. } | ZipError::Spanned => {
            io::ErrorKind::Unsupported
        }
        _ => io::ErrorKind::InvalidData,
    }
}

/// The content of a file that cannot be read, and why.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// The words of the count for content that cannot be read, so that one cause is told once.
fn unreadable(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("its content cannot be read: {error}"))
}

fn damaged(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn tar(source: &mut dyn Read, visit: &mut Visit<'_>) -> io::Result<()> {
    let mut tar = TarReader::new(BufReader::with_capacity(BUFFER_BYTES, source));
    loop {
        let entry = tar.next_entry().map_err(|error| unreadable(&error))?;
        let end = tar.take_problems().into_iter().find(TarProblem::is_end);
        let Some(entry) = entry else {
            return end.map_or(Ok(()), |problem| Err(damaged(format!("the tar archive: {problem}"))));
        };
        // What readers of images refuse as an unknown type is a file for most other readers.
        if !matches!(entry.kind, EntryKind::File | EntryKind::Other(_)) {
            continue;
        }
        let element = Element { name: &entry.path, bytes: Some(entry.size) };
        if visit(element, &mut Body::new(&mut tar, &entry)) == ControlFlow::Break(()) {
            return Ok(());
        }
    }
}

fn ar(source: &mut dyn Read, visit: &mut Visit<'_>) -> io::Result<()> {
    let wrong = |error: ArError| match error {
        ArError::Source(error) => unreadable(&error),
        error => damaged(error.to_string()),
    };
    let mut ar = ArReader::new(BufReader::with_capacity(BUFFER_BYTES, source)).map_err(wrong)?;
    while let Some(member) = ar.next_member().map_err(wrong)? {
        let element = Element { name: &member.name, bytes: Some(member.size) };
        if visit(element, &mut ar) == ControlFlow::Break(()) {
            break;
        }
    }
    Ok(())
}
