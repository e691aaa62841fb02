//! Archives of `ar` (POSIX.1-2017, ar), as Debian packages are (deb(5)): read in one pass, without keeping content.

use std::io::{self, Read};

/// The first bytes of an archive.
const MAGIC: &[u8; 8] = b"!<arch>\n";

/// A header: name 16, time 12, owner 6, group 6, mode 8, size 10, and two bytes that end it.
const HEADER_BYTES: usize = 60;

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArMember {
    /// Its name without the blanks and the slash that fill the field; at most 16 bytes. Names that the archive keeps in a
    /// table of its own are left as the references that they are.
    pub name: Vec<u8>,
    /// Its size in bytes.
    pub size: u64,
}

/// Why an archive cannot be read further.
#[derive(Debug, thiserror::Error)]
pub enum ArError {
    /// The source cannot be read.
    #[error(transparent)]
    Source(#[from] io::Error),
    /// It does not begin like an archive.
    #[error("the ar archive does not begin with !<arch>")]
    Magic,
    /// It ends within a header or a member.
    #[error("the ar archive ends within member {number}")]
    Truncated {
        /// The number of the member; the first is 1.
        number: u64,
    },
    /// A header is not one.
    #[error("the header of member {number} of the ar archive is wrong")]
    Header {
        /// The number of the member; the first is 1.
        number: u64,
    },
}

/// Walks over an archive. As a [`Read`], it gives the content of the member that was returned last.
pub struct ArReader<R> {
    source: R,
    number: u64,
    left: u64,
    is_padded: bool,
}

impl<R: Read> ArReader<R> {
    /// Begins to read an archive.
    ///
    /// # Errors
    /// If the source cannot be read or is no archive.
    pub fn new(mut source: R) -> Result<ArReader<R>, ArError> {
        let mut magic = Vec::new();
        source.by_ref().take(MAGIC.len() as u64).read_to_end(&mut magic)?;
        if magic != MAGIC {
            return Err(ArError::Magic);
        }
        Ok(ArReader { source, number: 0, left: 0, is_padded: false })
    }

    /// The next member; what was not read of the last one is skipped. `None` at the end.
    ///
    /// # Errors
    /// If the archive ends early or a header is wrong.
    pub fn next_member(&mut self) -> Result<Option<ArMember>, ArError> {
        io::copy(self, &mut io::sink())?;
        if self.left > 0 {
            return Err(ArError::Truncated { number: self.number });
        }
        let mut padding = Vec::new();
        self.source.by_ref().take(u64::from(self.is_padded)).read_to_end(&mut padding)?;
        let mut header = Vec::new();
        self.source.by_ref().take(HEADER_BYTES as u64).read_to_end(&mut header)?;
        if header.is_empty() {
            return Ok(None);
        }
        self.number = self.number.saturating_add(1);
        let number = self.number;
        if header.len() < HEADER_BYTES {
            return Err(ArError::Truncated { number });
        }
        let (name, rest) = header.split_at_checked(16).ok_or(ArError::Header { number })?;
        let size = rest.get(32..42).and_then(decimal).ok_or(ArError::Header { number })?;
        if rest.get(42..) != Some(b"`\n") {
            return Err(ArError::Header { number });
        }
        self.left = size;
        self.is_padded = size % 2 == 1;
        let name = name.trim_ascii_end();
        Ok(Some(ArMember { name: name.strip_suffix(b"/").unwrap_or(name).to_vec(), size }))
    }
}

impl<R: Read> Read for ArReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(out.len());
        let count = self.source.read(out.get_mut(..room).unwrap_or_default())?;
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

fn decimal(field: &[u8]) -> Option<u64> {
    let digits = field.trim_ascii_end();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for (name, content) in members {
            bytes.extend(
                format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 644, content.len()).bytes(),
            );
            bytes.extend(*content);
            if content.len() % 2 == 1 {
                bytes.push(b'\n');
            }
        }
        bytes
    }

    /// The members with their content, and why the archive ended early.
    fn read(bytes: &[u8]) -> (Vec<(String, Vec<u8>)>, Option<String>) {
        let mut found = Vec::new();
        let mut reader = match ArReader::new(bytes) {
            Ok(reader) => reader,
            Err(error) => return (found, Some(error.to_string())),
        };
        loop {
            match reader.next_member() {
                Ok(None) => return (found, None),
                Ok(Some(member)) => {
                    let mut content = Vec::new();
                    reader.read_to_end(&mut content).unwrap();
                    found.push((String::from_utf8_lossy(&member.name).into_owned(), content));
                }
                Err(error) => return (found, Some(error.to_string())),
            }
        }
    }

    #[test]
    fn members_are_read_in_order() {
        let bytes = archive(&[("debian-binary", b"2.0\n"), ("odd/", b"abc"), ("empty", b""), ("end", b"x")]);
        let (found, problem) = read(&bytes);
        let names: Vec<_> = found.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
        let expected: [(&str, &[u8]); 4] =
            [("debian-binary", b"2.0\n"), ("odd", b"abc"), ("empty", b""), ("end", b"x")];
        assert_eq!((names.as_slice(), problem), (expected.as_slice(), None));
    }

    #[test]
    fn each_cut_and_each_wrong_header_is_told() {
        let bytes = archive(&[("a", b"1234"), ("b", b"5678")]);
        for end in 0..bytes.len() {
            let is_whole = [8, 8 + 64].contains(&end);
            assert_eq!(read(&bytes[..end]).1.is_none(), is_whole, "{end}");
        }
        let mut wrong = bytes.clone();
        wrong[8 + 48] = b'x';
        assert_eq!(read(&wrong).1.unwrap(), "the header of member 1 of the ar archive is wrong");
        let mut ended = bytes;
        ended[8 + 58] = b'x';
        assert_eq!(read(&ended).1.unwrap(), "the header of member 1 of the ar archive is wrong");
    }
}
