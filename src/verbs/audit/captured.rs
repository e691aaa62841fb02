//! What is kept of the files that say something about packages. Whether such a file is in its place is known only when the
//! layers are merged, so each is read by its name first.

use crate::content::deflate::{zlib, zlib_stream_quickly};
use crate::content::executable::{Executable, is_executable};
use crate::packages::{
    Found, OsRelease, Wanted, apk, cargo, dotnet, dpkg, golang, java, npm, python, rpm, ruby,
};

/// What one file says.
#[derive(Debug)]
pub(super) enum Captured {
    /// The packages of a database, or of a file that describes one.
    Packages(Found),
    /// The paths that a package owns.
    Owned(Vec<Vec<u8>>),
    /// The licences that a copyright file declares.
    Licences(Vec<String>),
    /// The distribution.
    Release(OsRelease),
    /// A file that must be read together with another, as it is.
    Raw(Raw),
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
        let package = |package: &crate::packages::Package| {
            let licences: usize = package.licences.iter().map(|licence| licence.len() + 24).sum();
            // Twice what it takes itself: the report has it, too.
            450 + package.name.len() + 2 * package.version.len() + licences
        };
        let bytes = match self {
            Captured::Packages(found) => {
                let problems = found.problems.iter().chain(&found.too_deep);
                let problems: usize = problems.map(|problem| problem.len() + 24).sum();
                found.packages.iter().map(package).sum::<usize>() + paths(&found.owned) + problems
            }
            Captured::Owned(owned) => paths(owned),
            Captured::Licences(licences) => licences.iter().map(|licence| licence.len() + 24).sum(),
            Captured::Release(_) => 512,
            Captured::Raw(raw) => raw.deflated.len(),
        };
        bytes as u64 + 100
    }
}

/// Reads a file that `wanted` names. `path` is that in its layer. Archives in archives are read `depth_max` deep. `None` if it
/// says nothing.
pub(super) fn capture(wanted: Wanted, path: &[u8], body: &[u8], depth_max: usize) -> Option<Captured> {
    let folder =
        path.iter().rposition(|byte| *byte == b'/').and_then(|at| path.get(..at)).unwrap_or_default();
    let captured = match wanted {
        Wanted::Dpkg => Captured::Packages(dpkg::status(body)),
        Wanted::DpkgStatusD => Captured::Packages(dpkg::status_d(body)),
        Wanted::DpkgList => Captured::Owned(dpkg::owned(body)),
        Wanted::DpkgSums => Captured::Owned(dpkg::owned_by_sums(body)),
        Wanted::Copyright => Captured::Licences(dpkg::licences(body)),
        Wanted::Apk => Captured::Packages(apk::installed(body)),
        Wanted::RpmSqlite | Wanted::RpmWal => Captured::Raw(Raw::of(body)),
        Wanted::RpmNdb => Captured::Packages(rpm::ndb(body)),
        Wanted::RpmBdb => Captured::Packages(rpm::bdb(body)),
        Wanted::OsRelease => Captured::Release(OsRelease::parse(body)?),
        Wanted::PythonMetadata => Captured::Packages(python::metadata(body)),
        Wanted::PythonRecord => Captured::Owned(python::record(body, folder)),
        Wanted::PythonInstalledFiles => Captured::Owned(python::installed_files(body, folder)),
        Wanted::PackageJson if npm::is_installed(path) => Captured::Packages(npm::package_json(body)),
        Wanted::Executable if is_executable(body) => {
            let executable = Executable::open(body).ok()?;
            let mut found = golang::modules(&executable);
            let crates = cargo::crates(&executable);
            found.packages.extend(crates.packages);
            found.problems.extend(crates.problems);
            if found.packages.is_empty() && found.problems.is_empty() {
                return None;
            }
            Captured::Packages(found)
        }
        Wanted::Jar => {
            let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            Captured::Packages(java::archive(body, name, depth_max))
        }
        Wanted::GemSpec => Captured::Packages(ruby::gemspec(body)),
        Wanted::DotnetDeps => Captured::Packages(dotnet::deps_json(body)),
        _ => return None,
    };
    Some(captured)
}
