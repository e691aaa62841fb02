//! Ignore files: denials that somebody has accepted, for a reason and until a day.

use serde::Deserialize;

use super::{
    file::{RulebookError, from_toml, pattern},
    judge::Denial,
};
use crate::format::Timestamp;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    version: u64,
    #[serde(default)]
    ignore: Vec<RawIgnore>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIgnore {
    rule: String,
    place: String,
    reason: String,
    until: String,
}

/// One accepted denial.
#[derive(Debug, Clone)]
pub struct Ignore {
    /// The rule.
    pub rule: String,
    /// The place, as a pattern.
    pub place: String,
    /// Why.
    pub reason: String,
    /// The last day, to its end in UTC.
    pub until: Timestamp,
}

/// An ignore file.
#[derive(Debug, Default, Clone)]
pub struct Ignores(pub Vec<Ignore>);

/// Until the end of the day.
const DAY_SECONDS: u64 = 86_399;

impl Ignores {
    /// Parses an ignore file.
    ///
    /// # Errors
    /// If an entry lacks a rule, a place, a reason or an end.
    pub fn parse(text: &str) -> Result<Ignores, RulebookError> {
        let raw: Raw = from_toml(text)?;
        let wrong = |key, detail| RulebookError::Value { key, detail };
        if raw.version != 1 {
            return Err(wrong("version", format!("found {}, this release supports only 1", raw.version)));
        }
        let mut ignores = Vec::new();
        for raw in raw.ignore {
            if raw.reason.trim().is_empty() {
                return Err(wrong("reason", format!("the entry for {:?} has none", raw.rule)));
            }
            if pattern(&raw.place).is_none() {
                return Err(wrong("place", format!("{:?} is not a pattern", raw.place)));
            }
            let midnight = format!("{}T00:00:00Z", raw.until).parse::<Timestamp>();
            let until = midnight.ok().and_then(|time| time.plus_seconds(DAY_SECONDS));
            let Some(until) = until else {
                return Err(wrong("until", format!("{:?} is not a date such as 2027-01-31", raw.until)));
            };
            ignores.push(Ignore { rule: raw.rule, place: raw.place, reason: raw.reason, until });
        }
        Ok(Ignores(ignores))
    }

    /// Splits denials into those that stand and those that are ignored. Without a time, none is ignored.
    pub fn apply(&self, denials: Vec<Denial>, at: Option<Timestamp>) -> (Vec<Denial>, Vec<Denial>) {
        let live: Vec<_> = self.0.iter().filter(|ignore| at.is_some_and(|at| at <= ignore.until)).collect();
        let live: Vec<_> =
            live.into_iter().filter_map(|ignore| Some((ignore, pattern(&ignore.place)?))).collect();
        denials.into_iter().partition(|denial| {
            !live.iter().any(|(ignore, place)| ignore.rule == denial.rule && place.is_match(&denial.place))
        })
    }
}
