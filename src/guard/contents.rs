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
    zip::{Archive, Content},
};

/// The memory for windows of zstd and for zip archives that are open around one another, in bytes.
const MEMORY_BYTES: u64 = 192 << 20;

/// The largest zip archive that is opened, in bytes. Its directory is at its end, so all of it is kept while it is open.
const ZIP_BYTES_MAX: u64 = 128 << 20;

/// The largest window of zstd, in bytes: what audits allow for all layers that are read at once.
const WINDOW_BYTES_MAX: u64 = 64 << 20;

const BUFFER_BYTES: usize = 64 << 10;

/// Opens gzip, Zstandard, tar archives, zip archives and Debian packages. It does not know bzip2, cpio, ISO 9660, RPM and
/// xz. One is for one chunk file: what is open at the same time shares its memory.
pub struct Contents {
    free: Cell<u64>,
}

impl Default for Contents {
    fn default() -> Contents {
        Contents { free: Cell::new(MEMORY_BYTES) }
    }
}

impl Opener for Contents {
    fn expand(&self, form: Form, source: &mut dyn Read, visit: &mut Visit<'_>) -> Result<Expansion, String> {
        match form {
            Form::Gzip => {
                self.stream(0, source, visit);
                Ok(())
            }
            Form::Zstd => {
                self.stream(self.free.get().min(WINDOW_BYTES_MAX), source, visit);
                Ok(())
            }
            Form::Tar => tar(source, visit),
            Form::Zip => self.zip(source, visit),
            Form::Deb => deb(source, visit),
            Form::Bzip2 | Form::Cpio | Form::Iso9660 | Form::Rpm | Form::Xz => return Ok(Expansion::Unknown),
        }?;
        Ok(Expansion::Done)
    }
}

impl Contents {
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

    fn zip(&self, source: &mut dyn Read, visit: &mut Visit<'_>) -> Result<(), String> {
        let limit = self.free.get().min(ZIP_BYTES_MAX);
        let mut bytes = Vec::new();
        source.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        let size = bytes.len() as u64;
        if size > limit {
            return Err(format!("it has more than {limit} bytes, for which there is no memory here"));
        }
        let _held = self.hold(size);
        let archive = Archive::open(&bytes).map_err(|error| format!("the zip archive: {error}"))?;
        for member in archive.members() {
            let member = member.map_err(|error| format!("the zip archive: {error}"))?;
            if member.name.ends_with(b"/") && member.size == 0 {
                continue;
            }
            let element = Element { name: member.name, bytes: Some(member.size) };
            let flow = match Content::open(&archive, &member) {
                Ok(mut content) => visit(element, &mut content),
                Err(error) => visit(element, &mut Failing(Some(error.to_string()))),
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

/// The content of a file that cannot be read, and why.
struct Failing(Option<String>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), |why| Err(io::Error::new(io::ErrorKind::InvalidData, why)))
    }
}

/// The words of the count for content that cannot be read, so that one cause is told once.
fn unreadable(error: &io::Error) -> String {
    format!("its content cannot be read: {error}")
}

fn tar(source: &mut dyn Read, visit: &mut Visit<'_>) -> Result<(), String> {
    let mut tar = TarReader::new(BufReader::with_capacity(BUFFER_BYTES, source));
    loop {
        let entry = tar.next_entry().map_err(|error| unreadable(&error))?;
        let end = tar.take_problems().into_iter().find(TarProblem::is_end);
        let Some(entry) = entry else {
            return end.map_or(Ok(()), |problem| Err(format!("the tar archive: {problem}")));
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

fn deb(source: &mut dyn Read, visit: &mut Visit<'_>) -> Result<(), String> {
    let wrong = |error: ArError| match error {
        ArError::Source(error) => unreadable(&error),
        error => error.to_string(),
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
