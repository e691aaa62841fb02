//! The list of words: one for each value of a byte. Two words differ in at least three letters, so one wrong letter, or one
//! too many or too few, never makes another word of the list, and the word that was meant is known.

use std::sync::LazyLock;

/// The words in the order of their values, one per line (docs/resend.md, "The words").
pub const WORDS: &str = include_str!("words.txt");

/// The words that begin the parts of a request.
pub(super) const KEYWORDS: [&str; 6] = ["RESEND", "SEALED", "LINES", "LINE", "TO", "CHECK"];

/// Longer words resemble none of the list.
const LETTERS_MAX: usize = 16;

/// In how many letters a word may differ from the word that was probably meant.
const DISTANCE_MAX: usize = 2;

static LIST: LazyLock<Vec<&'static str>> = LazyLock::new(|| WORDS.lines().collect());

/// Returns the word of a byte.
pub(super) fn word(byte: u8) -> &'static str {
    LIST[usize::from(byte)]
}

/// Returns the byte of a word in any case; `None` if it is not in the list.
pub(super) fn byte(word: &str) -> Option<u8> {
    let at = LIST.iter().position(|known| known.eq_ignore_ascii_case(word))?;
    u8::try_from(at).ok()
}

/// Returns the word of the list that `found` resembles most; `None` if none is close, or several are.
pub(super) fn nearest_word(found: &str) -> Option<String> {
    nearest(found, &LIST)
}

/// Returns the keyword that `found` resembles most; `None` if none is close, or several are.
pub(super) fn nearest_keyword(found: &str) -> Option<String> {
    nearest(found, &KEYWORDS)
}

fn nearest(found: &str, known: &[&str]) -> Option<String> {
    if found.len() > LETTERS_MAX {
        return None;
    }
    let found = found.to_ascii_lowercase();
    // A short word resembles many others.
    let allowed = DISTANCE_MAX.min(found.len() / 2);
    let distances: Vec<usize> =
        known.iter().map(|known| distance(&found, &known.to_ascii_lowercase())).collect();
    let best = *distances.iter().min().filter(|best| **best <= allowed)?;
    let mut nearest = known.iter().zip(&distances).filter(|(_, distance)| **distance == best);
    match (nearest.next(), nearest.next()) {
        (Some((only, _)), None) => Some((*only).to_owned()),
        _ => None,
    }
}

/// Returns how many letters must be changed, added or removed to make one word of the other.
fn distance(left: &str, right: &str) -> usize {
    let mut before: Vec<usize> = (0..=right.len()).collect();
    for (row, left) in left.bytes().enumerate() {
        let mut here = vec![row + 1];
        for (column, right) in right.bytes().enumerate() {
            let changed = before[column] + usize::from(left != right);
            here.push(changed.min(before[column + 1] + 1).min(here[column] + 1));
        }
        before = here;
    }
    before[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_differ_enough_to_know_which_one_was_meant() {
        assert_eq!(LIST.len(), 256);
        let keywords = KEYWORDS.map(str::to_ascii_lowercase);
        let all: Vec<&str> = LIST.iter().copied().chain(keywords.iter().map(String::as_str)).collect();
        for (at, left) in all.iter().enumerate().take(256) {
            assert!((4..=8).contains(&left.len()) && left.bytes().all(|b| b.is_ascii_lowercase()), "{left}");
            for right in &all[at + 1..] {
                assert!(distance(left, right) >= 3, "{left} {right}");
            }
        }
        assert!(
            LIST.windows(2).all(|pair| pair[0][..3] < pair[1][..3]),
            "sorted, by the first three letters"
        );
    }

    #[test]
    fn every_wrong_letter_leads_to_the_word_that_was_meant() {
        for word in LIST.iter() {
            for at in 0..word.len() {
                for letter in ['e', 'q'] {
                    let wrong = format!("{}{letter}{}", &word[..at], &word[at + 1..]);
                    if wrong != **word {
                        assert_eq!(byte(&wrong), None);
                        assert_eq!(nearest_word(&wrong).as_deref(), Some(*word));
                    }
                }
            }
        }
    }
}
