//! The numbers in a tar archive, read so that all readers agree.

/// Reads a numeric field of a header: octal digits, or a number in base 256 (GNU). `None` if it is not a number that
/// every reader reads the same way: signs, other characters, a negative number, or more than 64 bits.
pub(super) fn field(bytes: &[u8]) -> Option<u64> {
    if let [0x80, rest @ ..] = bytes {
        let (high, low) = rest.split_at(rest.len().checked_sub(8)?);
        let low = low.try_into().ok()?;
        return high.iter().all(|&b| b == 0).then(|| u64::from_be_bytes(low));
    }
    let text = bytes.trim_ascii_start();
    let digits = text.iter().take_while(|b| matches!(b, b'0'..=b'7')).count();
    let (digits, end) = text.split_at(digits);
    if digits.is_empty() || !end.iter().all(|b| matches!(b, b' ' | 0)) {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| number.checked_mul(8)?.checked_add(u64::from(digit - b'0')))
}

/// Reads a number of a PAX record: decimal digits only. `None` if there is anything else, or more than 64 bits.
pub(super) fn decimal(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0_u64, |number, byte| match byte {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::{decimal, field};

    #[test]
    fn header_fields_are_read_strictly() {
        for (bytes, number) in [
            (&b"00000000017\0"[..], Some(0o17)),
            (b"         17 ", Some(0o17)),
            (b"777777777777", Some(0o777_777_777_777)),
            (b"\x80\0\0\0\0\0\0\x02\0\0\0\x01", Some(0x02_0000_0001)),
            (b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", Some(u64::MAX)),
            (b"\x80\0\0\x01\0\0\0\0\0\0\0\x01", None),
            (b"\x81\0\0\0\0\0\0\0\0\0\0\x01", None),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
            (b"\x80\0\0", None),
            (b"+0000000017\0", None),
            (b"-0000000017\0", None),
            (b"00000000018\0", None),
            (b"0000000017\0x", None),
            (b"0000 000017\0", None),
            (b"\0\0\0\0\0\0\0\0\0\0\0\0", None),
            (b"", None),
        ] {
            assert_eq!(field(bytes), number, "{bytes:?}");
        }
    }

    #[test]
    fn decimals_are_read_strictly() {
        for (text, number) in [
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("+1", None),
            ("-1", None),
            (" 1", None),
            ("1.0", None),
            ("0x1", None),
            ("", None),
        ] {
            assert_eq!(decimal(text.as_bytes()), number, "{text}");
        }
    }
}
