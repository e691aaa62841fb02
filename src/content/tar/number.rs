//! The numbers in a tar archive, read as runtimes read them.

/// A numeric field of a header: octal digits between spaces and zero bytes, nothing at all for 0, or a number in base
/// 256, which may be negative (GNU). `None` if it is anything else, or has more than 64 bits.
pub(super) fn field(bytes: &[u8]) -> Option<i64> {
    let &first = bytes.first()?;
    if first & 0x80 != 0 {
        // Two's complement of a width of 8 times the length, less the marking bit.
        let negative = first & 0x40 != 0;
        let start = if negative { i128::from(first) - 0x100 } else { i128::from(first & 0x3f) };
        let mut number = start;
        for &byte in bytes.get(1..)? {
            number = number.checked_mul(256)?.checked_add(i128::from(byte))?;
        }
        return i64::try_from(number).ok();
    }
    let is_filler = |byte: &u8| matches!(byte, b' ' | 0);
    let start = bytes.iter().position(|byte| !is_filler(byte)).unwrap_or(bytes.len());
    let text = bytes.get(start..)?;
    let digits = text.get(..text.iter().position(is_filler).unwrap_or(text.len()))?;
    digits.iter().try_fold(0_i64, |number, digit| match digit {
        b'0'..=b'7' => number.checked_mul(8)?.checked_add(i64::from(digit - b'0')),
        _ => None,
    })
}

/// A whole number of a PAX record: decimal digits, perhaps behind a minus.
pub(super) fn decimal(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_i64, |number, byte| match byte {
        b'0'..=b'9' => {
            let digit = i64::from(byte - b'0');
            let number = number.checked_mul(10)?;
            if negative { number.checked_sub(digit) } else { number.checked_add(digit) }
        }
        _ => None,
    })
}

/// A time of a PAX record: seconds since 1970, perhaps with a fraction, which is cut off towards the past.
pub(super) fn time(bytes: &[u8]) -> Option<i64> {
    let mut parts = bytes.splitn(2, |&byte| byte == b'.');
    let seconds = decimal(parts.next()?)?;
    let fraction = parts.next().unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let past = bytes.starts_with(b"-") && fraction.iter().any(|&digit| digit != b'0');
    if past { seconds.checked_sub(1) } else { Some(seconds) }
}

/// The owner that a runtime gives to a file for a number. -1 means "leave it" to chown(2), so the file stays with root;
/// other negative numbers are cut to 32 bits.
pub(super) fn owner(number: i64) -> u64 {
    match number {
        -1 => 0,
        number => u64::try_from(number).unwrap_or(number.cast_unsigned() & u64::from(u32::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::{decimal, field, time};

    #[test]
    fn header_fields_are_read_as_runtimes_do() {
        for (bytes, number) in [
            (&b"00000000017\0"[..], Some(0o17)),
            (b"         17 ", Some(0o17)),
            (b"\0\0 17\0\0", Some(0o17)),
            (b"0000017\0x", Some(0o17)),
            (b"777777777777", Some(0o777_777_777_777)),
            (b"\x80\0\0\0\0\0\0\x02\0\0\0\x01", Some(0x02_0000_0001)),
            (b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", Some(i64::MAX)),
            (b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", None),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xfe", Some(-2)),
            (b"\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", None),
            (b"+0000000017\0", None),
            (b"-0000000017\0", None),
            (b"00000000018\0", None),
            (b"\0\0\0\0", Some(0)),
            (b"7777777777777777777777777", None),
            (b"", None),
        ] {
            assert_eq!(field(bytes), number, "{bytes:?}");
        }
    }

    #[test]
    fn records_have_decimals_and_times() {
        for (text, number) in [
            ("0", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("-9223372036854775808", Some(i64::MIN)),
            ("-1", Some(-1)),
            ("+1", None),
            (" 1", None),
            ("-", None),
            ("", None),
        ] {
            assert_eq!(decimal(text.as_bytes()), number, "{text}");
        }
        for (text, number) in [
            ("1700000000.5", Some(1_700_000_000)),
            ("1", Some(1)),
            ("1.", Some(1)),
            ("-1.5", Some(-2)),
            ("-1.0", Some(-1)),
            ("1.x", None),
            (".5", None),
            ("1.5.5", None),
        ] {
            assert_eq!(time(text.as_bytes()), number, "{text}");
        }
    }
}
