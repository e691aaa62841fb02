//! The encoding of OpenSSH: numbers of 4 bytes, most significant first, and strings with their length in front
//! (RFC 4251, section 5).

/// Reads values from bytes. Every method returns `None` if the bytes end too early.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// The next `count` bytes.
    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    /// A number.
    pub(super) fn number(&mut self) -> Option<u32> {
        let bytes = self.bytes(4)?.try_into().ok()?;
        Some(u32::from_be_bytes(bytes))
    }

    /// A string of bytes.
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.bytes(length)
    }

    /// Whether all bytes were read.
    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends a string. It must be shorter than 4 GiB.
pub(super) fn put_string(out: &mut Vec<u8>, string: &[u8]) {
    let length = u32::try_from(string.len()).expect("shorter than 4 GiB");
    out.extend(length.to_be_bytes());
    out.extend(string);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_not_beyond_the_end() {
        let mut bytes = Vec::new();
        put_string(&mut bytes, b"key");
        put_string(&mut bytes, b"");
        let mut reader = Reader(&bytes);
        assert_eq!((reader.string(), reader.string()), (Some(&b"key"[..]), Some(&b""[..])));
        assert!(reader.is_at_end() && reader.number().is_none());
        for end in 0..bytes.len() {
            let mut reader = Reader(&bytes[..end]);
            assert!(reader.string().is_none() || reader.string().is_none(), "{end}");
        }
        assert_eq!(Reader(&[0xff; 8]).string(), None);
    }
}
