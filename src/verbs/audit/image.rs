//! The third step: merges the layers of an image, and takes the packages that are in their places.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use super::bounded::Bounded;
use super::budget::Budget;
use super::captured::{Captured, Described};
use super::finding::{Finding, Place, Rule, path_text};
use super::read_layer::ReadLayer;
use super::report::{FileLine, HiddenFiles, PackageScope};
use super::survey::Image;
use super::suspects::Scene;
use crate::content::tar::EntryKind;
use crate::format::Sum;
use crate::oci::Digest;
use crate::packages::{Kind, OsRelease, Package, Wanted, rpm, wanted};
use crate::rootfs::{Entry, Member, MemberId, Members, Rootfs, RootfsLimits};

/// Where dpkg keeps its database.
const DPKG: &[u8] = b"var/lib/dpkg";
/// Where apk keeps its database.
const APK: [&[u8]; 2] = [b"lib/apk/db/installed", b"usr/lib/apk/db/installed"];
/// Where rpm keeps its database, in either of its places.
const RPM: [&[u8]; 2] = [b"var/lib/rpm", b"usr/lib/sysimage/rpm"];
/// Where a distribution says what it is; the first that is there counts (os-release(5)).
const OS_RELEASE: [&[u8]; 2] = [b"etc/os-release", b"usr/lib/os-release"];

/// The entries that are merged at most to find the packages of lower layers: those of a layer count once for each layer above.
const HIDDEN_ENTRIES_MAX: u64 = 20_000_000;

/// A package of an image.
pub(super) struct Located {
    /// What is said of it.
    pub package: Arc<Package>,
    /// The layer that the database or file comes from.
    pub layer: Digest,
    /// The path of the database or file, which many packages share.
    pub path: Arc<str>,
    /// Whether an upper layer hides it.
    pub is_hidden: bool,
}

/// An image whose layers were merged.
#[derive(Default)]
pub(super) struct MergedImage {
    /// What it is a release of, if it says.
    pub release: Option<OsRelease>,
    /// Its packages, in the order in which they were found.
    pub packages: Vec<Located>,
    /// The number of paths.
    pub entries: u64,
    /// The sizes of the files together, in bytes.
    pub bytes: u64,
    /// How many files no package owns, if there is a package database.
    pub unowned: Option<u64>,
    /// The files that upper layers hide, but that travel.
    pub hidden: HiddenFiles,
    /// What was found.
    pub findings: Bounded,
}

/// Merges the layers of an image.
pub(super) fn merge(
    image: Digest,
    survey: &Image,
    layers: &BTreeMap<Digest, ReadLayer>,
    scope: PackageScope,
    files: Option<&dyn Fn(FileLine)>,
    budget: &Arc<Budget>,
) -> MergedImage {
    let digests: Vec<Digest> = survey.layers.iter().map(|layer| layer.digest).collect();
    if !budget.take_merged(Merging::entries(&digests, layers)) {
        let mut merged = MergedImage { findings: Bounded::within(budget), ..MergedImage::default() };
        let text = "the images together have too many entries; the layers of this one were not merged";
        merged.findings.push(Finding::new(Rule::MergeSteps, Place::artifact(image), "run", text.to_owned()));
        return merged;
    }
    let merging = Merging::of(&digests, layers);
    let findings = Bounded::within(budget);
    let mut merged = MergedImage { release: merging.release(), findings, ..MergedImage::default() };
    merging.problems(image, &mut merged);
    let mut owned = Owned::default();
    merging.databases(image, &mut merged, &mut owned);
    merging.files(image, &mut merged, &mut owned);
    let scene = Scene { image, digests: &digests, layers, rootfs: &merging.rootfs };
    if owned.has_database {
        merged.unowned = Some(scene.unowned(&|path| owned.has(path), &mut merged.findings));
    }
    if let Some(config) = &survey.config {
        scene.foreign(config, &mut merged.findings);
    }
    merged.hidden = scene.hidden(&mut merged.findings);
    if let Some(take) = files {
        merging.rootfs.iter().for_each(|entry| take(merging.line(image, &entry)));
    }
    // One tree at a time, because of the memory.
    drop(merging);
    if scope == PackageScope::AllLayers {
        add_hidden(image, &digests, layers, &mut merged, budget);
    }
    merged
}

