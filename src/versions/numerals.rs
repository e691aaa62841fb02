//! Numbers of any length, as digits. Versions contain numbers that fit no integer type.

use std::cmp::Ordering;

/// Compares two runs of ASCII digits by their value. No digits are 0.
pub(super) fn order(a: &[u8], b: &[u8]) -> Ordering {
    let (a, b) = (without_zeros(a), without_zeros(b));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Whether the value of a run of digits is 0.
pub(super) fn is_zero(digits: &[u8]) -> bool {
    without_zeros(digits).is_empty()
}

/// Splits off the digits at the start.
pub(super) fn split(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// Whether a text has only digits, and at least one.
pub(super) fn are_all(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

fn without_zeros(digits: &[u8]) -> &[u8] {
    let start = digits.iter().position(|b| *b != b'0').unwrap_or(digits.len());
    digits.get(start..).unwrap_or_default()
}
