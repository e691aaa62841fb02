//! The packages of a bundle, by the names that advisories have for them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::packages::{Kind, Package};

use super::ecosystem::normal_name;

/// The most versions of one name that are matched. So an image with a million versions of one package does not cost a
/// million times the advisories of that package.
const VERSIONS_MAX: usize = 1000;

/// The names, and the versions of each, that advisories are wanted for.
#[derive(Debug, Default, Clone)]
pub struct Wanted {
    names: BTreeMap<Kind, HashMap<String, BTreeSet<String>>>,
    /// The names with more versions than are matched.
    crowded: BTreeSet<(Kind, String)>,
}

impl Wanted {
    /// The names of these packages and of their sources.
    pub fn of<'a>(packages: impl IntoIterator<Item = &'a Package>) -> Wanted {
        let mut wanted = Wanted::default();
        for package in packages {
            for (name, version) in names_of(package) {
                let name = normal_name(package.kind, &name);
                let names = wanted.names.entry(package.kind).or_default();
                let versions = names.entry(name.clone()).or_default();
                if versions.len() < VERSIONS_MAX {
                    versions.insert(version);
                } else if !versions.contains(&version) {
                    wanted.crowded.insert((package.kind, name));
                }
            }
        }
        wanted
    }

    /// The versions that are there of a package; `None` if there is no such package.
    pub(super) fn versions(&self, kind: Kind, name: &str) -> Option<&BTreeSet<String>> {
        let names = self.names.get(&kind)?;
        names.get(name).or_else(|| names.get(&normal_name(kind, name)))
    }

    /// Whether a version is left out, because its name has too many of them.
    pub(super) fn leaves_out(&self, kind: Kind, name: &str, version: &str) -> bool {
        let is_crowded = !self.crowded.is_empty() && self.crowded.contains(&(kind, name.to_owned()));
        is_crowded && !self.versions(kind, name).is_some_and(|versions| versions.contains(version))
    }

    /// What is left out, as sentences.
    pub(super) fn problems(&self) -> impl Iterator<Item = String> {
        self.crowded.iter().map(|(_, name)| {
            format!(
                "{name:?} has more than {VERSIONS_MAX} versions; advisories were matched with the first {VERSIONS_MAX}"
            )
        })
    }

    /// Whether any package of this kind is wanted.
    pub(super) fn has(&self, kind: Kind) -> bool {
        self.names.contains_key(&kind)
    }
}

/// The names that advisories may have for a package, each with the version that they speak of.
///
/// Debian's advisories name sources only. Those of the other systems name sources or packages, by distribution.
pub(super) fn names_of(package: &Package) -> Vec<(String, String)> {
    let own = (package.name.clone(), package.version.clone());
    let Some(source) = &package.source else { return vec![own] };
    let mut version = source.version.clone();
    // The name of a source RPM has no epoch, but the versions in advisories do.
    if package.kind == Kind::Rpm
        && !version.contains(':')
        && let Some((epoch, _)) = package.version.split_once(':')
    {
        version = format!("{epoch}:{version}");
    }
    let source = (source.name.clone(), if version.is_empty() { package.version.clone() } else { version });
    match package.kind {
        Kind::Deb => vec![source],
        _ if source == own => vec![own],
        _ => vec![source, own],
    }
}
