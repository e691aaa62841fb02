//! The order of Alpine: `number{.number}[letter]{_suffix[number]}[~hash][-rnumber]`, as `apk version -t` compares.
//!
//! apk compares texts that do not have this form, too: up to the place where the form breaks.

use std::cmp::Ordering;

use super::numerals;

/// Suffixes of versions before the one without a suffix, in their order.
const BEFORE: [&str; 4] = ["alpha", "beta", "pre", "rc"];

/// Suffixes of versions after it, in their order.
const AFTER: [&str; 5] = ["cvs", "svn", "git", "hg", "p"];

/// A part of a version. The order of the variants is that of apk: of two versions that differ in the kind of a part,
/// the one with the earlier kind is the later version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    First(&'a [u8]),
    Number(&'a [u8]),
    Letter(u8),
    /// Negative before the plain version, positive after it.
    Suffix(i8),
    SuffixNumber(&'a [u8]),
    Hash(&'a [u8]),
    Revision(&'a [u8]),
    End,
    /// The rest does not have the form of a version.
    Broken,
}

impl Part<'_> {
    fn kind(self) -> u8 {
        match self {
            Part::First(_) => 0,
            // apk takes a dot without digits for the worst kind, if the other version has no dot there.
            Part::Number(digits) => {
                if digits.is_empty() {
                    8
                } else {
                    1
                }
            }
            Part::Letter(_) => 2,
            Part::Suffix(_) => 3,
            Part::SuffixNumber(_) => 4,
            Part::Hash(_) => 5,
            Part::Revision(_) => 6,
            Part::End => 7,
            Part::Broken => 8,
        }
    }
}

/// A version that is read part by part.
#[derive(Clone, Copy)]
pub(super) struct Version<'a> {
    text: &'a [u8],
}

#[allow(clippy::unnecessary_wraps)] // All orders have the same form. apk refuses no text.
pub(super) fn read(text: &str) -> Result<Version<'_>, &'static str> {
    Ok(Version { text: text.as_bytes() })
}

pub(super) fn order(a: &Version<'_>, b: &Version<'_>) -> Ordering {
    let (mut rest_of_a, mut rest_of_b) = (a.text, b.text);
    let (mut a, mut b) = (first(&mut rest_of_a), first(&mut rest_of_b));
    loop {
        let found = match (a, b) {
            (Part::End, Part::End) | (Part::Broken, Part::Broken) => return Ordering::Equal,
            // Numbers that begin with 0 are compared as text, as decimal fractions are.
            (Part::Number(a), Part::Number(b)) if a.first() == Some(&b'0') || b.first() == Some(&b'0') => {
                a.cmp(b)
            }
            (Part::First(a), Part::First(b))
            | (Part::Number(a), Part::Number(b))
            | (Part::SuffixNumber(a), Part::SuffixNumber(b))
            | (Part::Revision(a), Part::Revision(b)) => numerals::order(a, b),
            (Part::Letter(a), Part::Letter(b)) => a.cmp(&b),
            (Part::Suffix(a), Part::Suffix(b)) => a.cmp(&b),
            (Part::Hash(a), Part::Hash(b)) => a.cmp(b),
            (Part::Suffix(suffix), _) if suffix < 0 => Ordering::Less,
            (_, Part::Suffix(suffix)) if suffix < 0 => Ordering::Greater,
            (a, b) if a.kind() == b.kind() => return Ordering::Equal,
            (a, b) => b.kind().cmp(&a.kind()),
        };
        if found != Ordering::Equal {
            return found;
        }
        (a, b) = (next(a, &mut rest_of_a), next(b, &mut rest_of_b));
    }
}

fn first<'a>(rest: &mut &'a [u8]) -> Part<'a> {
    Part::First(digits(rest))
}

/// The part after `last`. It takes the bytes of the part from `rest`.
fn next<'a>(last: Part<'_>, rest: &mut &'a [u8]) -> Part<'a> {
    let Some((byte, after)) = rest.split_first() else { return Part::End };
    let in_numbers = matches!(last, Part::First(_) | Part::Number(_));
    let before_hash = in_numbers || matches!(last, Part::Letter(_) | Part::Suffix(_) | Part::SuffixNumber(_));
    match byte {
        b'.' if in_numbers => {
            *rest = after;
            Part::Number(digits(rest))
        }
        b'a'..=b'z' if in_numbers => {
            *rest = after;
            Part::Letter(*byte)
        }
        // A number after a letter is not in the form, but apk has long compared it.
        b'0'..=b'9' if matches!(last, Part::Suffix(_) | Part::Letter(_)) => Part::SuffixNumber(digits(rest)),
        b'_' if before_hash => {
            *rest = after;
            suffix(rest)
        }
        b'~' if before_hash => {
            let end = after.iter().position(|b| !b.is_ascii_hexdigit()).unwrap_or(after.len());
            let (hash, after) = after.split_at(end);
            *rest = after;
            if hash.is_empty() { Part::Broken } else { Part::Hash(hash) }
        }
        b'-' if before_hash || matches!(last, Part::Hash(_)) => match after.split_first() {
            Some((b'r', after)) if !after.first().is_some_and(u8::is_ascii_alphabetic) => {
                *rest = after;
                Part::Revision(digits(rest))
            }
            _ => Part::Broken,
        },
        _ => Part::Broken,
    }
}

fn suffix<'a>(rest: &mut &'a [u8]) -> Part<'a> {
    let end = rest.iter().position(|b| !b.is_ascii_lowercase()).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    *rest = after;
    let place = |known: &[&str]| known.iter().position(|known| known.as_bytes() == word);
    let weight = |place: usize| i8::try_from(place).unwrap_or(i8::MAX);
    match (place(&BEFORE), place(&AFTER)) {
        (Some(place), _) => Part::Suffix(weight(place) - 4),
        (_, Some(place)) => Part::Suffix(weight(place)),
        _ => Part::Broken,
    }
}

/// Takes the digits at the start of `rest`.
fn digits<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let (digits, after) = numerals::split(rest);
    *rest = after;
    digits
}