/// Adds the packages that only a lower layer has. A container of the layers up to there would see them.
fn add_hidden(
    image: Digest,
    digests: &[Digest],
    layers: &BTreeMap<Digest, ReadLayer>,
    merged: &mut MergedImage,
    budget: &Budget,
) {
    // A package is the same in the database of a lower layer and in that of an upper one.
    let what = |package: &Package| {
        let Package { kind, name, version, architecture, .. } = package;
        (*kind, name.clone(), version.clone(), architecture.clone())
    };
    let mut seen: HashSet<_> = merged.packages.iter().map(|located| what(&located.package)).collect();
    let mut work = 0_u64;
    for (at, digest) in digests.iter().enumerate() {
        let Some(below) = digests.get(..=at).filter(|below| below.len() < digests.len()) else { break };
        if layers.get(digest).is_none_or(|read| read.captured.is_empty()) {
            continue;
        }
        let entries = Merging::entries(below, layers);
        work = work.saturating_add(entries);
        if work > HIDDEN_ENTRIES_MAX || !budget.take_merged(entries) {
            let text = "not all packages of lower layers were looked for: the layers have too many entries";
            let place = Place::artifact(image);
            merged.findings.push(Finding::new(Rule::MergeSteps, place, "hidden", text.to_owned()));
            break;
        }
        let merging = Merging::of(below, layers);
        let mut lower = MergedImage::default();
        let mut owned = Owned::default();
        merging.databases(image, &mut lower, &mut owned);
        merging.files(image, &mut lower, &mut owned);
        for located in lower.packages {
            if seen.insert(what(&located.package)) {
                merged.packages.push(Located { is_hidden: true, ..located });
            }
        }
    }
}

/// The paths that packages own.
#[derive(Default)]
struct Owned {
    has_database: bool,
    hasher: RandomState,
    /// Hashes of paths: two million paths would take too much room.
    paths: HashSet<u64>,
}

impl Owned {
    /// Notes paths as packages write them. A folder above may be a link in the image.
    fn add(&mut self, paths: &[Vec<u8>], rootfs: &Rootfs) {
        for path in paths {
            let hash = match rootfs.resolve_link(path) {
                Ok(entry) => self.hasher.hash_one(entry.path()),
                Err(_) => continue,
            };
            self.paths.insert(hash);
        }
    }

    fn has(&self, path: &[u8]) -> bool {
        self.paths.contains(&self.hasher.hash_one(path.to_vec()))
    }
}

/// The merged layers of an image.
pub(super) struct Merging<'a> {
    /// The layers of the image, base layer first.
    digests: &'a [Digest],
    layers: &'a BTreeMap<Digest, ReadLayer>,
    rootfs: Rootfs,
}

