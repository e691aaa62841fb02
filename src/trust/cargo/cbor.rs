//! CBOR (RFC 8949), as far as COSE envelopes need it: items with a definite length.

/// Most items that are skipped in a value that is not needed.
const SKIPPED_MAX: u64 = 10_000;

/// Reads items one after the other. Nothing is allocated, and nothing recurses.
pub(super) struct Items<'a> {
    left: &'a [u8],
}

/// The head of an item: what it is, and its number or length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    Unsigned(u64),
    /// The value is -1 - n.
    Negative(u64),
    Bytes(u64),
    Text(u64),
    Array(u64),
    Map(u64),
    Tag(u64),
    /// A simple value or a floating-point number.
    Other,
}

/// A key of a map of header parameters (RFC 9052, section 1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Label<'a> {
    Number(i64),
    Text(&'a str),
}

impl std::fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Label::Number(number) => write!(f, "{number}"),
            Label::Text(text) => f.write_str(text),
        }
    }
}

impl<'a> Items<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Items<'a> {
        Items { left: bytes }
    }

    /// Whether everything was read.
    pub(super) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    fn take(&mut self, bytes: u64) -> Result<&'a [u8], String> {
        let bytes = usize::try_from(bytes).map_err(|_| "it is cut off")?;
        let (taken, left) = self.left.split_at_checked(bytes).ok_or("it is cut off")?;
        self.left = left;
        Ok(taken)
    }

    fn head(&mut self) -> Result<Head, String> {
        let first = self.take(1)?.first().copied().unwrap_or_default();
        let (kind, short) = (first >> 5, first & 0x1f);
        let bytes: u32 = match short {
            0..=23 => 0,
            24..=27 => 1 << (short - 24),
            _ => return Err("it has an item without a definite length".to_owned()),
        };
        let number =
            self.take(u64::from(bytes))?.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        let number = if bytes == 0 { u64::from(short) } else { number };
        Ok(match kind {
            0 => Head::Unsigned(number),
            1 => Head::Negative(number),
            2 => Head::Bytes(number),
            3 => Head::Text(number),
            4 => Head::Array(number),
            5 => Head::Map(number),
            6 => Head::Tag(number),
            _ => Head::Other,
        })
    }

    /// Reads a tag, which must be this one.
    pub(super) fn tag(&mut self, expected: u64) -> Result<(), String> {
        match self.head()? {
            Head::Tag(found) if found == expected => Ok(()),
            found => Err(format!("expected the tag {expected}, found {}", found.word())),
        }
    }

    /// Reads the head of an array, and returns its number of items.
    pub(super) fn array(&mut self) -> Result<u64, String> {
        match self.head()? {
            Head::Array(items) => Ok(items),
            found => Err(format!("expected an array, found {}", found.word())),
        }
    }

    /// Reads the head of a map, and returns its number of entries.
    pub(super) fn map(&mut self) -> Result<u64, String> {
        match self.head()? {
            Head::Map(entries) => Ok(entries),
            found => Err(format!("expected a map, found {}", found.word())),
        }
    }

    /// Reads a byte string.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], String> {
        match self.head()? {
            Head::Bytes(bytes) => self.take(bytes),
            found => Err(format!("expected bytes, found {}", found.word())),
        }
    }

    /// Reads a text.
    pub(super) fn text(&mut self) -> Result<&'a str, String> {
        match self.head()? {
            Head::Text(bytes) => self.text_of(bytes),
            found => Err(format!("expected a text, found {}", found.word())),
        }
    }

    fn text_of(&mut self, bytes: u64) -> Result<&'a str, String> {
        str::from_utf8(self.take(bytes)?).map_err(|_| "a text is not UTF-8".to_owned())
    }

    /// Reads a whole number.
    pub(super) fn number(&mut self) -> Result<i64, String> {
        match self.head()? {
            Head::Unsigned(number) => i64::try_from(number).map_err(|_| "a number is too large".to_owned()),
            Head::Negative(number) => i64::try_from(number)
                .map(|number| -1 - number)
                .map_err(|_| "a number is too small".to_owned()),
            found => Err(format!("expected a whole number, found {}", found.word())),
        }
    }

    /// Reads the key of a map.
    pub(super) fn label(&mut self) -> Result<Label<'a>, String> {
        let is_text = matches!(self.peek()?, Head::Text(_));
        if is_text { self.text().map(Label::Text) } else { self.number().map(Label::Number) }
    }

    /// Whether the next item is a byte string.
    pub(super) fn is_bytes(&self) -> Result<bool, String> {
        Ok(matches!(self.peek()?, Head::Bytes(_)))
    }

    fn peek(&self) -> Result<Head, String> {
        Items { left: self.left }.head()
    }

    /// Passes an item over, with all that is in it.
    pub(super) fn skip(&mut self) -> Result<(), String> {
        let (mut waiting, mut skipped) = (1_u64, 0_u64);
        while waiting > 0 {
            skipped += 1;
            if skipped > SKIPPED_MAX {
                return Err(format!("a value has more than {SKIPPED_MAX} items"));
            }
            waiting -= 1;
            let inside = match self.head()? {
                Head::Bytes(bytes) | Head::Text(bytes) => {
                    self.take(bytes)?;
                    0
                }
                Head::Array(items) => items,
                Head::Map(entries) => entries.saturating_mul(2),
                Head::Tag(_) => 1,
                Head::Unsigned(_) | Head::Negative(_) | Head::Other => 0,
            };
            waiting = waiting.saturating_add(inside);
        }
        Ok(())
    }
}

