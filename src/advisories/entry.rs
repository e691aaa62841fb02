//! What an advisory says of one package of one ecosystem.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::packages::Kind;

use super::ecosystem::Ecosystem;
use super::level::Level;
use super::range::Range;

/// The most characters of a summary that are kept.
const SUMMARY_CHARS_MAX: usize = 300;

/// What a record says, whichever package it is about.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Record {
    pub id: String,
    /// Other ids of the same flaw.
    pub aliases: Vec<String>,
    /// The ids of the flaws that this record sums up.
    pub upstream: Vec<String>,
    pub summary: String,
    pub level: Level,
    /// A CVSS vector.
    pub vector: Option<String>,
    /// When it was last changed, as it says.
    pub modified: Option<String>,
}

/// A record about a package, and the versions that it concerns.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub record: Arc<Record>,
    pub ecosystem: &'static Ecosystem,
    /// The release of the ecosystem, e.g. `12`. Empty if it concerns all.
    pub release: Box<str>,
    /// A level for this package alone.
    pub level: Option<Level>,
    pub concerns: Concerned,
}

/// The versions that an entry concerns.
#[derive(Debug, Clone)]
pub(super) enum Concerned {
    /// Those in one of the ranges, and those that are listed. Only those that are wanted are kept of the list.
    Versions { ranges: Vec<Range>, listed: Vec<String> },
    /// The database has not decided yet.
    Undetermined,
}

/// Entries by kind and normal name.
pub(super) type Entries = BTreeMap<Kind, HashMap<String, Vec<Entry>>>;

/// The first line of a text, shortened.
pub(super) fn summary(text: &str) -> String {
    let line = text.trim_start().lines().next().unwrap_or_default();
    line.chars().take(SUMMARY_CHARS_MAX).collect()
}
