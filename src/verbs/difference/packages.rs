//! Packages: added, removed, upgraded and downgraded by the order of their own system.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::report::How;
use crate::advisories::scheme;
use crate::packages::{Kind, Package};
use crate::verbs::audit::AuditedPackage;
use crate::versions::compare;

/// A change of a package.
pub(super) struct PackageChange {
    pub how: How,
    /// Its name.
    pub name: String,
    /// Its name and system.
    pub what: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// The packages of both sides.
type Both<'a> = (Vec<&'a AuditedPackage>, Vec<&'a AuditedPackage>);

/// Compares the packages of two images.
pub(super) fn compare_packages(old: &[&AuditedPackage], new: &[&AuditedPackage]) -> Vec<PackageChange> {
    let mut named: BTreeMap<(Kind, &str), Both<'_>> = BTreeMap::new();
    for &located in old {
        named.entry(key(located)).or_default().0.push(located);
    }
    for &located in new {
        named.entry(key(located)).or_default().1.push(located);
    }
    let mut changes = Vec::new();
    for ((kind, name), (old, new)) in named {
        let (mut old, mut new) = (distinct(kind, &old), distinct(kind, &new));
        // What is on both sides is no change, wherever it lies.
        let (here, there): (BTreeSet<_>, BTreeSet<_>) =
            (old.iter().map(|one| identity(one)).collect(), new.iter().map(|one| identity(one)).collect());
        old.retain(|one| !there.contains(&identity(one)));
        new.retain(|one| !here.contains(&identity(one)));
        let what = || format!("{name} ({})", word(kind));
        for place in PLACES {
            let mut waiting: BTreeMap<_, VecDeque<&AuditedPackage>> = BTreeMap::new();
            for other in new.drain(..) {
                waiting.entry(place(other)).or_default().push_back(other);
            }
            let mut left = Vec::new();
            for one in old.drain(..) {
                let Some(other) = waiting.get_mut(&place(one)).and_then(VecDeque::pop_front) else {
                    left.push(one);
                    continue;
                };
                changes.push(PackageChange {
                    how: direction(kind, &one.package.version, &other.package.version),
                    name: name.to_owned(),
                    what: what(),
                    before: Some(version(&one.package, &other.package)),
                    after: Some(version(&other.package, &one.package)),
                });
            }
            old = left;
            new = waiting.into_values().flatten().collect();
            new = distinct(kind, &new);
        }
        changes.extend(old.iter().map(|one| PackageChange {
            how: How::Gone,
            name: name.to_owned(),
            what: what(),
            before: Some(one.package.version.clone()),
            after: None,
        }));
        changes.extend(new.iter().map(|one| PackageChange {
            how: How::New,
            name: name.to_owned(),
            what: what(),
            before: None,
            after: Some(one.package.version.clone()),
        }));
    }
    changes
}

/// A place of a package, by which its old and new version are paired.
type PlaceOf = for<'a> fn(&'a AuditedPackage) -> (Option<&'a str>, &'a str);

/// The same architecture and path first; at last the same place in the order of versions.
const PLACES: [PlaceOf; 4] = [
    |located| (located.package.architecture.as_deref(), &located.path),
    |located| (located.package.architecture.as_deref(), ""),
    |located| (None, &located.path),
    |_| (None, ""),
];

fn key(located: &AuditedPackage) -> (Kind, &str) {
    (located.package.kind, &located.package.name)
}

fn identity(located: &AuditedPackage) -> (&str, Option<&str>) {
    (&located.package.version, located.package.architecture.as_deref())
}

/// The packages of one name, each version once, in the order of versions.
fn distinct<'a>(kind: Kind, list: &[&'a AuditedPackage]) -> Vec<&'a AuditedPackage> {
    let mut list = list.to_vec();
    list.sort_by(|a, b| {
        let order = compare(scheme(kind), &a.package.version, &b.package.version).unwrap_or(Ordering::Equal);
        order.then_with(|| identity(a).cmp(&identity(b))).then_with(|| a.path.cmp(&b.path))
    });
    list.dedup_by(|a, b| identity(a) == identity(b));
    list
}

/// A version, with the architecture if that has changed.
fn version(package: &Package, other: &Package) -> String {
    match &package.architecture {
        Some(architecture) if package.architecture != other.architecture => {
            format!("{} {architecture}", package.version)
        }
        _ => package.version.clone(),
    }
}

fn direction(kind: Kind, old: &str, new: &str) -> How {
    match compare(scheme(kind), old, new) {
        Ok(Ordering::Less) => How::Upgraded,
        Ok(Ordering::Greater) => How::Downgraded,
        Ok(Ordering::Equal) | Err(_) => How::Changed,
    }
}

/// The word for a kind, as in JSON.
fn word(kind: Kind) -> String {
    serde_json::to_value(kind).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
