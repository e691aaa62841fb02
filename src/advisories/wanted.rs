//! The packages of a bundle, by the names that advisories have for them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::packages::{Kind, Package};

use super::ecosystem::normal_name;

/// The names, and the versions of each, that advisories are wanted for.
#[derive(Debug, Default, Clone)]
pub struct Wanted {
    names: BTreeMap<Kind, HashMap<String, BTreeSet<String>>>,
}

impl Wanted {
    /// The names of these packages and of their sources.
    pub fn of<'a>(packages: impl IntoIterator<Item = &'a Package>) -> Wanted {
        let mut wanted = Wanted::default();
        for package in packages {
            for (name, version) in names_of(package) {
                let names = wanted.names.entry(package.kind).or_default();
                names.entry(normal_name(package.kind, &name)).or_default().insert(version);
            }
        }
        wanted
    }

    /// The versions that are there of a package; `None` if there is no such package.
    pub(super) fn versions(&self, kind: Kind, name: &str) -> Option<&BTreeSet<String>> {
        let names = self.names.get(&kind)?;
        names.get(name).or_else(|| names.get(&normal_name(kind, name)))
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
