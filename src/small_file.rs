//! Reads the small files that people keep: keys, passphrases, trust files, lists, credentials, certificates.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

/// The byte order mark that some editors write before UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// The room for a file whose length is unknown, in bytes: more than any secret has.
const BUFFER_BYTES: u64 = 64 << 10;

/// Where the system shows the open files of this process: `<(…)` of a shell gives such a path, and stdin has one.
const OWN_FILES: [&str; 4] = ["/dev/fd", "/proc/self/fd", "/dev/stdin", "/proc/thread-self/fd"];

/// Returns the content of a file of at most `bytes_max` bytes, without a byte order mark. The buffer of a secret never grows,
/// so that it leaves no copies in memory; the caller wipes it.
///
/// A pipe is read only if this process has it open already. Any other pipe, a device or a socket is refused instead of
/// waited for.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`] if the file is longer, [`io::ErrorKind::InvalidData`] if it is in UTF-16, and the errors
/// of the system.
pub fn read(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let length = file.metadata()?.len();
    read_all(file, length, bytes_max)
}

/// Returns the text that arrives on stdin, like [`read_text`].
///
/// # Errors
/// Those of [`read_text`].
pub fn read_stdin(bytes_max: u64) -> io::Result<String> {
    text(read_all(io::stdin(), 0, bytes_max)?)
}

fn read_all(reader: impl Read, length: u64, bytes_max: u64) -> io::Result<Vec<u8>> {
    // One extra byte detects content that is too long.
    let taken = bytes_max.saturating_add(1);
    let room = usize::try_from(length.max(BUFFER_BYTES).min(taken)).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(room.saturating_add(64));
    reader.take(taken).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        let problem = format!("it is longer than {bytes_max} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is in UTF-16; save it as UTF-8"));
    }
    if bytes.starts_with(MARK) {
        bytes.drain(..MARK.len());
    }
    Ok(bytes)
}

/// Returns the text of a file of at most `bytes_max` bytes; see [`read`].
///
/// # Errors
/// Those of [`read`], and [`io::ErrorKind::InvalidData`] if the file is not UTF-8.
pub fn read_text(path: &Path, bytes_max: u64) -> io::Result<String> {
    text(read(path, bytes_max)?)
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

fn open(path: &Path) -> io::Result<File> {
    let is_own = OWN_FILES.iter().any(|own| path.starts_with(own));
    // NONBLOCK: opening a pipe must not wait for a writer.
    let flags = if is_own { rustix::fs::OFlags::empty() } else { rustix::fs::OFlags::NONBLOCK };
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let kind = file.metadata()?.file_type();
    let refused = match () {
        () if kind.is_file() || is_own => return Ok(file),
        () if kind.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        () if kind.is_fifo() => "it is a pipe",
        () if kind.is_socket() => "it is a socket",
        () => "it is a device",
    };
    Err(io::Error::other(refused))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_passed_over_and_a_limit_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for (content, expected) in [
            (&b"key"[..], Ok("key")),
            (b"\xef\xbb\xbfkey", Ok("key")),
            (b"", Ok("")),
            (b"longer than ten", Err(io::ErrorKind::FileTooLarge)),
            (b"\xff\xfek\0", Err(io::ErrorKind::InvalidData)),
            (b"\xff", Err(io::ErrorKind::InvalidData)),
        ] {
            std::fs::write(&path, content).unwrap();
            let found = read_text(&path, 10).map_err(|error| error.kind());
            assert_eq!(found.as_deref(), expected.as_ref().map(|text| *text), "{content:?}");
        }
        assert!(read(folder.path(), 10).is_err());
        assert!(read(Path::new("/dev/zero"), 10).is_err());
    }
}