impl<'a> Merging<'a> {
    /// Merges these layers, base layer first. One that was not read counts as empty.
    pub(super) fn of(digests: &'a [Digest], layers: &'a BTreeMap<Digest, ReadLayer>) -> Merging<'a> {
        let table =
            |digest: &Digest| layers.get(digest).map(|read| Arc::clone(&read.members)).unwrap_or_default();
        let tables: Vec<Arc<Members>> = digests.iter().map(table).collect();
        Merging { digests, layers, rootfs: Rootfs::merge(&tables, &RootfsLimits::default()) }
    }

    /// The entries that merging these layers takes.
    pub(super) fn entries<'d>(
        digests: impl IntoIterator<Item = &'d Digest>,
        layers: &BTreeMap<Digest, ReadLayer>,
    ) -> u64 {
        digests.into_iter().map(|digest| layers.get(digest).map_or(0, |read| read.members.len() as u64)).sum()
    }

    /// The merged file system.
    pub(super) fn rootfs(&self) -> &Rootfs {
        &self.rootfs
    }

    fn captured(&self, entry: &Entry<'_>) -> Option<(&'a Captured, Digest)> {
        let MemberId { layer, number } = entry.body()?;
        let digest = *self.digests.get(usize::from(layer))?;
        Some((self.layers.get(&digest)?.captured.get(&number)?, digest))
    }

    fn at(&self, path: &[u8]) -> Option<(&'a Captured, Digest)> {
        let entry = self.rootfs.resolve(path).ok()?;
        self.captured(&entry)
    }

    fn release(&self) -> Option<OsRelease> {
        OS_RELEASE.iter().find_map(|path| match self.at(path) {
            Some((Captured::Release(release), _)) => Some(release.clone()),
            _ => None,
        })
    }

    fn problems(&self, image: Digest, merged: &mut MergedImage) {
        for problem in self.rootfs.problems().kept() {
            let rule = Rule::named(problem.rule()).unwrap_or(Rule::OddEntry);
            let mut place = Place::artifact(image);
            let mut detail = String::new();
            if let Some((layer, path)) = problem.place() {
                place.layer = self.digests.get(layer).copied();
                place = place.at(path);
                detail = layer.to_string();
            }
            merged.findings.push(Finding::new(rule, place, &detail, problem.to_string()));
        }
    }

    /// Takes the packages of the databases of the system.
    fn databases(&self, image: Digest, merged: &mut MergedImage, owned: &mut Owned) {
        let status = [DPKG, b"/status"].concat();
        let mut licences = false;
        match self.at(&status) {
            Some((Captured::Packages(found), layer)) => {
                owned.has_database = true;
                licences = true;
                Self::take(image, found, layer, &status, merged);
            }
            _ => self.is_unread(image, &status, merged),
        }
        for (folder, is_list) in [(&b"/status.d"[..], false), (b"/info", true)] {
            let folder = [DPKG, folder].concat();
            let Ok(entry) = self.rootfs.resolve(&folder) else { continue };
            for file in entry.children() {
                match self.captured(&file) {
                    Some((Captured::Packages(found), layer)) if !is_list => {
                        owned.has_database = true;
                        licences = true;
                        Self::take(image, found, layer, &file.path(), merged);
                    }
                    Some((Captured::Owned(paths), _)) => owned.add(paths, &self.rootfs),
                    _ => {}
                }
            }
        }
        if licences {
            self.licences(merged);
        }
        self.rpm(image, merged, owned);
        for path in APK {
            match self.at(path) {
                Some((Captured::Packages(found), layer)) => {
                    owned.has_database = true;
                    owned.add(&found.owned, &self.rootfs);
                    Self::take(image, found, layer, path, merged);
                    break;
                }
                _ => self.is_unread(image, path, merged),
            }
        }
    }

    /// Takes the packages of rpm, from the first database that is there.
    fn rpm(&self, image: Digest, merged: &mut MergedImage, owned: &mut Owned) {
        for folder in RPM {
            let sqlite = [folder, b"/rpmdb.sqlite"].concat();
            if let Some((Captured::Raw(database), layer)) = self.at(&sqlite) {
                let log = self.at(&[&sqlite[..], b"-wal"].concat());
                let log = match log {
                    Some((Captured::Raw(log), _)) => Some(log.content()),
                    _ => None,
                };
                let found = Described::from(rpm::sqlite(&database.content(), log.as_deref()));
                owned.has_database = true;
                owned.add(&found.owned, &self.rootfs);
                Self::take(image, &found, layer, &sqlite, merged);
                return;
            }
            self.is_unread(image, &sqlite, merged);
            for name in [&b"/Packages.db"[..], b"/Packages"] {
                let path = [folder, name].concat();
                if let Some((Captured::Packages(found), layer)) = self.at(&path) {
                    owned.has_database = true;
                    owned.add(&found.owned, &self.rootfs);
                    Self::take(image, found, layer, &path, merged);
                    return;
                }
                self.is_unread(image, &path, merged);
            }
        }
    }

    /// A database that is there, but that was not read, must not look like none.
    fn is_unread(&self, image: Digest, path: &[u8], merged: &mut MergedImage) {
        let Ok(entry) = self.rootfs.resolve(path) else { return };
        if entry.kind() == EntryKind::File {
            let text = "the package database was not read".to_owned();
            let place = Place::artifact(image).at(path);
            merged.findings.push(Finding::new(Rule::PackagesUnreadable, place, "unread", text));
        }
    }

    /// Adds the licences that the copyright files of Debian's packages declare.
    fn licences(&self, merged: &mut MergedImage) {
        for located in merged.packages.iter_mut().filter(|located| located.package.kind == Kind::Deb) {
            let path = format!("usr/share/doc/{}/copyright", located.package.name);
            if let Some((Captured::Licences(licences), _)) = self.at(path.as_bytes()) {
                Arc::make_mut(&mut located.package).licences.clone_from(licences);
            }
        }
    }

    /// Takes the packages that are described by files of their own.
    fn files(&self, image: Digest, merged: &mut MergedImage, owned: &mut Owned) {
        for entry in self.rootfs.iter() {
            merged.entries += 1;
            if entry.kind() != EntryKind::File {
                continue;
            }
            merged.bytes = merged.bytes.saturating_add(entry.size());
            match self.captured(&entry) {
                Some((Captured::Packages(found), layer)) => {
                    let is_own =
                        |package: &Arc<Package>| matches!(package.kind, Kind::Deb | Kind::Apk | Kind::Rpm);
                    let path = entry.path();
                    // Many files have the name of a database, and are none.
                    let is_database = || wanted(&path, entry.mode()).is_some_and(Wanted::is_database);
                    if !found.packages.iter().any(is_own) && (!found.packages.is_empty() || !is_database()) {
                        Self::take(image, found, layer, &path, merged);
                    }
                }
                // Lists of dpkg count in its own folder only: many other files have such names.
                Some((Captured::Owned(paths), _)) if is_list_of_python(&entry) => {
                    owned.add(paths, &self.rootfs);
                }
                _ => {}
            }
        }
    }

    fn take(image: Digest, found: &Described, layer: Digest, path: &[u8], merged: &mut MergedImage) {
        let text: Arc<str> = path_text(path).into();
        merged.packages.extend(found.packages.iter().map(|package| Located {
            package: Arc::clone(package),
            layer,
            path: Arc::clone(&text),
            is_hidden: false,
        }));
        let problems = found.problems.iter().map(|problem| (Rule::PackagesUnreadable, problem));
        let too_deep = found.too_deep.iter().map(|problem| (Rule::DepthLimit, problem));
        for (rule, problem) in problems.chain(too_deep) {
            let place = Place { layer: Some(layer), ..Place::artifact(image) }.at(path);
            merged.findings.push(Finding::new(rule, place, problem, problem.clone()));
        }
    }

    /// Returns what is listed of an entry.
    pub(super) fn line(&self, image: Digest, entry: &Entry<'_>) -> FileLine {
        FileLine {
            image,
            path: path_text(&entry.path()),
            // Of another name of a link or device, a container sees what it is.
            kind: match entry.kind() {
                EntryKind::File if entry.is_hard_link() => "hardlink",
                other => kind(other),
            }
            .to_owned(),
            mode: entry.mode(),
            uid: entry.uid(),
            gid: entry.gid(),
            size: entry.size(),
            mtime: entry.mtime(),
            target: Some(entry.link()).filter(|link| !link.is_empty()).map(path_text),
            layer: self.digests.get(usize::from(entry.layer())).copied(),
            sha256: self.sum(entry),
        }
    }

    /// The sum of the content of a file, if it was computed.
    fn sum(&self, entry: &Entry<'_>) -> Option<Sum> {
        let MemberId { layer, number } = entry.body()?;
        self.layers.get(self.digests.get(usize::from(layer))?)?.sum(number)
    }
}

/// Returns what is listed of an entry of a layer, as the archive has it.
pub(super) fn member_line(image: Digest, layer: Option<Digest>, member: &Member<'_>) -> FileLine {
    FileLine {
        image,
        path: path_text(&member.path()),
        kind: kind(member.kind).to_owned(),
        mode: member.mode,
        uid: member.uid,
        gid: member.gid,
        size: member.size,
        mtime: Some(member.mtime),
        target: Some(member.link).filter(|link| !link.is_empty()).map(path_text),
        layer,
        sha256: None,
    }
}

/// Whether it lists the files of a Python distribution.
fn is_list_of_python(entry: &Entry<'_>) -> bool {
    let wanted = wanted(&entry.path(), entry.mode());
    matches!(wanted, Some(Wanted::PythonRecord | Wanted::PythonInstalledFiles))
}

fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Symlink => "symlink",
        EntryKind::HardLink => "hardlink",
        EntryKind::Folder => "folder",
        EntryKind::CharDevice | EntryKind::BlockDevice => "device",
        EntryKind::Fifo => "fifo",
        EntryKind::File | EntryKind::Other(_) => "file",
    }
}
