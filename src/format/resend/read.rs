//! Reads requests from a text that was dictated, typed or photographed (docs/resend.md, "Reading").

use std::collections::BTreeMap;

use super::check::check;
use super::error::{Fault, Line, RequestError};
use super::likely;
use super::parts::Parts;
use super::request::{Range, ResendRequest, ShortId, digits, head_text, line_text};
use super::tokens::{Token, tokens};
use super::words::nearest_keyword;
use crate::format::Timestamp;
use crate::format::limits::CHUNK_NUMBER_MAX;

/// The longest text that is read, in bytes: room for every second of 100,000 chunks.
pub const REQUEST_BYTES_MAX: usize = 1 << 20;

/// The most ranges of a line.
const RANGES_MAX: usize = 16;

/// Reads the requests in a text. What stands before the first is passed over. The lines of a request may come in any order
/// and several times, and so may its first line: that is what several codes of one request give.
///
/// # Errors
/// [`RequestError`], which names each wrong line.
pub fn read(text: &str) -> Result<Vec<ResendRequest>, RequestError> {
    if text.len() > REQUEST_BYTES_MAX {
        return Err(RequestError::TooLong { limit: REQUEST_BYTES_MAX });
    }
    let tokens = tokens(text);
    let Some(start) = tokens.iter().position(|token| token.is("RESEND")) else {
        let resembles = |token: &&Token<'_>| nearest_keyword(token.text()).as_deref() == Some("RESEND");
        return Err(RequestError::Absent {
            found: tokens.iter().find(resembles).map(|token| token.text().to_owned()),
        });
    };
    let mut faults = Vec::new();
    let mut readings: Vec<Reading> = Vec::new();
    // The request that the next lines belong to; none after a first line that is wrong.
    let mut current = None;
    let mut before = 0;
    for section in sections(&tokens[start..]) {
        if section[0].is("RESEND") {
            before = 0;
            current = match head(section) {
                Ok(head) => Some(readings.iter().position(|known| known.head == head).unwrap_or_else(|| {
                    readings.push(Reading { head, lines: BTreeMap::new() });
                    readings.len() - 1
                })),
                Err(fault) => {
                    faults.push(fault);
                    None
                }
            };
            continue;
        }
        let Some(at) = current else { continue };
        let reading = &mut readings[at];
        match line(section, &reading.head, before).and_then(|(number, ranges)| reading.take(number, ranges)) {
            Ok(()) => before += 1,
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        readings.into_iter().map(Reading::finish).collect()
    } else {
        Err(RequestError::Wrong { faults })
    }
}

/// Splits a text before each line. The first part begins with RESEND.
fn sections<'t, 'a>(tokens: &'t [Token<'a>]) -> impl Iterator<Item = &'t [Token<'a>]> {
    let begins = |token: &Token<'_>| token.is("RESEND") || token.is("LINE");
    tokens.chunk_by(move |_, next| !begins(next))
}

/// What the first line says.
#[derive(PartialEq, Eq)]
struct Head {
    bundle: ShortId,
    sealed: Option<Timestamp>,
    lines: u32,
}

/// The lines of a request that were read so far.
struct Reading {
    head: Head,
    lines: BTreeMap<u32, Vec<Range>>,
}

impl Reading {
    fn take(&mut self, number: u32, ranges: Vec<Range>) -> Result<(), Fault> {
        let fault = |problem: String| Err(Fault { line: Line::Number(number), problem });
        if number == 0 || number > self.head.lines {
            return fault(format!("expected a line from 1 to {}", self.head.lines));
        }
        match self.lines.get(&number) {
            Some(known) if *known != ranges => fault("it was given twice, and differs".to_owned()),
            _ => {
                self.lines.insert(number, ranges);
                Ok(())
            }
        }
    }

    fn finish(self) -> Result<ResendRequest, RequestError> {
        let Head { bundle, sealed, lines } = self.head;
        let missing: Vec<u32> = (1..=lines).filter(|number| !self.lines.contains_key(number)).collect();
        if !missing.is_empty() {
            return Err(RequestError::Incomplete { bundle: bundle.to_string(), missing });
        }
        let mut all: Vec<Range> = Vec::new();
        for (number, ranges) in self.lines {
            for range in ranges {
                if let Some(before) = all.last().filter(|before| before.last >= range.first) {
                    let problem = format!(
                        "expected numbers in ascending order, found {} after {}",
                        range.first, before.last
                    );
                    return Err(RequestError::Wrong {
                        faults: vec![Fault { line: Line::Number(number), problem }],
                    });
                }
                all.push(range);
            }
        }
        ResendRequest::of_ranges(bundle, sealed, all).ok_or_else(|| RequestError::Wrong {
            faults: vec![Fault {
                line: Line::First,
                problem: "expected at least 1 line, found 0".to_owned(),
            }],
        })
    }
}

