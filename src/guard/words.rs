//! Words that may not occur, sought in a stream.

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::profile::{ProfileError, WORD_BYTES_MAX, Word};

/// How large all words may be together, compiled, in bytes.
const WORDS_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How much of the stream stays in memory, so that a word over the border of two blocks is found: the longest word, which
/// may be longer in the other case, and one byte to each side.
const OVERLAP: usize = WORD_BYTES_MAX * 4 + 2;

/// Words, ready to seek.
#[derive(Debug, Clone)]
pub(super) struct Words {
    set: RegexSet,
    each: Vec<Regex>,
}

impl Words {
    pub(super) fn new(words: &[Word]) -> Result<Words, ProfileError> {
        let wrong = |error: regex::Error| ProfileError::Syntax { message: format!("the words: {error}") };
        let patterns: Vec<String> = words.iter().map(pattern).collect();
        let set = RegexSetBuilder::new(&patterns)
            .unicode(false)
            .size_limit(WORDS_BYTES_MAX)
            .build()
            .map_err(wrong)?;
        let each =
            patterns.iter().map(|pattern| RegexBuilder::new(pattern).unicode(false).build().map_err(wrong));
        Ok(Words { set, each: each.collect::<Result<_, _>>()? })
    }

    pub(super) fn seek(&self) -> Seek<'_> {
        let hits = vec![Hit::default(); self.each.len()];
        Seek { words: self, hits, window: Vec::new(), window_start: 0, sought: 0 }
    }
}

/// Each character in the cases that it has. The tables of Unicode in `regex` would be needed for the same.
fn pattern(word: &Word) -> String {
    let mut pattern = String::new();
    for character in word.text.chars() {
        let mut forms = vec![character.to_string()];
        if !word.is_sensitive {
            forms.push(character.to_lowercase().to_string());
            forms.push(character.to_uppercase().to_string());
            forms.sort();
            forms.dedup();
        }
        let forms: Vec<String> = forms.iter().map(|form| regex::escape(form)).collect();
        pattern.push_str(&if forms.len() == 1 { forms.concat() } else { format!("(?:{})", forms.join("|")) });
    }
    if word.is_complete { format!(r"\b{{start-half}}{pattern}\b{{end-half}}") } else { pattern }
}

/// How often a word occurs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) times: u64,
    pub(super) first: u64,
}

/// A search over one file.
pub(super) struct Seek<'a> {
    words: &'a Words,
    hits: Vec<Hit>,
    window: Vec<u8>,
    /// Where the window begins in the file.
    window_start: u64,
    /// How much of the window is done: a word that begins before was counted.
    sought: usize,
}

impl Seek<'_> {
    pub(super) fn feed(&mut self, block: &[u8]) {
        if self.hits.is_empty() {
            return;
        }
        self.window.extend_from_slice(block);
        if self.window.len() < 16 * OVERLAP {
            return;
        }
        let until = self.window.len().saturating_sub(OVERLAP);
        self.seek_until(until);
        // One byte before is needed to see where a word begins.
        let kept = until.saturating_sub(1);
        self.window.drain(..kept);
        self.window_start = self.window_start.saturating_add(kept as u64);
        self.sought = until.saturating_sub(kept);
    }

    pub(super) fn finish(mut self) -> Vec<Hit> {
        if !self.hits.is_empty() {
            self.seek_until(self.window.len());
        }
        self.hits
    }

    fn seek_until(&mut self, until: usize) {
        for index in self.words.set.matches(&self.window) {
            let (Some(regex), Some(hit)) = (self.words.each.get(index), self.hits.get_mut(index)) else {
                continue;
            };
            let mut at = self.sought;
            while let Some(found) = regex.find_at(&self.window, at).filter(|found| found.start() < until) {
                if hit.times == 0 {
                    hit.first = self.window_start.saturating_add(found.start() as u64);
                }
                hit.times = hit.times.saturating_add(1);
                at = found.end().max(found.start().saturating_add(1));
            }
        }
    }
}
