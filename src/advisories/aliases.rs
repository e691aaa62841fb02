//! Records about the same flaw. Several databases describe a flaw, each under an id of its own.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::versions::{Scheme, compare};

use super::affected::Affected;
use super::entry::Record;
use super::level::Level;

/// A record that concerns a package.
pub(super) struct Hit {
    pub record: Arc<Record>,
    pub level: Level,
    pub fixed: Option<String>,
    /// Why it is not certain.
    pub undetermined: Option<String>,
}

/// Puts the records together that share an id, and says of each flaw what they say together. Sorted by id.
pub(super) fn grouped(hits: &[Hit], scheme: Scheme) -> Vec<Affected> {
    // The group of each hit is the first hit that it is connected with.
    let mut groups: Vec<usize> = (0..hits.len()).collect();
    let mut first_with: HashMap<&str, usize> = HashMap::new();
    for (place, hit) in hits.iter().enumerate() {
        for id in ids(&hit.record) {
            let other = *first_with.entry(id).or_insert(place);
            join(&mut groups, place, other);
        }
    }
    let mut members: BTreeMap<usize, Vec<&Hit>> = BTreeMap::new();
    for (place, hit) in hits.iter().enumerate() {
        members.entry(root(&mut groups, place)).or_default().push(hit);
    }
    let mut found: Vec<Affected> = members.into_values().map(|hits| together(hits, scheme)).collect();
    found.sort();
    found
}

fn ids(record: &Record) -> impl Iterator<Item = &str> {
    std::iter::once(record.id.as_str()).chain(record.aliases.iter().map(String::as_str))
}

fn root(groups: &mut [usize], place: usize) -> usize {
    let mut at = place;
    while let Some(&above) = groups.get(at)
        && above != at
    {
        // Halves the way for the next time.
        let next = groups.get(above).copied().unwrap_or(above);
        if let Some(group) = groups.get_mut(at) {
            *group = next;
        }
        at = next;
    }
    at
}

fn join(groups: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(groups, a), root(groups, b));
    if let Some(group) = groups.get_mut(a.max(b)) {
        *group = a.min(b);
    }
}

/// The order of ids: people know those of CVE best.
fn rank(id: &str) -> u8 {
    match id {
        cve if cve.starts_with("CVE-") => 0,
        ghsa if ghsa.starts_with("GHSA-") => 1,
        _ => 2,
    }
}

fn together(mut hits: Vec<&Hit>, scheme: Scheme) -> Affected {
    // The same records in another order say the same.
    hits.sort_by(|a, b| {
        (rank(&a.record.id), &a.record, &a.fixed).cmp(&(rank(&b.record.id), &b.record, &b.fixed))
    });
    let mut names: Vec<String> = hits
        .iter()
        .flat_map(|hit| ids(&hit.record))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let first =
        names.iter().enumerate().min_by_key(|(_, id)| (rank(id), id.as_str())).map_or(0, |(at, _)| at);
    let id = if names.is_empty() { String::new() } else { names.remove(first) };
    let upstream: BTreeSet<&String> = hits.iter().flat_map(|hit| &hit.record.upstream).collect();
    let upstream = upstream.into_iter().filter(|other| **other != id && names.binary_search(other).is_err());
    let grave = hits.iter().max_by_key(|hit| (hit.level, hit.record.vector.is_some()));
    let certain = hits.iter().any(|hit| hit.undetermined.is_none());
    Affected {
        upstream: upstream.cloned().collect(),
        aliases: names,
        undetermined: if certain { None } else { hits.iter().find_map(|hit| hit.undetermined.clone()) },
        fixed: hits.iter().filter_map(|hit| hit.fixed.as_ref()).min_by(|a, b| earlier(scheme, a, b)).cloned(),
        level: grave.map(|hit| hit.level).unwrap_or_default(),
        vector: grave
            .and_then(|hit| hit.record.vector.clone())
            .or_else(|| hits.iter().find_map(|hit| hit.record.vector.clone())),
        summary: hits
            .iter()
            .map(|hit| &hit.record.summary)
            .find(|text| !text.is_empty())
            .cloned()
            .unwrap_or_default(),
        modified: hits.iter().filter_map(|hit| hit.record.modified.clone()).max(),
        id,
    }
}

fn earlier(scheme: Scheme, a: &str, b: &str) -> Ordering {
    compare(scheme, a, b).unwrap_or_else(|_| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(id: &str, aliases: &[&str], level: Level, fixed: Option<&str>) -> Hit {
        let aliases = aliases.iter().map(|id| (*id).to_owned()).collect();
        let record = Record { id: id.to_owned(), aliases, ..Record::default() };
        Hit { record: Arc::new(record), level, fixed: fixed.map(str::to_owned), undetermined: None }
    }

    #[test]
    fn records_of_one_flaw_are_one() {
        let mut hits = vec![
            hit("GO-2024-1", &["CVE-2024-1"], Level::Unknown, Some("1.10.0")),
            hit("GHSA-a", &["CVE-2024-1", "GO-2024-1"], Level::High, Some("1.9.0")),
            hit("CVE-2024-2", &[], Level::Low, None),
            hit("X-1", &["X-2"], Level::Low, None),
            hit("X-3", &["X-2", "X-4"], Level::Low, None),
            hit("X-5", &["X-4"], Level::Critical, None),
        ];
        let found = grouped(&hits, Scheme::Semver);
        let ids: Vec<(&str, Vec<&str>)> = found
            .iter()
            .map(|flaw| (flaw.id.as_str(), flaw.aliases.iter().map(String::as_str).collect()))
            .collect();
        assert_eq!(
            ids,
            [
                ("CVE-2024-1", vec!["GHSA-a", "GO-2024-1"]),
                ("CVE-2024-2", vec![]),
                ("X-1", vec!["X-2", "X-3", "X-4", "X-5"]),
            ]
        );
        assert_eq!(found[0].fixed.as_deref(), Some("1.9.0"));
        assert_eq!((found[0].level, found[2].level), (Level::High, Level::Critical));
        hits.reverse();
        assert_eq!(grouped(&hits, Scheme::Semver), found);
    }

    #[test]
    fn many_records_of_one_flaw_take_little_time() {
        let name = |n: usize| format!("X-{n}");
        let hits: Vec<Hit> = (0..20_000).map(|n| hit(&name(n), &[&name(n + 1)], Level::Low, None)).collect();
        assert_eq!(grouped(&hits, Scheme::Semver).len(), 1);
    }
}
