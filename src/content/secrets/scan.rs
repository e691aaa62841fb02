//! The search: one pass tells which rules can apply, then each of these is run by itself.

use std::collections::BTreeSet;

use regex::bytes::{Captures, Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::{
    LeftOut, SEARCHED_BYTES_MAX, Secret, Secrets, builtin, known,
    marks::Marks,
    rule::{Allowed, Gate, Rule, RulesError, entropy_milli},
};
use crate::oci::Digest;

/// How many findings of one rule in one file are kept. So a hostile file costs at most this many searches a rule.
pub const SECRETS_MAX: usize = 1000;

/// How large all gates together may be, compiled, in bytes. The own rules need about 1 MiB.
const GATES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How much of a line is held against expressions that allow it, in bytes to each side of the secret.
const LINE_BYTES: usize = 1024;

/// Rules, ready to search with. They are made once and shared by all threads.
#[derive(Debug, Clone)]
pub struct SecretRules {
    rules: Vec<Rule>,
    /// The marks of all gates that have some, and all gates that have some as one expression. Most files have none of
    /// them, and this is the fastest way to tell.
    marks: Option<Marks>,
    marked: Regex,
    /// The other gates as one expression; all of them if marks cannot be sought on this machine.
    unmarked: Option<Regex>,
    /// The gates, and the rules that they belong to.
    gates: RegexSet,
    gated: Vec<usize>,
    /// The rules without a gate.
    ungated: Vec<usize>,
    /// The paths of all rules that are for certain files. Most files have another path, and one search tells.
    paths: RegexSet,
    /// What no rule reports.
    allowed: Vec<Allowed>,
}

impl SecretRules {
    /// The rules that the program brings along.
    ///
    /// # Errors
    /// None in fact: a test makes them.
    pub fn builtin() -> Result<SecretRules, RulesError> {
        SecretRules::new(builtin::rules()?, Vec::new())
    }

    pub(super) fn new(rules: Vec<Rule>, allowed: Vec<Allowed>) -> Result<SecretRules, RulesError> {
        let together = |error: regex::Error| RulesError::Together { detail: error.to_string() };
        let numbered = || rules.iter().enumerate();
        let gated: Vec<usize> =
            numbered().filter(|(_, rule)| rule.gate.is_some()).map(|(at, _)| at).collect();
        let ungated = numbered().filter(|(_, rule)| rule.gate.is_none()).map(|(at, _)| at).collect();
        let gates = || rules.iter().filter_map(|rule| rule.gate.as_ref());
        let marks = Marks::new(gates().flat_map(|gate| gate.marks.iter().copied()));
        let has_marks = |gate: &&Gate| marks.is_some() && !gate.marks.is_empty();
        let marked = any_of(gates().filter(has_marks)).map_err(together)?;
        let unmarked = gates().any(|gate| !has_marks(&gate));
        let unmarked = unmarked.then(|| any_of(gates().filter(|gate| !has_marks(gate))));
        let unmarked = unmarked.transpose().map_err(together)?;
        let each = gates().map(|gate| &gate.expression);
        let gates = RegexSetBuilder::new(each).unicode(false).size_limit(GATES_BYTES_MAX).build();
        let gates = gates.map_err(together)?;
        let paths = rules.iter().filter_map(|rule| rule.path.as_ref()).map(Regex::as_str);
        let paths = RegexSetBuilder::new(paths).unicode(false).size_limit(GATES_BYTES_MAX).build();
        let paths = paths.map_err(together)?;
        Ok(SecretRules { rules, marks, marked, unmarked, gates, gated, ungated, paths, allowed })
    }

    /// The same rules, which seek their gates without marks.
    #[cfg(test)]
    pub(super) fn without_marks(self) -> SecretRules {
        let unmarked = any_of(self.rules.iter().filter_map(|rule| rule.gate.as_ref())).ok();
        SecretRules { marks: None, unmarked, ..self }
    }

    /// Whether a text has any gate.
    fn has_gate(&self, text: &[u8]) -> bool {
        let marks = self.marks.as_ref();
        marks.is_some_and(|marks| marks.around(text).any(|place| self.marked.is_match(place)))
            || self.unmarked.as_ref().is_some_and(|unmarked| unmarked.is_match(text))
    }

    /// The own rules and those of a file. Where both have one of the same name, that of the file counts.
    ///
    /// # Errors
    /// If all rules together are too large.
    pub fn and(self, other: SecretRules) -> Result<SecretRules, RulesError> {
        let named: BTreeSet<String> = other.rules.iter().map(|rule| rule.id.clone()).collect();
        let mut rules: Vec<Rule> = self.rules.into_iter().filter(|rule| !named.contains(&rule.id)).collect();
        rules.extend(other.rules);
        SecretRules::new(rules, [self.allowed, other.allowed].concat())
    }

    /// The names of the rules, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.id.as_str())
    }

    /// Whether the name of a file alone tells that it is a secret, so that it is looked at whatever its size and type.
    pub fn concerns(&self, path: &[u8]) -> bool {
        self.paths.is_match(path)
    }

    /// Searches a file. `path` has no leading slash. Of `content`, the first [`SEARCHED_BYTES_MAX`] bytes are searched.
    ///
    /// A secret that several rules find is reported by the first of them.
    pub fn search(&self, path: &[u8], content: &[u8]) -> Secrets {
        let text = content.get(..SEARCHED_BYTES_MAX).unwrap_or(content);
        let mut left_out = LeftOut { rules: 0, bytes: content.len().saturating_sub(text.len()) as u64 };
        let mut taken = BTreeSet::new();
        let mut places = Vec::new();
        let mut by_name = None;
        let matches = self.has_gate(text).then(|| self.gates.matches(text)).into_iter().flatten();
        let mut tried: Vec<usize> = matches.filter_map(|gate| self.gated.get(gate)).copied().collect();
        tried.extend(&self.ungated);
        tried.sort_unstable();
        let is_named = self.concerns(path);
        for rule in tried.into_iter().filter_map(|index| self.rules.get(index)) {
            if rule.path.as_ref().is_some_and(|regex| !is_named || !regex.is_match(path)) {
                continue;
            }
            let Some(regex) = &rule.content else {
                if !text.is_empty() && !self.lets_go(rule, path, text, &(0..0), &(0..0)) {
                    by_name = by_name.or(Some((0, content.len(), rule)));
                }
                continue;
            };
            let mut matches = regex.captures_iter(text);
            for found in matches.by_ref().take(SECRETS_MAX) {
                let Some((whole, secret)) = ranges(rule, &found) else { continue };
                if self.lets_go(rule, path, text, &whole, &secret)
                    || !taken.insert((secret.start, secret.end))
                {
                    continue;
                }
                places.push((secret.start, secret.end, rule));
            }
            if matches.next().is_some() {
                left_out.rules = left_out.rules.saturating_add(1);
            }
        }
        // The whole file is reported only if nothing in it was.
        if places.is_empty() {
            places.extend(by_name);
        }
        places.sort_by(|one, two| (one.0, one.1, &one.2.id).cmp(&(two.0, two.1, &two.2.id)));
        Secrets { found: secrets(content, &places), left_out }
    }

    fn lets_go(&self, rule: &Rule, path: &[u8], text: &[u8], whole: &Place, secret: &Place) -> bool {
        let bytes = |place: &Place| text.get(place.clone()).unwrap_or_default();
        if rule.content.is_some() {
            let too_even = rule.entropy_milli > 0 && entropy_milli(bytes(secret)) < rule.entropy_milli;
            if too_even || known::is_known_example(bytes(secret)) {
                return true;
            }
        }
        let mut allowed = rule.allowed.iter().chain(&self.allowed).peekable();
        if allowed.peek().is_none() {
            return false;
        }
        let line = line_around(text, whole);
        allowed.any(|allowed| allowed.lets_go(path, bytes(secret), bytes(whole), line))
    }
}

