//! The order of RubyGems: numbers and words, where a word makes a pre-release (`Gem::Version`).

use std::cmp::Ordering;

use super::numerals;

/// A number or a word of a version.
#[derive(Clone, Copy)]
enum Segment<'a> {
    Number(&'a [u8]),
    Word(&'a [u8]),
}

impl Segment<'_> {
    fn is_zero(self) -> bool {
        matches!(self, Segment::Number(digits) if numerals::is_zero(digits))
    }
}

/// The segments of a version, without zeros at the end and before the first word.
pub(super) struct Version<'a> {
    segments: Vec<Segment<'a>>,
}

pub(super) fn read(text: &str) -> Result<Version<'_>, &'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+');
    if !text.bytes().all(allowed) {
        return Err("it may have only letters, digits, dots and hyphens");
    }
    let mut segments: Vec<Segment<'_>> = Vec::new();
    let mut is_pre = false;
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let segment = if byte.is_ascii_digit() {
            let (number, after) = numerals::split(rest);
            rest = after;
            Segment::Number(number)
        } else if byte.is_ascii_alphabetic() {
            let end = rest.iter().position(|b| !b.is_ascii_alphabetic()).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after;
            Segment::Word(word)
        } else {
            rest = after;
            if *byte != b'-' {
                continue;
            }
            // A hyphen starts a pre-release, as in semantic versions.
            Segment::Word(b"pre")
        };
        if matches!(segment, Segment::Word(_)) && !is_pre {
            is_pre = true;
            drop_zeros(&mut segments);
        }
        segments.push(segment);
    }
    drop_zeros(&mut segments);
    Ok(Version { segments })
}

pub(super) fn order<'a>(a: &Version<'a>, b: &Version<'a>) -> Ordering {
    let places = a.segments.len().max(b.segments.len());
    let by_place = (0..places).map(|place| {
        // An absent segment is the number 0.
        let segment =
            |version: &Version<'a>| version.segments.get(place).copied().unwrap_or(Segment::Number(b""));
        match (segment(a), segment(b)) {
            (Segment::Number(a), Segment::Number(b)) => numerals::order(a, b),
            (Segment::Word(a), Segment::Word(b)) => a.cmp(b),
            (Segment::Word(_), Segment::Number(_)) => Ordering::Less,
            (Segment::Number(_), Segment::Word(_)) => Ordering::Greater,
        }
    });
    by_place.into_iter().find(|found| *found != Ordering::Equal).unwrap_or(Ordering::Equal)
}

fn drop_zeros(segments: &mut Vec<Segment<'_>>) {
    while segments.pop_if(|last| last.is_zero()).is_some() {}
}
