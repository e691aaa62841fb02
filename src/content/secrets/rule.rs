//! One rule: what it matches, where, and what it lets go.

use regex::bytes::{Regex, RegexBuilder};

/// How large one compiled expression may be, in bytes. The largest of the own rules has about 100 KiB.
const EXPRESSION_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// An expression is not one, or is too large.
    #[error("the secret rule {rule:?} has an expression that cannot be used: {detail}")]
    Expression {
        /// The rule.
        rule: String,
        /// What is wrong with the expression.
        detail: String,
    },
    /// All expressions together are too large.
    #[error("the expressions of the secret rules are too large together: {detail}")]
    Together {
        /// What is wrong.
        detail: String,
    },
}

/// What is sought.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) id: String,
    /// Which files the rule is for; all without.
    pub(super) path: Option<Regex>,
    /// What a secret looks like; without, the whole file is one.
    pub(super) content: Option<Regex>,
    /// What a file must have for the rule to be tried at all; without, its path alone decides.
    pub(super) gate: Option<Gate>,
    /// The group that is the secret; without, the first that took part, or else the whole match.
    pub(super) group: Option<usize>,
    /// The least Shannon entropy of the secret, in thousandths of a bit per byte.
    pub(super) entropy_milli: u32,
    pub(super) allowed: Vec<Allowed>,
}

/// A part that each match of a rule has.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    /// An expression for it.
    pub(super) expression: String,
    /// Words of which it has one, as [`super::marks`] seeks them. With none of them given, the expression itself is sought.
    pub(super) marks: &'static [&'static str],
}

/// Which matches are no secrets.
#[derive(Debug, Clone, Default)]
pub(super) struct Allowed {
    pub(super) paths: Vec<Regex>,
    pub(super) texts: Vec<Regex>,
    /// In lower case; text that has one of them is no secret.
    pub(super) stopwords: Vec<String>,
    pub(super) target: Target,
    /// Whether paths and texts must both fit, or one of them is enough.
    pub(super) needs_both: bool,
}

/// What the expressions of [`Allowed`] are held against.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Target {
    #[default]
    Secret,
    Match,
    Line,
}

impl Allowed {
    pub(super) fn lets_go(&self, path: &[u8], secret: &[u8], matched: &[u8], line: &[u8]) -> bool {
        let target = match self.target {
            Target::Secret => secret,
            Target::Match => matched,
            Target::Line => line,
        };
        let by_path = self.paths.iter().any(|regex| regex.is_match(path));
        let lower = if self.stopwords.is_empty() { Vec::new() } else { secret.to_ascii_lowercase() };
        let has_stopword = |word: &String| contains(&lower, word.as_bytes());
        let by_text =
            self.texts.iter().any(|regex| regex.is_match(target)) || self.stopwords.iter().any(has_stopword);
        if self.needs_both && !self.paths.is_empty() {
            by_path && (by_text || self.texts.is_empty() && self.stopwords.is_empty())
        } else {
            by_path || by_text
        }
    }
}

/// Whether `text` has `word`. Both are short: a secret and a word.
fn contains(text: &[u8], word: &[u8]) -> bool {
    !word.is_empty() && text.windows(word.len()).any(|found| found == word)
}

pub(super) fn expression(rule: &str, pattern: &str) -> Result<Regex, RulesError> {
    RegexBuilder::new(pattern)
        .unicode(false)
        .size_limit(EXPRESSION_BYTES_MAX)
        .build()
        .map_err(|error| RulesError::Expression { rule: rule.to_owned(), detail: error.to_string() })
}

/// The Shannon entropy of `bytes`, in thousandths of a bit per byte: how evenly the bytes are spread.
pub(super) fn entropy_milli(bytes: &[u8]) -> u32 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count = count.saturating_add(1);
        }
    }
    let total = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let bits: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total)
        .map(|share| -share * share.log2())
        .sum();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 8,000")]
    let milli = (bits * 1000.0) as u32;
    milli
}
