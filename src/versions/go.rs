//! The order of Go modules (go.dev/ref/mod, "Versions"): semantic versions, with `v` before them.
//!
//! Go itself has names of its own, such as `go1.22.1` and `go1.21rc2`. They are compared as 1.22.1 and 1.21.0-rc.2, the
//! way that advisories for the standard library name them.

use std::cmp::Ordering;

use super::{numerals, semver};

/// A version of a module, or of Go.
pub(super) struct Version<'a> {
    version: semver::Version<'a>,
    /// `beta1` or `rc2` after the numbers of a release of Go.
    stage: Option<(&'a str, &'a [u8])>,
}

pub(super) fn read(text: &str) -> Result<Version<'_>, &'static str> {
    let Some(release) = text.strip_prefix("go") else {
        return Ok(Version { version: semver::read(text)?, stage: None });
    };
    // Experiments and distributions add a word, e.g. `go1.22.1 X:boringcrypto` and `go1.22.1-custom`.
    let release = release.split([' ', '-']).next().unwrap_or_default();
    let end = release.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(release.len());
    let (numbers, stage) = release.split_at(end);
    let version = semver::read(numbers)?;
    let stage = match stage.find(|c: char| c.is_ascii_digit()).map(|at| stage.split_at(at)) {
        None if stage.is_empty() => None,
        Some((word, number)) if numerals::are_all(number.as_bytes()) => Some((word, number.as_bytes())),
        _ => return Err("after its numbers there must be a word and a number, or nothing"),
    };
    Ok(Version { version, stage })
}

pub(super) fn order(a: &Version<'_>, b: &Version<'_>) -> Ordering {
    match (a.stage, b.stage) {
        (None, None) => semver::order(&a.version, &b.version),
        (Some((left, m)), Some((right, n))) => {
            let numbers = semver::order(&a.version, &b.version);
            numbers.then_with(|| left.cmp(right)).then_with(|| numerals::order(m, n))
        }
        (Some(stage), None) => order_of_stage(&a.version, stage, &b.version),
        (None, Some(stage)) => order_of_stage(&b.version, stage, &a.version).reverse(),
    }
}

/// Compares a release of Go in a stage with a semantic version.
fn order_of_stage(
    a: &semver::Version<'_>,
    (word, number): (&str, &[u8]),
    b: &semver::Version<'_>,
) -> Ordering {
    let plain = semver::Version { numbers: b.numbers, pre: None };
    let pre = format!("{word}.{}", String::from_utf8_lossy(number));
    semver::order(a, &plain).then_with(|| semver::order_of_pre(Some(&pre), b.pre, str::cmp))
}
