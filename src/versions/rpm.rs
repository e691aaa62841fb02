//! The order of RPM: `[epoch:]version[-release]` (rpm-version(7)).

use std::cmp::Ordering;

use super::numerals;

/// A version in its three parts.
pub(super) struct Version<'a> {
    /// Empty if absent, which is 0.
    epoch: &'a [u8],
    upstream: &'a [u8],
    /// A version without a release is before the same one with any.
    release: Option<&'a [u8]>,
}

#[allow(clippy::unnecessary_wraps)] // All orders have the same form. RPM refuses no text.
pub(super) fn read(text: &str) -> Result<Version<'_>, &'static str> {
    // Only digits before a colon are an epoch. Another colon belongs to the version.
    let (epoch, rest) = match text.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|b| b.is_ascii_digit()) => (epoch, rest),
        _ => ("", text),
    };
    let (version, release) = match rest.rsplit_once('-') {
        Some((version, release)) => (version, Some(release.as_bytes())),
        None => (rest, None),
    };
    Ok(Version { epoch: epoch.as_bytes(), upstream: version.as_bytes(), release })
}

pub(super) fn order(a: &Version<'_>, b: &Version<'_>) -> Ordering {
    numerals::order(a.epoch, b.epoch).then_with(|| order_of_parts(a.upstream, b.upstream)).then_with(
        || match (a.release, b.release) {
            (Some(a), Some(b)) => order_of_parts(a, b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        },
    )
}

/// Compares by segments of digits or letters. What separates them does not count, except `~` and `^`.
fn order_of_parts(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        (a, b) = (after_separators(a), after_separators(b));
        let (place_of_a, place_of_b) = (place(a.first()), place(b.first()));
        if place_of_a != place_of_b {
            return place_of_a.cmp(&place_of_b);
        }
        match place_of_a {
            Place::End => return Ordering::Equal,
            Place::Tilde | Place::Caret => {
                (a, b) = (after_one(a), after_one(b));
                continue;
            }
            Place::Segment => {}
        }
        let ((left, rest_of_a), (right, rest_of_b)) = (segment(a), segment(b));
        let found = match (numerals::are_all(left), numerals::are_all(right)) {
            (true, true) => numerals::order(left, right),
            (false, false) => left.cmp(right),
            // A number is after letters.
            (number, _) => number.cmp(&!number),
        };
        if found != Ordering::Equal {
            return found;
        }
        (a, b) = (rest_of_a, rest_of_b);
    }
}

/// What comes next. A tilde is before the end, a caret after it, and all else after both.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Tilde,
    End,
    Caret,
    Segment,
}

fn place(next: Option<&u8>) -> Place {
    match next {
        Some(b'~') => Place::Tilde,
        None => Place::End,
        Some(b'^') => Place::Caret,
        Some(_) => Place::Segment,
    }
}

/// Splits off the digits or the letters at the start.
fn segment(text: &[u8]) -> (&[u8], &[u8]) {
    if text.first().is_some_and(u8::is_ascii_digit) {
        return numerals::split(text);
    }
    let end = text.iter().position(|b| !b.is_ascii_alphabetic()).unwrap_or(text.len());
    text.split_at(end)
}

fn after_separators(text: &[u8]) -> &[u8] {
    let counts = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'~' | b'^');
    let start = text.iter().position(counts).unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

fn after_one(text: &[u8]) -> &[u8] {
    text.get(1..).unwrap_or_default()
}
