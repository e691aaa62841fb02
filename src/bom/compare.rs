//! Compares an SBOM with the packages that an image has.

use std::collections::{BTreeMap, BTreeSet};

use super::identity::{Identity, Name, Version, identity, normal_name, normal_version, without_version};
use super::model::{Bom, BomPackage};
use crate::packages::Package;

/// Most lines of each list of a comparison.
pub const LINES_MAX: usize = 10_000;

/// Most bytes of the lines of each list. Package URLs of real packages are far below 100 bytes each.
const LINES_BYTES_MAX: usize = 2 << 20;

/// Most packages of an image that an SBOM is compared with: each takes some hundred bytes while it is compared.
pub const COMPARED_MAX: usize = 60_000;

/// Most packages of one name, but of different kinds, that a component without a package URL is compared with.
const NAMESAKES_MAX: usize = 16;

/// Most versions of one package that a line names.
const VERSIONS_SHOWN_MAX: usize = 8;

/// How an SBOM differs from the packages that are there. Lists are sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Packages that only the SBOM has: package URLs without qualifiers, or name and version where it has none.
    pub only_there: Vec<String>,
    /// Packages that only the image has: package URLs without qualifiers.
    pub only_here: Vec<String>,
    /// Packages of which the image has another version.
    pub other_version: Vec<OtherVersion>,
    /// How many names of packages agree.
    pub same: u64,
    /// How many packages of the SBOM are of kinds that are not looked for in images, by type of package URL.
    pub other_kinds: BTreeMap<String, u64>,
    /// How many lines were left out of each list, because it has [`LINES_MAX`] or is too long.
    pub left_out: LeftOut,
}

/// How many lines the lists of a comparison do not have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Of what only the SBOM has.
    pub only_there: u64,
    /// Of what only the image has.
    pub only_here: u64,
    /// Of other versions.
    pub other_version: u64,
}

/// A package of which an SBOM and an image have different versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OtherVersion {
    /// The package URL without its version.
    pub purl: String,
    /// The version in the SBOM. If there are several, all that the image does not have.
    pub there: String,
    /// The version in the image. If there are several, all that the SBOM does not have.
    pub here: String,
}

/// Compares an SBOM with the packages of an image, each with its package URL.
///
/// Packages are the same if kind and name are, without distribution and qualifiers. A component without a package URL is
/// compared by its name. A source package in the SBOM stands for all packages that were built from it. An epoch that one
/// side leaves out, and a version that one side does not know, is no difference.
pub fn compare<'a>(bom: &Bom, packages: impl IntoIterator<Item = (&'a Package, &'a str)>) -> Comparison {
    // Components without a package URL are looked up by words, and that takes much memory.
    let has_url = |package: &BomPackage| !matches!(identity(package.purl(), ""), Identity::Malformed);
    let mut here = Here { has_words: !bom.packages.iter().all(has_url), ..Here::default() };
    for (package, purl) in packages {
        here.add(package, purl);
    }
    here.settle();
    let mut comparison = Comparison::default();
    let mut there = There::default();
    for package in &bom.packages {
        there.add(package, &here, &mut comparison);
    }
    there.settle();
    there.take_sources(&here, &mut comparison);
    there.take_subject(bom, &mut here);
    match_by_artifact(&mut there.names, &mut here, &mut comparison);
    for (name, mentions) in &there.names {
        match here.names.get(name) {
            Some(found) => differ(mentions, found, &mut comparison),
            None => comparison.only_there.extend(mentions.lines()),
        }
    }
    for (name, mentions) in &here.names {
        let by_source = || here.source_of.get(name).is_some_and(|source| there.sources.contains(source));
        if !there.names.contains_key(name) {
            if by_source() {
                comparison.same += 1;
            } else {
                comparison.only_here.extend(mentions.lines());
            }
        }
    }
    comparison.bound();
    comparison
}

/// A sorted set in little memory. Most have one item, and there are very many.
#[derive(Clone)]
struct Few<T>(Vec<T>);

impl<T> Default for Few<T> {
    fn default() -> Few<T> {
        Few(Vec::new())
    }
}

