//! Reading OSV records (OSV schema 1.7), one at a time.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::Deserializer;

use crate::versions::compare;

use super::bounded_reader::RECORD_BYTES_MAX;
use super::ecosystem::{Ecosystem, scheme};
use super::entry::{Concerned, Entry, Record, summary};
use super::gathering::Gathering;
use super::level::Level;
use super::osv_record::{Glance, Osv, OsvRange, OsvSeverity, Specific};
use super::range::{EVENTS_MAX, Event, Range};

/// The most characters of a CVSS vector that are kept.
const VECTOR_CHARS_MAX: usize = 300;

/// The most ids that are kept of a record.
const IDS_MAX: usize = 1000;

/// Reads one record. It is parsed in full only if it is about a wanted package.
///
/// # Errors
/// Why the bytes are no record.
pub(super) fn read_record(bytes: &[u8], gathering: &mut Gathering<'_>) -> Result<(), String> {
    if bytes.len() as u64 > RECORD_BYTES_MAX {
        return Err(format!("the record is longer than the limit of {RECORD_BYTES_MAX} bytes"));
    }
    let glance: Glance<'_> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let packages = glance.affected.iter().flatten().filter_map(|affected| affected.package.as_ref());
    let mut is_wanted = false;
    for package in packages {
        is_wanted |= note(&package.ecosystem, &package.name, gathering);
    }
    gathering.count();
    gathering.date(glance.modified.as_deref().unwrap_or_default());
    if is_wanted {
        keep(serde_json::from_slice(bytes).map_err(|error| error.to_string())?, gathering);
    }
    Ok(())
}

/// Reads records one after another, or one.
///
/// # Errors
/// Why the rest is no record.
pub(super) fn read_stream(stream: impl Read, gathering: &mut Gathering<'_>) -> Result<(), String> {
    for record in Deserializer::from_reader(stream).into_iter::<Osv>() {
        take(record.map_err(|error| error.to_string())?, gathering);
    }
    Ok(())
}

/// Reads a list of records.
///
/// # Errors
/// Why the rest is no record.
pub(super) fn read_list(stream: impl Read, gathering: &mut Gathering<'_>) -> Result<(), String> {
    struct List<'a, 'b>(&'a mut Gathering<'b>);
    impl<'de> Visitor<'de> for List<'_, '_> {
        type Value = ();

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list of OSV records")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
            while let Some(record) = list.next_element()? {
                take(record, self.0);
            }
            Ok(())
        }
    }
    let mut json = Deserializer::from_reader(stream);
    json.deserialize_seq(List(gathering)).and_then(|()| json.end()).map_err(|error| error.to_string())
}

fn take(record: Osv, gathering: &mut Gathering<'_>) {
    let packages = record.affected.iter().flatten().filter_map(|affected| affected.package.as_ref());
    let mut is_wanted = false;
    for package in packages {
        is_wanted |= note(&package.ecosystem, &package.name, gathering);
    }
    gathering.count();
    gathering.date(record.modified.as_deref().unwrap_or_default());
    if is_wanted {
        keep(record, gathering);
    }
}

/// Notes that there is a record for an ecosystem, and says whether the package is wanted.
fn note(ecosystem: &str, name: &str, gathering: &mut Gathering<'_>) -> bool {
    let Some((ecosystem, release)) = Ecosystem::of_text(ecosystem) else { return false };
    gathering.cover(ecosystem, release);
    gathering.wanted.versions(ecosystem.kind, name).is_some()
}

