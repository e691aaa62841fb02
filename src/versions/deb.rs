//! The order of Debian: `[epoch:]upstream[-revision]` (deb-version(7)).

use std::cmp::Ordering;

use super::numerals;

/// A version in its three parts. A part that is absent is empty.
pub(super) struct Version<'a> {
    epoch: &'a [u8],
    upstream: &'a [u8],
    revision: &'a [u8],
}

pub(super) fn read(text: &str) -> Result<Version<'_>, &'static str> {
    let (epoch, rest) = match text.split_once(':') {
        Some((epoch, _)) if !numerals::are_all(epoch.as_bytes()) => return Err("the epoch is not a number"),
        Some((epoch, rest)) => (epoch, rest),
        None => ("", text),
    };
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    if upstream.is_empty() {
        return Err("there is nothing before the revision");
    }
    Ok(Version { epoch: epoch.as_bytes(), upstream: upstream.as_bytes(), revision: revision.as_bytes() })
}

pub(super) fn order(a: &Version<'_>, b: &Version<'_>) -> Ordering {
    numerals::order(a.epoch, b.epoch)
        .then_with(|| order_of_parts(a.upstream, b.upstream))
        .then_with(|| order_of_parts(a.revision, b.revision))
}

/// Compares by turns what is not a number and what is one.
fn order_of_parts(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        loop {
            let (left, right) = (weight(a.first()), weight(b.first()));
            if left != right {
                return left.cmp(&right);
            }
            if left == 0 {
                break; // both at a number or at their end
            }
            (a, b) = (after_one(a), after_one(b));
        }
        let ((left, rest_of_a), (right, rest_of_b)) = (numerals::split(a), numerals::split(b));
        let found = numerals::order(left, right);
        if found != Ordering::Equal {
            return found;
        }
        (a, b) = (rest_of_a, rest_of_b);
    }
    Ordering::Equal
}

/// A tilde is before the end, the end before letters, letters before all else.
fn weight(byte: Option<&u8>) -> i32 {
    match byte {
        None => 0,
        Some(b'~') => -1,
        Some(digit) if digit.is_ascii_digit() => 0,
        Some(letter) if letter.is_ascii_alphabetic() => i32::from(*letter),
        Some(other) => i32::from(*other) + 256,
    }
}

fn after_one(text: &[u8]) -> &[u8] {
    text.get(1..).unwrap_or_default()
}