impl<T: Ord> Few<T> {
    /// Adds an item. [`Few::settle`] has to follow.
    fn add(&mut self, item: T) {
        if self.0.is_empty() {
            self.0.reserve_exact(1);
        }
        self.0.push(item);
    }

    /// Puts the items in order, each once.
    fn settle(&mut self) {
        self.0.sort();
        self.0.dedup();
    }

    fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    fn has(&self, item: &T) -> bool {
        self.0.binary_search(item).is_ok()
    }

    /// What another set lacks, in order.
    fn not_in<'a>(&'a self, other: &Few<T>) -> Vec<&'a T> {
        self.iter().filter(|item| !other.has(item)).collect()
    }
}

/// All mentions of one name.
#[derive(Default)]
struct Mentions {
    /// The package URL without version, or the name, for people.
    shown: String,
    versions: Few<Version>,
}

impl Mentions {
    fn lines(&self) -> impl Iterator<Item = String> + use<'_> {
        self.versions.iter().map(|version| line(&self.shown, version))
    }

    fn is_unknown(&self) -> bool {
        self.versions.iter().any(Version::is_unknown)
    }
}

fn line(shown: &str, version: &Version) -> String {
    let text = version.text();
    match (text.is_empty(), shown.starts_with("pkg:")) {
        (true, _) => shown.to_owned(),
        (false, true) => format!("{shown}@{text}"),
        (false, false) => format!("{shown} {text}"),
    }
}

/// The packages of the image.
#[derive(Default)]
struct Here {
    names: BTreeMap<Name, Mentions>,
    /// Whether `by_word` is filled.
    has_words: bool,
    /// The names by their last word, for components without a package URL.
    by_word: BTreeMap<String, Few<Name>>,
    /// The source packages, with their versions.
    sources: BTreeMap<Name, Few<Version>>,
    /// The source package of each package.
    source_of: BTreeMap<Name, Name>,
}

impl Here {
    fn add(&mut self, package: &Package, purl: &str) {
        let Identity::Package(name, _) = identity(purl, &package.version) else { return };
        // The package itself states its version in full; a package URL may not.
        let version = normal_version(name.kind, &package.version);
        for word in [last_word(&name.name), &name.name].into_iter().filter(|_| self.has_words) {
            let namesakes = self.by_word.entry(word.to_ascii_lowercase()).or_default();
            if namesakes.0.len() < NAMESAKES_MAX && !namesakes.0.contains(&name) {
                namesakes.add(name.clone());
            }
        }
        if matches!(name.kind, "deb" | "apk" | "rpm") {
            let (source, source_version) = match &package.source {
                Some(source) => (source.name.as_str(), source.version.as_str()),
                None => (package.name.as_str(), package.version.as_str()),
            };
            let source = Name { kind: name.kind, name: normal_name(name.kind, source) };
            let source_version = normal_version(name.kind, source_version);
            self.sources.entry(source.clone()).or_default().add(source_version);
            self.source_of.insert(name.clone(), source);
        }
        let mentions = self.names.entry(name).or_default();
        if mentions.shown.is_empty() {
            without_version(purl).clone_into(&mut mentions.shown);
        }
        mentions.versions.add(version);
    }

    fn settle(&mut self) {
        self.names.values_mut().for_each(|mentions| mentions.versions.settle());
        self.by_word.values_mut().for_each(Few::settle);
        self.sources.values_mut().for_each(Few::settle);
    }
}