/// Reads the first line.
fn head(section: &[Token<'_>]) -> Result<Head, Fault> {
    let mut parts = Parts { line: Line::First, tokens: section, at: 0 };
    parts.keyword(&["RESEND"])?;
    let bundle = ShortId([parts.listed()?, parts.listed()?, parts.listed()?, parts.listed()?]);
    let mut numbers = Numbers::default();
    let is_sealed = parts.keyword(&["SEALED", "LINES"])? == "SEALED";
    if is_sealed {
        numbers.add(parts.position() + 1, parts.digits()?);
        parts.keyword(&["LINES"])?;
    }
    numbers.add(parts.position() + 1, parts.number()?.to_owned());
    let checked = parts.check()?;
    let head = |texts: &[String]| {
        let sealed = if is_sealed { Some(time(&texts[0])?) } else { None };
        let lines = texts.last()?.parse().ok().filter(|lines| *lines <= CHUNK_NUMBER_MAX)?;
        (check(&head_text(bundle, sealed, lines)) == checked).then_some(Head { bundle, sealed, lines })
    };
    head(&numbers.texts).ok_or_else(|| numbers.misfit(Line::First, &|texts| head(texts).is_some()))
}

/// Reads another line. Returns its number and its ranges.
fn line(section: &[Token<'_>], first: &Head, before: u32) -> Result<(u32, Vec<Range>), Fault> {
    let mut parts = Parts { line: Line::After(before), tokens: section, at: 0 };
    parts.keyword(&["LINE"])?;
    let mut numbers = Numbers::default();
    let text = parts.number()?;
    numbers.add(parts.position(), text.to_owned());
    let line = chunk_number(text).map_or(Line::After(before), Line::Number);
    parts.line = line;
    // For each range whether it has a last number.
    let mut shape: Vec<bool> = Vec::new();
    while shape.is_empty() || !parts.next_is("CHECK") {
        if shape.len() == RANGES_MAX {
            return Err(parts.fault(&format!("CHECK after at most {RANGES_MAX} ranges")));
        }
        let first = parts.number()?;
        numbers.add(parts.position(), first.to_owned());
        let is_range = parts.take_to();
        if is_range {
            let last = parts.number()?;
            numbers.add(parts.position(), last.to_owned());
        }
        shape.push(is_range);
    }
    let checked = parts.check()?;
    let read = |texts: &[String]| {
        let mut values = texts.iter().map(|text| chunk_number(text));
        let number = values.next()??;
        let mut ranges = Vec::with_capacity(shape.len());
        for is_range in &shape {
            let first = values.next()??;
            let last = if *is_range { values.next()?? } else { first };
            ranges.push(Range { first, last });
        }
        let is_ordered = ranges.iter().all(|range| range.first <= range.last)
            && ranges.windows(2).all(|pair| pair[0].last < pair[1].first);
        let fits = check(&line_text(number, first.lines, first.bundle, &ranges)) == checked;
        (is_ordered && fits).then_some((number, ranges))
    };
    read(&numbers.texts).ok_or_else(|| numbers.misfit(line, &|texts| read(texts).is_some()))
}

fn chunk_number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| *number <= CHUNK_NUMBER_MAX)
}

/// Reads the fourteen digits of a time.
fn time(text: &str) -> Option<Timestamp> {
    let part = |from: usize, to: usize| text.get(from..to);
    let time = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    );
    time.parse().ok().filter(|time| digits(*time) == text)
}

/// The numbers of a line, as they were typed, and which part of the line each is.
#[derive(Default)]
struct Numbers {
    texts: Vec<String>,
    positions: Vec<usize>,
}

impl Numbers {
    fn add(&mut self, position: usize, text: String) {
        self.texts.push(text);
        self.positions.push(position);
    }

