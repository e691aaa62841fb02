//! Durations as operators write them.

/// Reads `30s`, `5m`, `1h` or `60d` as seconds; `None` for anything else, and for 0.
pub fn seconds(text: &str) -> Option<u64> {
    let unit = match text.as_bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 86_400,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    let number: u64 = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    number.checked_mul(unit).filter(|&seconds| seconds > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_whole_numbers_with_a_unit() {
        for (text, expected) in [("30s", 30), ("5m", 300), ("1h", 3600), ("60d", 5_184_000)] {
            assert_eq!(seconds(text), Some(expected));
        }
        for text in ["", "s", "1", "1.5h", "-1s", "+1s", "0s", "1w", "1 s", "é", "99999999999999999999d"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