fn last_word(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The packages of the SBOM.
#[derive(Default)]
struct There {
    names: BTreeMap<Name, Mentions>,
    /// What is mentioned as a source package.
    as_source: BTreeMap<Name, Mentions>,
    /// The source packages that stand for what was built from them.
    sources: BTreeSet<Name>,
}

impl There {
    fn settle(&mut self) {
        let all = self.names.values_mut().chain(self.as_source.values_mut());
        all.for_each(|mentions| mentions.versions.settle());
    }

    fn add(&mut self, package: &BomPackage, here: &Here, comparison: &mut Comparison) {
        let purl = package.purl();
        match identity(purl, &package.version) {
            Identity::Package(name, version) if version.is_source => {
                let version = Version { is_source: false, ..version };
                mention(&mut self.as_source, name, without_version(purl), version);
            }
            Identity::Package(name, version) => {
                mention(&mut self.names, name, without_version(purl), version);
            }
            Identity::OtherKind(kind) => {
                let kind = kind.chars().take(40).collect();
                // Types of package URLs are few. A document that makes up many is not counted in full.
                if comparison.other_kinds.len() < 100 || comparison.other_kinds.contains_key(&kind) {
                    *comparison.other_kinds.entry(kind).or_default() += 1;
                }
            }
            Identity::Malformed => self.add_by_name(package, here, comparison),
        }
    }

    fn add_by_name(&mut self, package: &BomPackage, here: &Here, comparison: &mut Comparison) {
        let word = package.name.replace(':', "/").to_ascii_lowercase();
        let named = here.by_word.get(&word).or_else(|| here.by_word.get(last_word(&word)));
        let version_of = |name: &Name| normal_version(name.kind, &package.version);
        let has_it = |name: &&Name| {
            let versions = here.names.get(name).map(|mentions| &mentions.versions);
            versions.is_some_and(|versions| versions.has(&version_of(name)))
        };
        let best = named.and_then(|names| names.iter().find(has_it).or_else(|| names.0.first()));
        match best {
            Some(name) => {
                let shown = here.names.get(name).map_or("", |mentions| &mentions.shown);
                mention(&mut self.names, name.clone(), shown, version_of(name));
            }
            None => comparison.only_there.push(line(&package.name, &normal_version("", &package.version))),
        }
    }

    /// Moves source packages, said or not, out of the names. They stand for what was built from them.
    fn take_sources(&mut self, here: &Here, comparison: &mut Comparison) {
        let unsaid = |name: &Name| !here.names.contains_key(name) && here.sources.contains_key(name);
        let moved: Vec<Name> = self.names.keys().filter(|name| unsaid(name)).cloned().collect();
        for name in moved {
            if let Some(mentions) = self.names.remove(&name) {
                self.as_source.entry(name).or_insert(mentions);
            }
        }
        for (name, mentions) in std::mem::take(&mut self.as_source) {
            match here.sources.get(&name) {
                Some(versions) => {
                    let found = Mentions { shown: mentions.shown.clone(), versions: versions.clone() };
                    differ_in(&mentions, &found, comparison, false);
                    self.sources.insert(name);
                }
                None => comparison.only_there.extend(mentions.lines()),
            }
        }
    }

    /// What the SBOM describes can itself be a package of the image, which the SBOM does not list again.
    fn take_subject(&self, bom: &Bom, here: &mut Here) {
        let Some(subject) = &bom.subject else { return };
        let purl = subject.purl.as_deref().unwrap_or_default();
        let version = subject.version.as_deref().unwrap_or_default();
        if let Identity::Package(name, _) = identity(purl, version)
            && !self.names.contains_key(&name)
        {
            here.names.remove(&name);
        }
    }
}

fn mention(names: &mut BTreeMap<Name, Mentions>, name: Name, shown: &str, version: Version) {
    let mentions = names.entry(name).or_default();
    if mentions.shown.is_empty() {
        shown.clone_into(&mut mentions.shown);
    }
    mentions.versions.add(version);
}

/// Matches Java archives by artifact and version. Their group is often a guess, of tools and of this one.
fn match_by_artifact(there: &mut BTreeMap<Name, Mentions>, here: &mut Here, comparison: &mut Comparison) {
    let key = |name: &Name, version: &Version| (last_word(&name.name).to_owned(), version.clone());
    let unmatched = |name: &Name| name.kind == "maven" && !there.contains_key(name);
    let mut waiting: BTreeMap<(String, Version), Vec<Name>> = BTreeMap::new();
    for (name, mentions) in here.names.iter().filter(|(name, _)| unmatched(name)) {
        for version in mentions.versions.iter() {
            waiting.entry(key(name, version)).or_default().push(name.clone());
        }
    }
    let lone: Vec<Name> =
        there.keys().filter(|name| name.kind == "maven" && !here.names.contains_key(name)).cloned().collect();
    let mut matched: BTreeMap<Name, BTreeSet<Version>> = BTreeMap::new();
    for name in lone {
        let Some(mentions) = there.get_mut(&name) else { continue };
        mentions.versions.0.retain(|version| {
            let Some(match_here) = waiting.get_mut(&key(&name, version)).and_then(Vec::pop) else {
                return true;
            };
            matched.entry(match_here).or_default().insert(version.clone());
            comparison.same += 1;
            false
        });
    }
    for (name, versions) in matched {
        if let Some(found) = here.names.get_mut(&name) {
            found.versions.0.retain(|version| !versions.contains(version));
        }
    }
}

fn differ(there: &Mentions, here: &Mentions, comparison: &mut Comparison) {
    differ_in(there, here, comparison, true);
}

/// Compares the versions of one name. Source packages need not all be listed.
fn differ_in(there: &Mentions, here: &Mentions, comparison: &mut Comparison, is_complete: bool) {
    if there.is_unknown() || here.is_unknown() {
        comparison.same += 1;
        return;
    }
    let mut only_there = there.versions.not_in(&here.versions);
    let mut only_here = here.versions.not_in(&there.versions);
    drop_missing_epochs(&mut only_there, &mut only_here, there, here);
    match (only_there.is_empty(), only_here.is_empty() || !is_complete) {
        (true, true) => comparison.same += 1,
        (false, true) if is_complete => {
            comparison.only_there.extend(only_there.iter().map(|version| line(&there.shown, version)));
        }
        (true, false) => {
            comparison.only_here.extend(only_here.iter().map(|version| line(&here.shown, version)));
        }
        _ => comparison.other_version.push(OtherVersion {
            purl: here.shown.clone(),
            there: joined(&only_there),
            here: joined(&only_here),
        }),
    }
}

/// Takes versions out that are the same but for an epoch that one side does not write.
fn drop_missing_epochs(
    only_there: &mut Vec<&Version>,
    only_here: &mut Vec<&Version>,
    there: &Mentions,
    here: &Mentions,
) {
    let rests = |mentions: &Mentions, without_epoch: bool| -> BTreeSet<String> {
        let counts = |version: &&Version| !without_epoch || version.epoch.is_none();
        mentions.versions.iter().filter(counts).map(|version| version.rest.clone()).collect()
    };
    if only_there.iter().chain(only_here.iter()).all(|version| version.epoch.is_none()) {
        return;
    }
    let (all_there, bare_there) = (rests(there, false), rests(there, true));
    let (all_here, bare_here) = (rests(here, false), rests(here, true));
    only_there.retain(|version| {
        !(bare_here.contains(&version.rest) || version.epoch.is_none() && all_here.contains(&version.rest))
    });
    only_here.retain(|version| {
        !(bare_there.contains(&version.rest) || version.epoch.is_none() && all_there.contains(&version.rest))
    });
}

fn joined(versions: &[&Version]) -> String {
    let shown: Vec<String> = versions.iter().take(VERSIONS_SHOWN_MAX).map(|version| version.text()).collect();
    match versions.len().checked_sub(VERSIONS_SHOWN_MAX) {
        Some(more) if more > 0 => format!("{} and {more} more", shown.join(", ")),
        _ => shown.join(", "),
    }
}

impl Comparison {
    /// Sorts the lists and cuts them.
    fn bound(&mut self) {
        fn cut<T: Ord>(list: &mut Vec<T>, bytes_of: impl Fn(&T) -> usize) -> u64 {
            list.sort();
            list.dedup();
            let mut bytes = 0_usize;
            let kept = list.iter().take(LINES_MAX).take_while(|line| {
                bytes = bytes.saturating_add(bytes_of(line));
                bytes <= LINES_BYTES_MAX
            });
            let kept = kept.count();
            let more = list.len() - kept;
            list.truncate(kept);
            list.shrink_to_fit();
            more as u64
        }
        self.left_out = LeftOut {
            only_there: cut(&mut self.only_there, String::len),
            only_here: cut(&mut self.only_here, String::len),
            other_version: cut(&mut self.other_version, |line| {
                line.purl.len() + line.there.len() + line.here.len()
            }),
        };
    }
}

#[cfg(test)]
mod tests;
