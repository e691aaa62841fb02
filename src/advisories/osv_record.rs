//! The form of OSV records, as far as it is used (OSV schema 1.7). `null` stands for what is absent.

use std::borrow::Cow;

use serde::Deserialize;

use super::level::Level;

/// The parts of a record that decide whether it is wanted. Reading only them is fast.
#[derive(Deserialize)]
pub(super) struct Glance<'a> {
    #[serde(borrow, default)]
    pub modified: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub affected: Option<Vec<GlanceAffected<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct GlanceAffected<'a> {
    #[serde(borrow, default)]
    pub package: Option<GlancePackage<'a>>,
}

#[derive(Deserialize)]
pub(super) struct GlancePackage<'a> {
    #[serde(borrow)]
    pub ecosystem: Cow<'a, str>,
    #[serde(borrow)]
    pub name: Cow<'a, str>,
}

/// A record, as far as it is used.
#[derive(Deserialize)]
pub(super) struct Osv {
    pub id: String,
    #[serde(default)]
    pub modified: Option<String>,
    #[serde(default)]
    pub withdrawn: Option<String>,
    #[serde(default)]
    pub aliases: Option<Vec<String>>,
    #[serde(default)]
    pub upstream: Option<Vec<String>>,
    #[serde(default)]
    pub summary: Option<String>,
    #[serde(default)]
    pub details: Option<String>,
    #[serde(default)]
    pub severity: Option<Vec<OsvSeverity>>,
    #[serde(default)]
    pub affected: Option<Vec<OsvAffected>>,
    #[serde(default)]
    pub database_specific: Option<Specific>,
}

#[derive(Deserialize)]
pub(super) struct OsvSeverity {
    #[serde(rename = "type")]
    pub kind: String,
    pub score: String,
}

#[derive(Deserialize)]
pub(super) struct OsvAffected {
    #[serde(default)]
    pub package: Option<OsvPackage>,
    #[serde(default)]
    pub severity: Option<Vec<OsvSeverity>>,
    #[serde(default)]
    pub ranges: Option<Vec<OsvRange>>,
    #[serde(default)]
    pub versions: Option<Vec<String>>,
    #[serde(default)]
    pub ecosystem_specific: Option<Specific>,
    #[serde(default)]
    pub database_specific: Option<Specific>,
}

#[derive(Deserialize)]
pub(super) struct OsvPackage {
    pub ecosystem: String,
    pub name: String,
}

#[derive(Deserialize)]
pub(super) struct OsvRange {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub events: Option<Vec<OsvEvent>>,
}

#[derive(Deserialize)]
pub(super) struct OsvEvent {
    pub introduced: Option<String>,
    pub fixed: Option<String>,
    pub last_affected: Option<String>,
    pub limit: Option<String>,
}

/// What a database adds in a form of its own. Only words for the severity are read, and other forms do no harm.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Specific {
    Words { severity: Option<Word>, urgency: Option<Word> },
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Word {
    Text(String),
    Other(serde::de::IgnoredAny),
}

impl Specific {
    /// The gravest level that a word of it stands for.
    pub(super) fn level(&self) -> Level {
        let of = |word: &Option<Word>| match word {
            Some(Word::Text(word)) => Level::of_word(word),
            _ => Level::Unknown,
        };
        match self {
            Specific::Words { severity, urgency } => of(severity).max(of(urgency)),
            Specific::Other(_) => Level::Unknown,
        }
    }
}
