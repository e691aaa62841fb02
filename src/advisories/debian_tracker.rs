//! The JSON of the Debian security tracker: an object of source packages, each an object of flaws.
//!
//! It has some 60 MB, so it is read flaw by flaw.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Deserializer;

use crate::packages::Kind;

use super::ecosystem::Ecosystem;
use super::entry::{Concerned, Entry, Record, summary};
use super::gathering::Gathering;
use super::level::Level;
use super::range::Range;

/// The releases of Debian: the tracker names them by codename, os-release by number. `sid` has no number.
const RELEASES: [(&str, &str); 9] = [
    ("wheezy", "7"),
    ("jessie", "8"),
    ("stretch", "9"),
    ("buster", "10"),
    ("bullseye", "11"),
    ("bookworm", "12"),
    ("trixie", "13"),
    ("forky", "14"),
    ("duke", "15"),
];

/// A flaw of a package that nobody asked for: only its releases count, as what the tracker covers.
#[derive(Deserialize)]
struct Glance {
    #[serde(default)]
    #[allow(clippy::zero_sized_map_values)] // The file has an object here, and only its keys count.
    releases: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
struct Flaw {
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    releases: BTreeMap<String, Release>,
}

#[derive(Deserialize)]
struct Release {
    status: String,
    #[serde(default)]
    fixed_version: Option<String>,
    #[serde(default)]
    urgency: Option<String>,
}

/// Reads the tracker.
///
/// # Errors
/// Where and why it breaks its format.
pub(super) fn read(stream: impl Read, gathering: &mut Gathering<'_>) -> Result<(), String> {
    let debian = Ecosystem::named("Debian").ok_or("there is no ecosystem Debian")?;
    let mut json = Deserializer::from_reader(stream);
    let packages = Packages { debian, gathering };
    json.deserialize_map(packages).and_then(|()| json.end()).map_err(|error| error.to_string())
}

struct Packages<'a, 'b> {
    debian: &'static Ecosystem,
    gathering: &'a mut Gathering<'b>,
}

impl<'de> Visitor<'de> for Packages<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of source packages")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut packages: A) -> Result<(), A::Error> {
        while let Some(name) = packages.next_key::<String>()? {
            self.gathering.allowance.renew();
            packages.next_value_seed(Flaws { debian: self.debian, gathering: self.gathering, name })?;
        }
        Ok(())
    }
}

/// The flaws of one package.
struct Flaws<'a, 'b> {
    debian: &'static Ecosystem,
    gathering: &'a mut Gathering<'b>,
    name: String,
}

impl<'de> DeserializeSeed<'de> for Flaws<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Flaws<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object of the flaws of {}", self.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut flaws: A) -> Result<(), A::Error> {
        let is_wanted = self.gathering.wanted.versions(Kind::Deb, &self.name).is_some();
        while let Some(id) = flaws.next_key::<String>()? {
            self.gathering.count();
            if is_wanted {
                let flaw: Flaw = flaws.next_value()?;
                keep(self.debian, &self.name, id, flaw, self.gathering);
            } else {
                let glance: Glance = flaws.next_value()?;
                for codename in glance.releases.keys() {
                    cover(self.debian, codename, self.gathering);
                }
            }
        }
        Ok(())
    }
}

/// Notes a release as covered, and returns its number.
fn cover(debian: &'static Ecosystem, codename: &str, gathering: &mut Gathering<'_>) -> Option<&'static str> {
    let (_, number) = RELEASES.iter().find(|(known, _)| *known == codename)?;
    gathering.cover(debian, number);
    Some(number)
}

fn keep(debian: &'static Ecosystem, name: &str, id: String, flaw: Flaw, gathering: &mut Gathering<'_>) {
    let text = flaw.description.unwrap_or_default();
    let record = Arc::new(Record { id, summary: summary(&text), ..Record::default() });
    for (codename, release) in flaw.releases {
        let Some(number) = cover(debian, &codename, gathering) else { continue };
        let range = match (release.status.as_str(), release.fixed_version.as_deref()) {
            // Version 0 says that no version of this release had it.
            ("resolved", Some("0")) => continue,
            ("resolved", Some(fixed)) => Some(Range::before(fixed)),
            ("open", _) => Some(Range::all()),
            // `undetermined`, and words that the tracker may use one day.
            _ => None,
        };
        let level = release.urgency.as_deref().map_or(Level::Unknown, Level::of_word);
        let entry = Entry {
            record: Arc::clone(&record),
            ecosystem: debian,
            release: number.into(),
            level: (level != Level::Unknown).then_some(level),
            concerns: match range {
                Some(range) => Concerned::Versions { ranges: vec![range], listed: Vec::new() },
                None => Concerned::Undetermined,
            },
        };
        gathering.keep(name, entry);
    }
}
