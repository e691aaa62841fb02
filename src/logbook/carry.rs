//! Carries a memory to another machine.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::head::Head;
use super::line::{LINE_BYTES_MAX, Line};
use super::memory::FILE;
use super::{Entry, Logbook, LogbookError, Memory};
use crate::chain::{ChainError, Lines, NOTHING_BEFORE};
use crate::format::{Sum, Timestamp};
use crate::medium::Temporary;

/// What became of the memory that was carried in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// How many lines there are now.
    pub lines: u64,
    /// How many of them are new.
    pub new: u64,
    /// Where the memory is that was replaced, if it was not continued.
    pub replaced: Option<PathBuf>,
}

/// Writes the lines of a memory, after all of them were checked. Returns their number.
///
/// # Errors
/// As [`Memory::read`], and if it cannot be written.
pub fn export(folder: &Path, out: &mut dyn Write) -> Result<u64, LogbookError> {
    let known = Memory::read(folder)?.lines();
    let path = folder.join(FILE);
    let mut lines = 0;
    for line in Lines::open(&path, LINE_BYTES_MAX)?.take(usize::try_from(known).unwrap_or(usize::MAX)) {
        let mut line = line?;
        line.push(b'\n');
        out.write_all(&line).map_err(|source| ChainError::io("write the copy of", &path, source))?;
        lines += 1;
    }
    Ok(lines)
}

/// Writes the lines of a memory into a file, atomically. Returns their number.
///
/// # Errors
/// As [`export`].
pub fn export_to(folder: &Path, file: &Path) -> Result<u64, LogbookError> {
    let failed = |source| LogbookError::from(ChainError::io("write", file, source));
    let mut temporary = Temporary::beside(file).map_err(failed)?;
    let lines = export(folder, temporary.file())?;
    temporary.place(file).map_err(failed)?;
    Ok(lines)
}

/// Takes over the memory in a file that [`export`] wrote. It must continue the memory that is here, unless `backwards`
/// gives a reason; then the memory that was here is kept beside it, and a line says so.
///
/// # Errors
/// [`LogbookError::Backwards`], and [`LogbookError::Damaged`] if the file is not a memory.
pub fn import(
    logbook: &Logbook,
    file: &Path,
    backwards: Option<&str>,
    now: Timestamp,
) -> Result<Carried, LogbookError> {
    check_end(file)?;
    let carried = Memory::of_lines(file, &mut |_, _| {})?;
    let _lock = logbook.lock()?;
    let folder = logbook.folder();
    let path = folder.join(FILE);
    let here = compare(&path, file);
    // What cannot be read here is not continued.
    let (common, lines, last) =
        here.as_ref().map_or((0, 0, None), |here| (here.common, here.lines, here.last));
    let is_continued = here.is_ok() && common == lines;
    let (mut head, mut replaced, mut end) = (carried.head(), None, None);
    if !is_continued {
        let Some(reason) = backwards else {
            here?;
            let (path, line) = (file.display().to_string(), common + 1);
            return Err(LogbookError::Backwards { path, line, lines });
        };
        let before = last.or_else(|| NOTHING_BEFORE.parse().ok()).expect("zeros are a sum");
        let prev = head.or_else(|| NOTHING_BEFORE.parse().ok()).expect("zeros are a sum");
        let entry = Entry::Restored { head: before, reason: reason.to_owned() };
        let line = Line { seq: carried.lines() + 1, prev, time: now, entry }.render();
        head = Some(Sum::of(&line));
        end = Some(line);
        let aside = folder.join(format!("{FILE}.before-{}", &head.unwrap_or(before).to_string()[..8]));
        fs::copy(&path, &aside).map_err(|source| ChainError::io("write", &aside, source))?;
        replaced = Some(aside);
    }
    place(file, &path, end.as_deref())?;
    let seq = carried.lines() + u64::from(end.is_some());
    if let Some(sum) = head {
        Head { seq, sum }.write(folder)?;
    }
    Ok(Carried { lines: seq, new: seq - common, replaced })
}

/// A file that was cut in the middle of a line is no copy of a memory.
fn check_end(file: &Path) -> Result<(), LogbookError> {
    let failed = |source| LogbookError::from(ChainError::io("read", file, source));
    // A pipe would let the program wait for a writer.
    if !fs::metadata(file).map_err(failed)?.is_file() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")));
    }
    let mut open = File::open(file).map_err(failed)?;
    let mut last = [0];
    let end = open.seek(SeekFrom::End(-1)).and_then(|_| open.read_exact(&mut last));
    if end.is_err() || last != [b'\n'] {
        return Err(ChainError::damaged(file, "it does not end with a whole line").into());
    }
    Ok(())
}

/// How two files of lines begin.
struct Compared {
    /// How many lines at their beginning are alike.
    common: u64,
    /// How many lines the first one has.
    lines: u64,
    /// The sum of its last line.
    last: Option<Sum>,
}

fn compare(here: &Path, other: &Path) -> Result<Compared, LogbookError> {
    let mut others = Lines::open(other, LINE_BYTES_MAX)?;
    let mut compared = Compared { common: 0, lines: 0, last: None };
    let mut is_alike = true;
    for line in Lines::open(here, LINE_BYTES_MAX)? {
        let line = line?;
        is_alike = is_alike && others.next().transpose()?.is_some_and(|other| other == line);
        compared.common += u64::from(is_alike);
        compared.lines += 1;
        compared.last = Some(Sum::of(&line));
    }
    Ok(compared)
}

/// Copies a file to its place, atomically, with one more line.
fn place(from: &Path, to: &Path, end: Option<&[u8]>) -> Result<(), LogbookError> {
    let written = Temporary::beside(to).and_then(|mut temporary| {
        io::copy(&mut File::open(from)?, temporary.file())?;
        if let Some(end) = end {
            temporary.file().write_all(end)?;
            temporary.file().write_all(b"\n")?;
        }
        temporary.place(to)
    });
    Ok(written.map_err(|source| ChainError::io("write", to, source))?)
}
