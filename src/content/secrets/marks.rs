//! The quick look: places in a text that can be part of a gate, sought with vector instructions, many words at once.

use aho_corasick::packed::{Config, MatchKind, Searcher};

/// How far a gate may reach to each side of one of its marks, in bytes. The longest of the own rules has 20.
const REACH_BYTES: usize = 64;

/// The words are sought in two groups: the longer the shortest word of a group, the faster the search.
const LONG_BYTES: usize = 4;

/// Words, ready to seek.
#[derive(Debug, Clone)]
pub(super) struct Marks {
    groups: Vec<Searcher>,
}

impl Marks {
    /// Makes a searcher of words. Of a word behind `~`, upper and lower case make no difference. `None` if there are none, or
    /// if this machine cannot seek them quickly.
    pub(super) fn new<'a>(words: impl Iterator<Item = &'a str>) -> Option<Marks> {
        let words = words.flat_map(|word| match word.strip_prefix('~') {
            Some(word) => cases(word),
            None => vec![word.to_owned()],
        });
        let (long, short): (Vec<String>, Vec<String>) = words.partition(|word| word.len() >= LONG_BYTES);
        let groups = [long, short].into_iter().filter(|words| !words.is_empty());
        let searcher = |words: Vec<String>| {
            Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(words).build()
        };
        let groups = groups.map(searcher).collect::<Option<Vec<Searcher>>>()?;
        (!groups.is_empty()).then_some(Marks { groups })
    }

    /// The surroundings of each mark in a text. A gate that has a mark is in the surroundings of one.
    pub(super) fn around<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.groups.iter().flat_map(|group| group.find_iter(text)).map(|found| {
            let start = found.start().saturating_sub(REACH_BYTES);
            let end = found.end().saturating_add(REACH_BYTES).min(text.len());
            text.get(start..end).unwrap_or_default()
        })
    }
}

/// A word in all mixtures of upper and lower case.
fn cases(word: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for letter in word.chars() {
        let both = [letter.to_ascii_lowercase(), letter.to_ascii_uppercase()];
        all = all.iter().flat_map(|start| both.map(|letter| format!("{start}{letter}"))).collect();
        all.dedup();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_counts_unless_it_is_said() {
        let marks = Marks::new(["~ab1", "longer"].into_iter());
        // A machine without vector instructions has none.
        let Some(marks) = marks else { return };
        let found = |text: &str| marks.around(text.as_bytes()).count();
        assert_eq!(found("ab1 Ab1 aB1 AB1"), 4);
        assert_eq!((found("longer"), found("Longer"), found("lo")), (1, 0, 0));
        assert!(Marks::new([].into_iter()).is_none());
    }
}
