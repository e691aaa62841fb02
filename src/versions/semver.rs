//! The order of semantic versions (semver.org 2.0.0, section 11).
//!
//! Advisories and old packages also have shorter forms, such as `1` or `v1.2`, and numbers of any size. So this is not as
//! strict as the specification.

use std::cmp::Ordering;

use super::numerals;

/// A version without its build metadata, which do not count.
pub(super) struct Version<'a> {
    /// The three numbers as digits. An absent one is empty, which is 0.
    pub(super) numbers: [&'a [u8]; 3],
    /// The identifiers after the hyphen.
    pub(super) pre: Option<&'a str>,
}

pub(super) fn read(text: &str) -> Result<Version<'_>, &'static str> {
    let text = text.strip_prefix(['v', 'V', '=']).unwrap_or(text);
    let text = text.split_once('+').map_or(text, |(before_build, _)| before_build);
    let (core, pre) = match text.split_once('-') {
        Some((core, pre)) => (core, Some(pre)),
        None => (text, None),
    };
    let mut numbers: [&[u8]; 3] = [b"", b"", b""];
    // What follows a third number does not count.
    for (place, number) in numbers.iter_mut().zip(core.split('.')) {
        if !numerals::are_all(number.as_bytes()) {
            return Err("its first three parts must be numbers");
        }
        *place = number.as_bytes();
    }
    Ok(Version { numbers, pre })
}

pub(super) fn order(a: &Version<'_>, b: &Version<'_>) -> Ordering {
    let numbers = a.numbers.iter().zip(b.numbers).map(|(a, b)| numerals::order(a, b));
    numbers.fold(Ordering::Equal, Ordering::then).then_with(|| order_of_pre(a.pre, b.pre, str::cmp))
}

/// Compares pre-releases. `words` compares two identifiers that are not numbers.
pub(super) fn order_of_pre(
    a: Option<&str>,
    b: Option<&str>,
    words: impl Fn(&str, &str) -> Ordering,
) -> Ordering {
    let (a, b) = match (a, b) {
        (Some(a), Some(b)) => (a, b),
        // A version is after its pre-releases.
        (a, b) => return b.is_some().cmp(&a.is_some()),
    };
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let (left, right) = match (a.next(), b.next()) {
            (Some(left), Some(right)) => (left, right),
            (left, right) => return left.is_some().cmp(&right.is_some()),
        };
        let found = match (numerals::are_all(left.as_bytes()), numerals::are_all(right.as_bytes())) {
            (true, true) => numerals::order(left.as_bytes(), right.as_bytes()),
            (false, false) => words(left, right),
            // Numbers are before words.
            (number, other) => other.cmp(&number),
        };
        if found != Ordering::Equal {
            return found;
        }
    }
}
