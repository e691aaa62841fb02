//! Rows: a head with the types of the values, then the values.

/// A value of a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// No value. The number of the row is stored so, too.
    Null,
    /// An integer.
    Number(i64),
    /// The bytes of a text or a blob.
    Bytes(&'a [u8]),
    /// A number with a fraction.
    Fraction,
}

/// Reads 1 to 9 bytes of 7 bits each, the most significant first; the ninth has 8.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().take(9).enumerate() {
        if at == 8 {
            return Some((value << 8 | u64::from(*byte), bytes.get(9..)?));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(at + 1..)?));
        }
    }
    None
}

/// Reads the values of a row. Ends early if the row does.
pub(super) fn values(row: &[u8]) -> impl Iterator<Item = Value<'_>> {
    let head = varint(row).and_then(|(length, types)| {
        let length = usize::try_from(length).ok()?;
        let of_length = row.len().checked_sub(types.len())?;
        Some((types.get(..length.checked_sub(of_length)?)?, row.get(length..)?))
    });
    let (mut types, mut rest) = head.unwrap_or_default();
    std::iter::from_fn(move || {
        let (kind, after) = varint(types)?;
        types = after;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None, // Never in a file.
            _ => (kind - 12) / 2,
        };
        let (bytes, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        rest = after;
        Some(match kind {
            0 => Value::Null,
            1..=6 => Value::Number(integer(bytes)),
            7 => Value::Fraction,
            8 => Value::Number(0),
            9 => Value::Number(1),
            _ => Value::Bytes(bytes),
        })
    })
}

/// Reads a signed number of up to 8 bytes, the most significant first.
fn integer(bytes: &[u8]) -> i64 {
    let sign = bytes.first().map_or(0, |byte| if byte & 0x80 == 0 { 0 } else { -1 });
    bytes.iter().fold(sign, |value, byte| value << 8 | i64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_of_any_length() {
        assert_eq!(varint(&[0x81, 0x00, 7]), Some((128, &[7][..])));
        assert_eq!(varint(&[0xff; 9]), Some((u64::MAX, &[][..])));
        assert_eq!(varint(&[0x80; 8]), None);
    }

    #[test]
    fn reads_values_by_their_types() {
        let row = [7, 0, 1, 2, 9, 0x13, 0x10, 0xfe, 0x01, 0x00, b'a', b'b', b'c', 1, 2];
        let expected = [
            Value::Null,
            Value::Number(-2),
            Value::Number(256),
            Value::Number(1),
            Value::Bytes(b"abc"),
            Value::Bytes(&[1, 2]),
        ];
        assert_eq!(values(&row).collect::<Vec<_>>(), expected);
        assert_eq!(values(&row[..12]).count(), 4);
        assert_eq!(values(&[200]).count(), 0);
    }
}
