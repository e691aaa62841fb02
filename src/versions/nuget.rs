//! The order of NuGet: as semantic versions, but with any number of numbers (four are usual), and without regard to case.

use std::cmp::Ordering;

use super::{numerals, semver};

/// A version without its build metadata, which do not count.
pub(super) struct Version<'a> {
    /// Numbers with dots between them. They were checked.
    numbers: &'a str,
    pre: Option<&'a str>,
}

pub(super) fn read(text: &str) -> Result<Version<'_>, &'static str> {
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let text = text.split_once('+').map_or(text, |(before_build, _)| before_build);
    let (numbers, pre) = match text.split_once('-') {
        Some((numbers, pre)) => (numbers, Some(pre)),
        None => (text, None),
    };
    if numbers.split('.').all(|number| numerals::are_all(number.as_bytes())) {
        Ok(Version { numbers, pre })
    } else {
        Err("the parts before its hyphen must be numbers")
    }
}

pub(super) fn order(a: &Version<'_>, b: &Version<'_>) -> Ordering {
    let (mut left, mut right) = (a.numbers.split('.'), b.numbers.split('.'));
    loop {
        let found = match (left.next(), right.next()) {
            (None, None) => break,
            // An absent number is 0.
            (a, b) => numerals::order(a.unwrap_or_default().as_bytes(), b.unwrap_or_default().as_bytes()),
        };
        if found != Ordering::Equal {
            return found;
        }
    }
    semver::order_of_pre(a.pre, b.pre, |a, b| {
        let lower = |text: &str| text.to_ascii_lowercase();
        lower(a).cmp(&lower(b))
    })
}
