//! A request, and its text.

use std::fmt;

use super::check::check;
use super::words::word;
use crate::format::{Sum, Timestamp};

/// How many ranges a written line has at most. More would be hard to read aloud.
const RANGES_PER_LINE: usize = 4;

/// The first four bytes of the id of a bundle, which other reports print as eight digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShortId(pub [u8; 4]);

impl ShortId {
    /// Returns the short form of an id.
    pub fn of(bundle: &Sum) -> ShortId {
        let [a, b, c, d, ..] = bundle.0;
        ShortId([a, b, c, d])
    }
}

impl fmt::Display for ShortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Numbers from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first number.
    pub first: u32,
    /// The last number, not below the first.
    pub last: u32,
}

impl Range {
    /// Returns the ranges of numbers in ascending order.
    pub fn of(numbers: &[u32]) -> Vec<Range> {
        let mut ranges: Vec<Range> = Vec::new();
        for &number in numbers {
            match ranges.last_mut() {
                Some(range) if range.last + 1 == number => range.last = number,
                _ => ranges.push(Range { first: number, last: number }),
            }
        }
        ranges
    }
}

impl fmt::Display for Range {
    /// `3`, or `9-10`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { first, last } = self;
        if first == last { write!(f, "{first}") } else { write!(f, "{first}-{last}") }
    }
}

/// A request to send chunks of one bundle again. It names at least one chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResendRequest {
    bundle: ShortId,
    sealed: Option<Timestamp>,
    ranges: Vec<Range>,
}

/// How a request is written.
#[derive(Clone, Copy)]
enum Form {
    /// For people: lines, and the words of the list in lower case.
    Lines,
    /// For codes and logs: one line, of characters that codes hold two in eleven bits.
    Compact,
}

impl ResendRequest {
    /// Returns the request for these chunks, in ascending order; `None` if there are none. `sealed` is when the chunks
    /// were sealed, as far as that is known.
    pub fn new(bundle: &Sum, sealed: Option<Timestamp>, chunks: &[u32]) -> Option<ResendRequest> {
        ResendRequest::of_ranges(ShortId::of(bundle), sealed, Range::of(chunks))
    }

    /// Returns the request for these ranges, in ascending order; `None` if there are none.
    pub(super) fn of_ranges(
        bundle: ShortId,
        sealed: Option<Timestamp>,
        ranges: Vec<Range>,
    ) -> Option<ResendRequest> {
        (!ranges.is_empty()).then_some(ResendRequest { bundle, sealed, ranges })
    }

    /// Returns the short id of the bundle.
    pub fn bundle(&self) -> ShortId {
        self.bundle
    }

    /// Returns whether the request is for this bundle.
    pub fn is_for(&self, bundle: &Sum) -> bool {
        ShortId::of(bundle) == self.bundle
    }

    /// Returns when the chunks were sealed, if the request says that. It is not signed.
    pub fn sealed(&self) -> Option<Timestamp> {
        self.sealed
    }

    /// Returns the ranges of chunk numbers, in ascending order.
    pub fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// Returns the numbers of the chunks, in ascending order.
    pub fn chunks(&self) -> impl Iterator<Item = u32> {
        self.ranges.iter().flat_map(|range| range.first..=range.last)
    }

    /// Returns the highest number.
    pub fn highest(&self) -> u32 {
        self.ranges.last().map_or(0, |range| range.last)
    }

    /// Returns the request in one line, for codes and logs.
    pub fn compact(&self) -> String {
        self.texts(Form::Compact).join(" ")
    }

    /// Returns the first line, and the lines with the ranges. The first and any of the others are a text that can be read.
    pub fn compact_lines(&self) -> Vec<String> {
        self.texts(Form::Compact)
    }

    fn texts(&self, form: Form) -> Vec<String> {
        let parts: Vec<&[Range]> = self.ranges.chunks(RANGES_PER_LINE).collect();
        let lines = u32::try_from(parts.len()).expect("chunk numbers are bounded");
        let id = self.bundle.0.map(|byte| form.word(byte)).join(" ");
        let sealed = self.sealed.map(|time| form.time(time)).unwrap_or_default();
        let head = format!("RESEND {id} {sealed}LINES {lines} CHECK ");
        let head = head + &form.words(check(&head_text(self.bundle, self.sealed, lines)));
        let line = |(number, ranges): (u32, &&[Range])| {
            let checked = form.words(check(&line_text(number, lines, self.bundle, ranges)));
            let ranges: Vec<String> = ranges.iter().map(|range| form.range(*range)).collect();
            match form {
                Form::Lines => format!("LINE {number}: {} CHECK {checked}", ranges.join(", ")),
                Form::Compact => format!("LINE {number} {} CHECK {checked}", ranges.join(" ")),
            }
        };
        std::iter::once(head).chain((1..).zip(&parts).map(line)).collect()
    }
}

impl fmt::Display for ResendRequest {
    /// Writes the request in lines for people, each with its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.texts(Form::Lines).iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl serde::Serialize for ResendRequest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.compact())
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for ResendRequest {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ResendRequest".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^RESEND " })
    }
}

impl Form {
    fn word(self, byte: u8) -> String {
        match self {
            Form::Lines => word(byte).to_owned(),
            Form::Compact => word(byte).to_ascii_uppercase(),
        }
    }

    fn words(self, bytes: [u8; 2]) -> String {
        bytes.map(|byte| self.word(byte)).join(" ")
    }

    fn range(self, range: Range) -> String {
        match self {
            Form::Lines if range.first < range.last => format!("{} to {}", range.first, range.last),
            Form::Lines | Form::Compact => range.to_string(),
        }
    }

    fn time(self, time: Timestamp) -> String {
        match self {
            Form::Lines => format!("SEALED {} ", time.to_string().replace('T', " ").trim_end_matches('Z')),
            Form::Compact => format!("SEALED {} ", digits(time)),
        }
    }
}

/// The fourteen digits of a time.
pub(super) fn digits(time: Timestamp) -> String {
    time.to_string().chars().filter(char::is_ascii_digit).collect()
}

/// The text of the first line that its check words are made of.
pub(super) fn head_text(bundle: ShortId, sealed: Option<Timestamp>, lines: u32) -> String {
    let sealed = sealed.map_or_else(|| "-".to_owned(), digits);
    format!("RESEND {bundle} {sealed} {lines}")
}

/// The text of another line that its check words are made of.
pub(super) fn line_text(number: u32, lines: u32, bundle: ShortId, ranges: &[Range]) -> String {
    let mut text = format!("LINE {number} OF {lines} {bundle}");
    for range in ranges {
        text += &format!(" {range}");
    }
    text
}
