//! What is kept of the files that say something about packages. Whether such a file is in its place is known only when the
//! layers are merged, so each is read by its name first.

use std::sync::Arc;

use crate::content::deflate::{zlib, zlib_stream_quickly};
use crate::content::executable::{Executable, is_executable};
use crate::packages::{
    Found, OsRelease, Package, Wanted, apk, cargo, dotnet, dpkg, golang, java, npm, python, rpm, ruby,
};

/// What a package takes in memory beside its texts, in bytes. Images and the report share it; their lines are counted apart.
const PACKAGE_BYTES: usize = 300;

/// What a file takes in memory beside what it says, in bytes: its place in a table that grows by doubling.
const FILE_BYTES: usize = 200;

/// What one file says.
#[derive(Debug)]
pub(super) enum Captured {
    /// The packages of a database, or of a file that describes one.
    Packages(Described),
    /// The paths that a package owns.
    Owned(Vec<Vec<u8>>),
    /// The licences that a copyright file declares.
    Licences(Vec<String>),
    /// The distribution.
    Release(OsRelease),
    /// A file that must be read together with another, as it is.
    Raw(Raw),
}

/// What was read from a database or file. A layer may have hundreds of thousands of files with one package each, so this has no
/// room to spare, and all that list a package share it.
#[derive(Debug)]
pub(super) struct Described {
    /// The packages, in the order of the file.
    pub packages: Box<[Arc<Package>]>,
    /// The paths that these packages own, without a leading slash.
    pub owned: Box<[Vec<u8>]>,
    /// What could not be read, as sentences for people.
    pub problems: Box<[String]>,
    /// Archives in archives that were not read because they lie too deep, as sentences for people.
    pub too_deep: Box<[String]>,
}

impl From<Found> for Described {
    fn from(found: Found) -> Described {
        let Found { packages, owned, problems, too_deep } = found;
        let share = |mut package: Package| {
            package.licences.shrink_to_fit();
            Arc::new(package)
        };
        Described {
            packages: packages.into_iter().map(share).collect(),
            owned: owned.into(),
            problems: problems.into(),
            too_deep: too_deep.into(),
        }
    }
}

/// The content of a file, deflated: databases shrink to a third or less, and a bundle may have many.
#[derive(Debug)]
pub(super) struct Raw {
    deflated: Vec<u8>,
    bytes: usize,
}

impl Raw {
    fn of(content: &[u8]) -> Raw {
        let mut deflated = zlib_stream_quickly(content);
        deflated.shrink_to_fit();
        Raw { deflated, bytes: content.len() }
    }

    /// The content.
    pub(super) fn content(&self) -> Vec<u8> {
        // It was deflated here, so this does not fail.
        zlib(&self.deflated, self.bytes).map(|inflated| inflated.bytes).unwrap_or_default()
    }
}

impl Captured {
    /// About how many bytes it takes in memory.
    pub(super) fn weight(&self) -> u64 {
        // Merging makes a hash of each path.
        let paths = |paths: &[Vec<u8>]| paths.iter().map(|path| path.len() + 24 + 16).sum::<usize>();
        let package = |package: &Arc<Package>| {
            let licences: usize = package.licences.iter().map(|licence| licence.len() + 40).sum();
            PACKAGE_BYTES + package.name.len() + package.version.len() + licences
        };
        let bytes = match self {
            Captured::Packages(found) => {
                let problems = found.problems.iter().chain(found.too_deep.iter());
                let problems: usize = problems.map(|problem| problem.len() + 24).sum();
                found.packages.iter().map(package).sum::<usize>() + paths(&found.owned) + problems
            }
            Captured::Owned(owned) => paths(owned),
            Captured::Licences(licences) => licences.iter().map(|licence| licence.len() + 24).sum(),
            Captured::Release(_) => 512,
            Captured::Raw(raw) => raw.deflated.len(),
        };
        (bytes + FILE_BYTES) as u64
    }
}

/// Reads a file that `wanted` names. `path` is that in its layer. Archives in archives are read `depth_max` deep. `None` if it
/// says nothing.
pub(super) fn capture(wanted: Wanted, path: &[u8], body: &[u8], depth_max: usize) -> Option<Captured> {
    let folder =
        path.iter().rposition(|byte| *byte == b'/').and_then(|at| path.get(..at)).unwrap_or_default();
    let captured = match wanted {
        Wanted::Dpkg => Captured::Packages(dpkg::status(body).into()),
        Wanted::DpkgStatusD => Captured::Packages(dpkg::status_d(body).into()),
        Wanted::DpkgList => Captured::Owned(dpkg::owned(body)),
        Wanted::DpkgSums => Captured::Owned(dpkg::owned_by_sums(body)),
        Wanted::Copyright => Captured::Licences(dpkg::licences(body)),
        Wanted::Apk => Captured::Packages(apk::installed(body).into()),
        Wanted::RpmSqlite | Wanted::RpmWal => Captured::Raw(Raw::of(body)),
        Wanted::RpmNdb => Captured::Packages(rpm::ndb(body).into()),
        Wanted::RpmBdb => Captured::Packages(rpm::bdb(body).into()),
        Wanted::OsRelease => Captured::Release(OsRelease::parse(body)?),
        Wanted::PythonMetadata => Captured::Packages(python::metadata(body).into()),
        Wanted::PythonRecord => Captured::Owned(python::record(body, folder)),
        Wanted::PythonInstalledFiles => Captured::Owned(python::installed_files(body, folder)),
        Wanted::PackageJson if npm::is_installed(path) => Captured::Packages(npm::package_json(body).into()),
        Wanted::Executable if is_executable(body) => return built_from(&Executable::open(body).ok()?),
        Wanted::Jar => {
            let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            Captured::Packages(java::archive(body, name, depth_max).into())
        }
        Wanted::GemSpec => Captured::Packages(ruby::gemspec(body).into()),
        Wanted::DotnetDeps => Captured::Packages(dotnet::deps_json(body).into()),
        _ => return None,
    };
    Some(captured)
}

/// What an executable says that it was built from. `None` if it says nothing.
pub(super) fn built_from(executable: &Executable<'_>) -> Option<Captured> {
    let mut found = golang::modules(executable);
    let crates = cargo::crates(executable);
    found.packages.extend(crates.packages);
    found.problems.extend(crates.problems);
    let says_nothing = found.packages.is_empty() && found.problems.is_empty();
    (!says_nothing).then(|| Captured::Packages(found.into()))
}
