//! The advisories that concern the packages of a bundle.

use std::collections::BTreeSet;

use crate::packages::Package;

use super::affected::Affected;
use super::aliases::{Hit, grouped};
use super::basis::Basis;
use super::ecosystem::{Ecosystem, normal_name, scheme};
use super::entry::{Concerned, Entries, Entry};
use super::range::Verdict;
use super::wanted::{Wanted, names_of};

/// The advisories for wanted packages, from all databases that were given.
#[derive(Debug, Default)]
pub struct Database {
    pub(super) entries: Entries,
    pub(super) covered: BTreeSet<(&'static str, String)>,
    pub(super) bases: Vec<Basis>,
    pub(super) problems: Vec<String>,
    pub(super) wanted: Wanted,
}

impl Database {
    /// The known flaws of a package, sorted by id. `release` is the `ID` and `VERSION_ID` in os-release of the system
    /// that the package is installed on.
    ///
    /// An empty answer is no claim if the database does not cover the package: see [`Database::covers`].
    pub fn affecting(&self, package: &Package, release: Option<(&str, &str)>) -> Vec<Affected> {
        let mut hits = Vec::new();
        for (name, version) in names_of(package) {
            let name = normal_name(package.kind, &name);
            if self.wanted.leaves_out(package.kind, &name, &version) {
                continue;
            }
            let entries = self.entries.get(&package.kind);
            let entries = entries.and_then(|names| names.get(&name));
            let concerning = entries.into_iter().flatten();
            let concerning = concerning.filter(|entry| entry.ecosystem.concerns(&entry.release, release));
            hits.extend(concerning.filter_map(|entry| judge(entry, &version)));
        }
        grouped(&hits, scheme(package.kind))
    }

    /// Whether a database has any record for the ecosystem of a package and the release of the system.
    pub fn covers(&self, package: &Package, release: Option<(&str, &str)>) -> bool {
        self.covered.iter().any(|(name, covered)| {
            let ecosystem = Ecosystem::named(name).filter(|ecosystem| ecosystem.kind == package.kind);
            ecosystem.is_some_and(|ecosystem| ecosystem.concerns(covered, release))
        })
    }

    /// The databases, in the order in which they were given.
    pub fn bases(&self) -> &[Basis] {
        &self.bases
    }

    /// What could not be read, as sentences for people.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

/// Says whether an entry concerns a version.
fn judge(entry: &Entry, version: &str) -> Option<Hit> {
    let hit = |fixed, undetermined| {
        let level = entry.level.unwrap_or(entry.record.level);
        Some(Hit { record: entry.record.clone(), level, fixed, undetermined })
    };
    let (ranges, listed) = match &entry.concerns {
        Concerned::Undetermined => {
            return hit(None, Some("the database has not determined whether it is affected".to_owned()));
        }
        Concerned::Versions { ranges, listed } => (ranges, listed),
    };
    let scheme = scheme(entry.ecosystem.kind);
    let mut unclear = None;
    for range in ranges {
        match range.judge(scheme, version) {
            Ok(Verdict::Inside { fixed }) => return hit(fixed, None),
            Ok(Verdict::Outside) => {}
            Err(error) => unclear = Some(error.to_string()),
        }
    }
    let is_listed = listed.iter().any(|listed| {
        listed == version
            || crate::versions::compare(scheme, listed, version) == Ok(std::cmp::Ordering::Equal)
    });
    if is_listed {
        return hit(None, None);
    }
    unclear.and_then(|why| hit(None, Some(why)))
}
