//! Reads the small files that an operator names: keys, passphrases, trust files, certificates, credentials, lists.
//!
//! Every such file is read here, so that all of them are treated alike: no path makes the program wait, no file fills
//! the memory, and the marks and encodings of editors are recognised.

use std::{
    fs::{self, FileType, Metadata, OpenOptions},
    io::{self, Read},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use rustix::fs::{OFlags, fcntl_setfl};
use zeroize::Zeroizing;

use crate::diagnosis::Advice;

/// The byte order mark that some editors write before UTF-8 (RFC 3629, section 6).
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// The byte order marks of UTF-16 (RFC 2781, section 3.2).
const UTF16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// Paths of open file descriptors. A shell passes them for `<(COMMAND)`.
const DESCRIPTORS: [&str; 3] = ["/dev/fd", "/proc/self/fd", "/dev/stdin"];

/// The content of a small file. It is wiped from memory when dropped, because it may be secret.
pub struct SmallFile {
    bytes: Zeroizing<Vec<u8>>,
    open_to_others: bool,
}

/// Why a small file cannot be read. Its text does not name the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SmallFileError {
    /// The operating system does not provide it.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The path is not a regular file.
    #[error("expected a regular file, found {found}")]
    NotRegular {
        /// What the path is, with an article.
        found: &'static str,
    },
    /// The file is longer than the limit.
    #[error("the file is longer than the limit of {limit} bytes")]
    TooLong {
        /// The largest allowed size in bytes.
        limit: u64,
    },
    /// The file is in UTF-16.
    #[error("the file is in UTF-16; expected UTF-8")]
    Utf16,
    /// The file is not text.
    #[error("line {line} is not UTF-8 text")]
    NotUtf8 {
        /// The first line with bytes that are not UTF-8, starting at 1.
        line: usize,
    },
}

impl SmallFileError {
    /// The circumstance that decides the next step, if there is one.
    pub fn advice(&self) -> Option<Advice> {
        match self {
            SmallFileError::Io(error) => Advice::of_io(error),
            SmallFileError::NotRegular { .. } => Some(Advice::PassRegularFile),
            SmallFileError::TooLong { limit } => Some(Advice::PassSmallerFile { limit: *limit }),
            SmallFileError::Utf16 | SmallFileError::NotUtf8 { .. } => Some(Advice::SaveAsUtf8),
        }
    }
}

impl SmallFile {
    /// Reads a file of at most `limit` bytes, without its byte order mark.
    ///
    /// A pipe, a socket, a device other than `/dev/null`, and a folder are refused at once.
    ///
    /// # Errors
    /// [`SmallFileError`], except [`SmallFileError::NotUtf8`].
    pub fn read(path: &Path, limit: u64) -> Result<SmallFile, SmallFileError> {
        SmallFile::open(path, limit, false)
    }

    /// Reads like [`SmallFile::read`], but an open file descriptor (`/dev/fd/N`, `/proc/self/fd/N`, `/dev/stdin`) may
    /// be a pipe, because that is what a shell makes of `<(COMMAND)`.
    ///
    /// Only for files that are read once: a pipe is empty the second time.
    ///
    /// # Errors
    /// As [`SmallFile::read`].
    pub fn read_once(path: &Path, limit: u64) -> Result<SmallFile, SmallFileError> {
        SmallFile::open(path, limit, true)
    }

    fn open(path: &Path, limit: u64, pipes: bool) -> Result<SmallFile, SmallFileError> {
        // Without NONBLOCK, opening a named pipe waits for a writer. NOCTTY: a terminal must not become ours.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
        let metadata = file.metadata()?;
        let kind = metadata.file_type();
        let of_shell = pipes && kind.is_fifo() && DESCRIPTORS.iter().any(|folder| path.starts_with(folder));
        if of_shell {
            // This is a new description of the pipe, so the shell's own is not changed.
            fcntl_setfl(&file, OFlags::empty()).map_err(io::Error::from)?;
        } else if !kind.is_file() && !is_null(&metadata) {
            return Err(SmallFileError::NotRegular { found: name_of(kind) });
        }
        let expected = if of_shell { limit } else { metadata.len().min(limit) };
        let bytes = read_at_most(file, expected, limit)?;
        Ok(SmallFile { bytes, open_to_others: kind.is_file() && metadata.mode() & 0o077 != 0 })
    }

    /// Reads a stream, for example stdin, to its end.
    ///
    /// # Errors
    /// As [`SmallFile::read`].
    pub fn read_stream(stream: impl Read, limit: u64) -> Result<SmallFile, SmallFileError> {
        Ok(SmallFile { bytes: read_at_most(stream, 0, limit)?, open_to_others: false })
    }

    /// The bytes, without a byte order mark.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.strip_prefix(UTF8_MARK).unwrap_or(&self.bytes)
    }

    /// The bytes as they are in the file. A signature may begin with what looks like a byte order mark.
    pub fn raw(&self) -> &[u8] {
        &self.bytes
    }

    /// The text.
    ///
    /// # Errors
    /// [`SmallFileError::NotUtf8`].
    pub fn text(&self) -> Result<&str, SmallFileError> {
        let bytes = self.bytes();
        str::from_utf8(bytes).map_err(|error| {
            let before = &bytes[..error.valid_up_to()];
            SmallFileError::NotUtf8 { line: before.split(|b| *b == b'\n').count() }
        })
    }

    /// Whether users other than the owner can read or write the file.
    pub fn open_to_others(&self) -> bool {
        self.open_to_others
    }
}

/// Reads everything, and reserves room for `expected` bytes first: growing would leave copies of a secret in memory.
fn read_at_most(stream: impl Read, expected: u64, limit: u64) -> Result<Zeroizing<Vec<u8>>, SmallFileError> {
    let room = usize::try_from(expected + 1).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    // One byte more shows that the file is too long.
    stream.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(SmallFileError::TooLong { limit });
    }
    if UTF16_MARKS.iter().any(|mark| bytes.starts_with(mark)) {
        return Err(SmallFileError::Utf16);
    }
    Ok(bytes)
}

/// Whether it is `/dev/null`, which stands for an empty file, e.g. for no credentials.
fn is_null(metadata: &Metadata) -> bool {
    let null = fs::metadata("/dev/null");
    metadata.file_type().is_char_device() && null.is_ok_and(|null| null.rdev() == metadata.rdev())
}

fn name_of(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}
