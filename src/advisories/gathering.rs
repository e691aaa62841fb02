//! What is kept while databases are read.

use std::collections::BTreeSet;

use crate::oci::Digest;

use super::basis::Basis;
use super::bounded_reader::{Allowance, RECORD_BYTES_MAX};
use super::database::Database;
use super::ecosystem::{Ecosystem, normal_name};
use super::entry::{Entries, Entry};
use super::wanted::Wanted;

/// The most entries that are kept. A kernel has some 15,000 flaws in each of six releases.
const ENTRIES_MAX: usize = 300_000;

/// The most ecosystems with their releases that are listed.
const COVERED_MAX: usize = 10_000;

/// The most problems that are kept word for word.
const PROBLEMS_MAX: usize = 100;

/// What was found so far.
pub(super) struct Gathering<'a> {
    pub wanted: &'a Wanted,
    pub allowance: Allowance,
    entries: Entries,
    /// The ecosystems with records, and their releases.
    covered: BTreeSet<(&'static str, String)>,
    /// The same of the database that is being read.
    covered_here: BTreeSet<(&'static str, String)>,
    /// The records of the database that is being read.
    pub records: u64,
    /// The newest date in it.
    newest: Option<String>,
    problems: Vec<String>,
    more_problems: u64,
    kept: usize,
    left_out: u64,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(wanted: &'a Wanted) -> Gathering<'a> {
        Gathering {
            wanted,
            allowance: Allowance::new(RECORD_BYTES_MAX),
            entries: Entries::default(),
            covered: BTreeSet::new(),
            covered_here: BTreeSet::new(),
            records: 0,
            newest: None,
            problems: Vec::new(),
            more_problems: 0,
            kept: 0,
            left_out: 0,
        }
    }

    /// Counts a record.
    pub(super) fn count(&mut self) {
        self.records = self.records.saturating_add(1);
        self.allowance.renew();
    }

    /// Notes the date of a record. Dates are in the form of RFC 3339 in UTC, so their order is that of the texts.
    pub(super) fn date(&mut self, modified: &str) {
        let is_date = modified.len() <= 40 && modified.starts_with(|c: char| c.is_ascii_digit());
        if is_date && self.newest.as_deref().is_none_or(|newest| newest < modified) {
            self.newest = Some(modified.to_owned());
        }
    }

    /// Notes that there are records for an ecosystem and a release of it.
    pub(super) fn cover(&mut self, ecosystem: &'static Ecosystem, release: &str) {
        let is_new = |set: &BTreeSet<(&'static str, String)>| {
            set.len() < COVERED_MAX && !set.contains(&(ecosystem.name, release.to_owned()))
        };
        if self.wanted.has(ecosystem.kind) && release.len() <= 100 && is_new(&self.covered_here) {
            self.covered_here.insert((ecosystem.name, release.to_owned()));
        }
    }

    /// Keeps an entry for a package of this name.
    pub(super) fn keep(&mut self, name: &str, entry: Entry) {
        if self.kept >= ENTRIES_MAX {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        self.kept = self.kept.saturating_add(1);
        let kind = entry.ecosystem.kind;
        self.entries.entry(kind).or_default().entry(normal_name(kind, name)).or_default().push(entry);
    }

    /// Notes something that could not be read.
    pub(super) fn problem(&mut self, problem: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        } else {
            self.more_problems = self.more_problems.saturating_add(1);
        }
    }

    /// Ends a database: what there is to say of it.
    pub(super) fn basis(&mut self, name: String, sha256: Digest) -> Basis {
        let covered = std::mem::take(&mut self.covered_here);
        let ecosystem = |(name, release): &(&str, String)| {
            if release.is_empty() { (*name).to_owned() } else { format!("{name}:{release}") }
        };
        let basis = Basis {
            name,
            sha256,
            newest: self.newest.take(),
            records: std::mem::take(&mut self.records),
            ecosystems: covered.iter().map(ecosystem).collect(),
        };
        self.covered.extend(covered);
        basis
    }

    /// Ends the reading.
    pub(super) fn database(mut self, bases: Vec<Basis>) -> Database {
        for problem in self.wanted.problems() {
            self.problem(problem);
        }
        Database {
            problems: self.problems(),
            entries: self.entries,
            covered: self.covered,
            bases,
            wanted: self.wanted.clone(),
        }
    }

    /// The problems, as sentences.
    fn problems(&mut self) -> Vec<String> {
        let mut problems = std::mem::take(&mut self.problems);
        if self.more_problems > 0 {
            problems.push(format!("{} more problems of advisories are not listed", self.more_problems));
        }
        if self.left_out > 0 {
            problems.push(format!(
                "advisories: the limit of {ENTRIES_MAX} entries is reached; {} more were left out",
                self.left_out
            ));
        }
        problems
    }
}