impl Head {
    fn word(self) -> &'static str {
        match self {
            Head::Unsigned(_) | Head::Negative(_) => "a number",
            Head::Bytes(_) => "bytes",
            Head::Text(_) => "a text",
            Head::Array(_) => "an array",
            Head::Map(_) => "a map",
            Head::Tag(_) => "another tag",
            Head::Other => "another value",
        }
    }
}

/// Writes a byte string.
pub(super) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = (bytes.len() as u64).to_be_bytes();
    match bytes.len() {
        0..=23 => out.extend([0x40 | length[7]]),
        24..=0xff => out.extend([0x58, length[7]]),
        0x100..=0xffff => out.extend([&[0x59], &length[6..]].concat()),
        0x1_0000..=0xffff_ffff => out.extend([&[0x5a], &length[4..]].concat()),
        _ => out.extend([&[0x5b], &length[..]].concat()),
    }
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_read_and_bounded() {
        let read = |bytes: &[u8]| Items::new(bytes).number();
        // RFC 8949, appendix A.
        for (bytes, number) in [
            (&[0x00][..], 0),
            (&[0x17], 23),
            (&[0x18, 0x18], 24),
            (&[0x19, 0x03, 0xe8], 1000),
            (&[0x20], -1),
            (&[0x38, 0x63], -100),
            (&[0x3b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], i64::MIN),
        ] {
            assert_eq!(read(bytes), Ok(number));
        }
        for bytes in [
            &[][..],
            &[0x18],
            &[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x1c],
            &[0x40],
            &[0xf6],
        ] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
        assert_eq!(
            Items::new(&[0x5f, 0x41, 0x00, 0xff]).bytes(),
            Err("it has an item without a definite length".to_owned())
        );
        // It claims to have as many bytes as there can be.
        assert_eq!(
            Items::new(&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).bytes(),
            Err("it is cut off".to_owned())
        );
        // [1, {2: [3, "a"]}, 1(4)] and then 5.
        let nested = [0x83, 0x01, 0xa1, 0x02, 0x82, 0x03, 0x61, 0x61, 0xc1, 0x04, 0x05];
        let mut items = Items::new(&nested);
        items.skip().unwrap();
        assert_eq!((items.number(), items.is_empty()), (Ok(5), true));
        assert!(Items::new(&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00]).skip().is_err());
        assert!(Items::new(&vec![0x81; 20_000]).skip().unwrap_err().contains("more than"));
    }

    #[test]
    fn bytes_are_written_as_they_are_read() {
        for length in [0, 23, 24, 255, 256, 65_535, 65_536] {
            let bytes = vec![7; length];
            let mut out = Vec::new();
            write_bytes(&mut out, &bytes);
            let mut items = Items::new(&out);
            assert_eq!((items.bytes(), items.is_empty()), (Ok(bytes.as_slice()), true));
        }
    }
}