    /// The fault of a line whose check words do not fit, with the number that is probably wrong.
    fn misfit(&self, line: Line, fits: &dyn Fn(&[String]) -> bool) -> Fault {
        let mut problem =
            "the check words do not fit the rest of the line, so a number or a word is wrong".to_owned();
        if let Some((at, meant)) = likely::number(&self.texts, fits) {
            problem +=
                &format!("; perhaps {meant} instead of {} (part {})", self.texts[at], self.positions[at]);
        }
        Fault { line, problem }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::Sum;

    fn bundle(first: u8) -> Sum {
        Sum::of(&[first])
    }

    fn sealed() -> Timestamp {
        "2026-11-20T21:59:35Z".parse().unwrap()
    }

    fn request(chunks: &[u32]) -> ResendRequest {
        ResendRequest::new(&bundle(1), Some(sealed()), chunks).unwrap()
    }

    fn problem(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn both_forms_are_read_in_any_case_and_with_any_white_space() {
        let request = request(&[0, 3, 9, 10, 11, 20, 22, 24, 99_999]);
        let (lines, compact) = (request.to_string(), request.compact());
        let typed = lines.replace(' ', "  \t").replace('\n', " \r\n ").replace(',', ";");
        let one_line = lines.replace('\n', " ");
        let hyphens = lines.replace(" to ", " \u{2014} ");
        let noise = format!("Hello, please send these again:\n\n{lines}");
        for text in [&lines, &compact, &typed, &one_line, &hyphens, &noise] {
            assert_eq!(read(text).unwrap(), std::slice::from_ref(&request), "{text}");
            assert_eq!(read(&text.to_uppercase()).unwrap(), std::slice::from_ref(&request));
            assert_eq!(read(&text.to_lowercase()).unwrap(), std::slice::from_ref(&request));
        }
        // Five digits, as in the name of the file.
        let text = lines.replacen(" 3,", " 00003,", 1);
        assert_ne!(text, lines);
        assert_eq!(read(&text).unwrap(), [request]);
    }

    #[test]
    fn lines_may_come_in_any_order_and_several_times() {
        let request = request(&(0..40).map(|number| number * 2).collect::<Vec<_>>());
        let [head, lines @ ..] = &request.compact_lines()[..] else { panic!("a first line") };
        assert_eq!(lines.len(), 10);
        let mut text = String::new();
        for line in lines.iter().rev().chain(&lines[3..5]) {
            text += &format!("{head}\n{line}\n");
        }
        assert_eq!(read(&text).unwrap(), std::slice::from_ref(&request));
        let other = ResendRequest::new(&bundle(2), None, &[7]).unwrap();
        assert_eq!(read(&format!("{request}{other}")).unwrap(), [request, other]);
    }

    #[test]
    fn a_lost_line_is_named() {
        let request = request(&(0..20).map(|number| number * 2).collect::<Vec<_>>());
        let mut lines: Vec<String> = request.to_string().lines().map(str::to_owned).collect();
        lines.remove(3);
        let error = read(&lines.join("\n")).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("1 line of the request for {} is missing: 3", request.bundle())
        );
    }

    #[test]
    fn a_wrong_letter_is_named_with_the_word_that_was_meant() {
        let text = request(&[3, 9, 10, 14]).to_string();
        let words: Vec<&str> = text.split_whitespace().collect();
        let id = words[1];
        let wrong = text.replacen(id, &format!("x{}", &id[1..]), 1);
        let said = problem(&wrong);
        assert!(
            said.starts_with("the first line (RESEND): expected a word of the list, found \"x"),
            "{said}"
        );
        assert!(said.contains("(part 2)") && said.ends_with(&format!("; perhaps {id}")), "{said}");
        let said = problem(&text.replacen("LINE 1", "L1NE 1", 1));
        assert!(said.contains("expected LINE or the end after the check words"), "{said}");
        let said = problem(&text.replacen("9 to 10", "9 to 1O", 1));
        assert!(
            said.starts_with("line 1: ") && said.contains("found \"O\" (part 7); perhaps the digit 0"),
            "{said}"
        );
        let said = problem(&text.replacen("RESEND", "RESEMD", 1));
        assert_eq!(said, "the text has no request: expected the word RESEND, found \"RESEMD\"");
        let said = problem(&text.replacen(": 3", ": 3 CHEKC", 1));
        assert!(said.contains("found \"CHEKC\" (part 4); perhaps CHECK"), "{said}");
    }

    #[test]
    fn a_wrong_number_is_named_with_the_one_that_fits() {
        let text = request(&[3, 109, 110, 111, 114]).to_string();
        let said = problem(&text.replacen("109 to 111", "109 to 171", 1));
        assert!(said.starts_with("line 1: the check words do not fit"), "{said}");
        assert!(said.ends_with("; perhaps 111 instead of 171 (part 6)"), "{said}");
        let said = problem(&text.replacen("21:59", "12:59", 1));
        assert!(said.starts_with("the first line (RESEND): "), "{said}");
        assert!(said.ends_with("; perhaps 20261120215935 instead of 20261120125935 (part 7)"), "{said}");
        let both = problem(&text.replacen("21:59", "12:59", 1).replacen("109", "190", 1));
        assert_eq!(
            both.matches("check words").count(),
            1,
            "a line cannot be judged without the first: {both}"
        );
        let lines = request(&(0..20).map(|number| number * 2).collect::<Vec<_>>()).to_string();
        let two = problem(&lines.replacen("10,", "11,", 1).replacen("32,", "33,", 1));
        assert!(two.contains("line 2: ") && two.contains("; line 5: "), "{two}");
    }

    #[test]
    fn lines_of_another_request_do_not_fit() {
        let (ours, theirs) = (request(&[1, 2, 3]), ResendRequest::new(&bundle(2), None, &[4]).unwrap());
        let mixed = format!("{} {}", ours.compact_lines()[0], theirs.compact_lines()[1]);
        assert!(problem(&mixed).starts_with("line 1: the check words do not fit"));
    }

    #[test]
    fn numbers_in_another_order_or_beyond_every_chunk_do_not_fit() {
        let (id, lines) = (ShortId::of(&bundle(1)), 1);
        let with = |ranges: &[Range]| {
            let [head, tail] = [head_text(id, None, lines), line_text(1, lines, id, ranges)]
                .map(|text| check(&text).map(crate::format::resend::words::word).join(" "));
            let numbers: Vec<String> = ranges.iter().map(|r| format!("{} to {}", r.first, r.last)).collect();
            let words = id.0.map(crate::format::resend::words::word).join(" ");
            format!("RESEND {words} LINES 1 CHECK {head} LINE 1 {} CHECK {tail}", numbers.join(" "))
        };
        let range = |first, last| Range { first, last };
        assert!(read(&with(&[range(1, 2), range(4, 9)])).is_ok());
        for wrong in [&[range(4, 9), range(1, 2)][..], &[range(9, 4)], &[range(1, 5), range(5, 6)]] {
            assert!(problem(&with(wrong)).starts_with("line 1: the check words do not fit"), "{wrong:?}");
        }
        assert!(problem(&with(&[range(1, 100_000)])).starts_with("line 1: "));
        let many: Vec<Range> = (0..17).map(|at| range(at * 3, at * 3 + 1)).collect();
        assert!(problem(&with(&many)).contains("CHECK after at most 16 ranges"));
    }

    #[test]
    fn a_text_that_is_too_long_is_not_read() {
        let text = " ".repeat(REQUEST_BYTES_MAX + 1);
        assert_eq!(read(&text), Err(RequestError::TooLong { limit: REQUEST_BYTES_MAX }));
        // The longest request fits.
        let all = request(&(0..50_000).map(|number| number * 2).collect::<Vec<_>>());
        assert_eq!(read(&all.to_string()).unwrap(), [all]);
    }

    proptest! {
        #[test]
        fn every_request_is_read_as_it_was_written(
            first in any::<u8>(),
            time in proptest::option::of(0_u64..4_000_000_000),
            chunks in proptest::collection::btree_set(0_u32..=CHUNK_NUMBER_MAX, 1..200),
        ) {
            let chunks: Vec<u32> = chunks.into_iter().collect();
            let request = ResendRequest::new(&bundle(first), time.and_then(Timestamp::from_seconds), &chunks).unwrap();
            prop_assert_eq!(request.chunks().collect::<Vec<_>>(), chunks);
            prop_assert_eq!(read(&request.to_string()).unwrap(), std::slice::from_ref(&request));
            prop_assert_eq!(read(&request.compact()).unwrap(), std::slice::from_ref(&request));
        }

        #[test]
        fn no_single_wrong_letter_or_digit_passes(
            chunks in proptest::collection::btree_set(0_u32..2000, 1..12),
            at in any::<prop::sample::Index>(),
            letter in "[a-z0-9]",
        ) {
            let chunks: Vec<u32> = chunks.into_iter().collect();
            let text = request(&chunks).compact().to_lowercase();
            let places: Vec<usize> = text.char_indices().filter(|(_, c)| c.is_ascii_alphanumeric()).map(|(at, _)| at).collect();
            let at = places[at.index(places.len())];
            prop_assume!(text[at..=at] != letter);
            let wrong = format!("{}{letter}{}", &text[..at], &text[at + 1..]);
            prop_assert!(read(&wrong).is_err(), "{}", wrong);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,200}", head in any::<bool>()) {
            let text = if head { format!("RESEND {text}") } else { text };
            if let Ok(requests) = read(&text) {
                for request in requests {
                    prop_assert_eq!(read(&request.to_string()).unwrap(), std::slice::from_ref(&request));
                }
            }
        }
    }
}