/// Keeps what a record says of wanted packages.
fn keep(osv: Osv, gathering: &mut Gathering<'_>) {
    // A withdrawn record counts as if it did not exist.
    if osv.withdrawn.is_some_and(|withdrawn| !withdrawn.is_empty()) {
        return;
    }
    let severity = osv.severity.unwrap_or_default();
    let said = osv.database_specific.as_ref().map_or(Level::Unknown, Specific::level);
    let (aliases, upstream) = ids(&osv.id, osv.aliases.unwrap_or_default(), osv.upstream.unwrap_or_default());
    let text = osv.summary.filter(|text| !text.is_empty()).or(osv.details).unwrap_or_default();
    let record = Arc::new(Record {
        aliases,
        upstream,
        summary: summary(&text),
        level: if said == Level::Unknown { level(&severity) } else { said },
        vector: vector(&severity),
        modified: osv.modified,
        id: osv.id,
    });
    for affected in osv.affected.unwrap_or_default() {
        let Some(package) = affected.package else { continue };
        let Some((ecosystem, release)) = Ecosystem::of_text(&package.ecosystem) else { continue };
        let Some(wanted) = gathering.wanted.versions(ecosystem.kind, &package.name) else { continue };
        let listed = listed(affected.versions.unwrap_or_default(), wanted, ecosystem);
        let ranges = affected.ranges.unwrap_or_default().into_iter().filter_map(range).collect();
        let words = [&affected.ecosystem_specific, &affected.database_specific].into_iter().flatten();
        let own = words.map(Specific::level).max().unwrap_or_default();
        let own = own.max(level(&affected.severity.unwrap_or_default()));
        let entry = Entry {
            record: Arc::clone(&record),
            ecosystem,
            release: release.into(),
            level: (own != Level::Unknown).then_some(own),
            concerns: Concerned::Versions { ranges, listed },
        };
        gathering.keep(&package.name, entry);
    }
}

/// The aliases of a record, and the ids that it sums up.
///
/// Distributions give a flaw of CVE an id of their own that ends in it, and name it upstream. It is the same flaw.
fn ids(id: &str, mut aliases: Vec<String>, mut upstream: Vec<String>) -> (Vec<String>, Vec<String>) {
    upstream.retain(|other| {
        let is_same = id.strip_suffix(other.as_str()).is_some_and(|prefix| prefix.ends_with('-'));
        if is_same {
            aliases.push(other.clone());
        }
        !is_same
    });
    aliases.truncate(IDS_MAX);
    upstream.truncate(IDS_MAX);
    (aliases, upstream)
}

fn level(severity: &[OsvSeverity]) -> Level {
    let of = |severity: &OsvSeverity| match severity.kind.as_str() {
        "CVSS_V3" => Level::of_vector(&severity.score),
        "CVSS_V2" | "CVSS_V4" => Level::Unknown,
        // `Ubuntu` and others have a word.
        _ => Level::of_word(&severity.score),
    };
    severity.iter().map(of).max().unwrap_or_default()
}

/// A vector of version 3 if there is one, because its score is known.
fn vector(severity: &[OsvSeverity]) -> Option<String> {
    let place = |severity: &&OsvSeverity| match severity.kind.as_str() {
        "CVSS_V3" => 0,
        "CVSS_V4" => 1,
        _ => 2,
    };
    let vectors = severity.iter().filter(|severity| severity.kind.starts_with("CVSS_V"));
    vectors.min_by_key(place).map(|severity| severity.score.chars().take(VECTOR_CHARS_MAX).collect())
}

/// The listed versions that are wanted. All others are of no use, and there may be thousands.
fn listed(versions: Vec<String>, wanted: &BTreeSet<String>, ecosystem: &Ecosystem) -> Vec<String> {
    let scheme = scheme(ecosystem.kind);
    let is_wanted = |version: &String| {
        wanted
            .iter()
            .any(|wanted| wanted == version || compare(scheme, wanted, version) == Ok(Ordering::Equal))
    };
    versions.into_iter().filter(is_wanted).collect()
}

/// A range of versions; `None` for ranges of commits, which say nothing of packages.
fn range(osv: OsvRange) -> Option<Range> {
    if osv.kind != "SEMVER" && osv.kind != "ECOSYSTEM" {
        return None;
    }
    let mut range = Range::default();
    for event in osv.events.unwrap_or_default().into_iter().take(EVENTS_MAX) {
        range.events.extend(event.introduced.map(Event::Introduced));
        range.events.extend(event.fixed.map(Event::Fixed));
        range.events.extend(event.last_affected.map(Event::LastAffected));
        range.events.extend(event.limit.map(Event::Limit));
    }
    (!range.events.is_empty()).then_some(range)
}