/// One expression for all these gates. Without gates, it matches nothing.
fn any_of<'a>(gates: impl Iterator<Item = &'a Gate>) -> Result<Regex, regex::Error> {
    let any = gates.map(|gate| format!("(?:{})", gate.expression)).collect::<Vec<_>>().join("|");
    let any = if any.is_empty() { r"[^\s\S]".to_owned() } else { any };
    RegexBuilder::new(&any).unicode(false).size_limit(GATES_BYTES_MAX).build()
}

type Place = std::ops::Range<usize>;

/// Where the whole match is, and where in it the secret.
fn ranges(rule: &Rule, found: &Captures<'_>) -> Option<(Place, Place)> {
    let whole = found.get(0)?.range();
    let secret = match rule.group {
        Some(group) => found.get(group).map(|group| group.range()),
        None => found.iter().skip(1).flatten().find(|group| !group.is_empty()).map(|group| group.range()),
    };
    Some((whole.clone(), secret.unwrap_or(whole)))
}

/// The line or lines of a match, shortened at both ends.
fn line_around<'a>(text: &'a [u8], whole: &Place) -> &'a [u8] {
    let first = whole.start.saturating_sub(LINE_BYTES);
    let before = text.get(first..whole.start).unwrap_or_default();
    let start = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(first, |at| first.saturating_add(at).saturating_add(1));
    let after = text.get(whole.end..).unwrap_or_default();
    let after = after.get(..LINE_BYTES).unwrap_or(after);
    let end = after.iter().position(|byte| *byte == b'\n').unwrap_or(after.len());
    text.get(start..whole.end.saturating_add(end)).unwrap_or_default()
}

/// The findings at places that are in order, with the lines counted in one pass.
#[expect(clippy::naive_bytecount, reason = "files are small, and few have secrets")]
fn secrets(content: &[u8], places: &[(usize, usize, &Rule)]) -> Vec<Secret> {
    let (mut line, mut counted) = (1_u64, 0);
    let mut found = Vec::with_capacity(places.len());
    for (start, end, rule) in places {
        let between = content.get(counted..*start).unwrap_or_default();
        line = line.saturating_add(between.iter().filter(|byte| **byte == b'\n').count() as u64);
        counted = *start;
        let secret = content.get(*start..*end).unwrap_or_default();
        found.push(Secret {
            offset: *start as u64,
            line,
            rule: rule.id.clone(),
            bytes: secret.len() as u64,
            digest: Digest::sha256(secret),
        });
    }
    found
}
