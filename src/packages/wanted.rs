//! Which files of a layer are read, and how much of them.
//!
//! The base name decides first. Whether the file is in its place, e.g. at `var/lib/dpkg/status`, is known only when the
//! layers are merged: a link or a renamed folder may lead there. A few folder rules keep out files that are common.

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// What reads the body of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Wanted {
    /// `status` of dpkg.
    Dpkg,
    /// A file of `status.d`, which images without dpkg have.
    DpkgStatusD,
    /// `info/PACKAGE.list` of dpkg: the paths of a package.
    DpkgList,
    /// `PACKAGE.md5sums`, in `info` or `status.d`: paths with their sums.
    DpkgSums,
    /// `doc/PACKAGE/copyright`.
    Copyright,
    /// `installed` of apk.
    Apk,
    /// `rpmdb.sqlite`.
    RpmSqlite,
    /// `rpmdb.sqlite-wal`: what is not yet in `rpmdb.sqlite`.
    RpmWal,
    /// `Packages.db` of rpm's own format.
    RpmNdb,
    /// `Packages` of Berkeley DB.
    RpmBdb,
    /// `os-release`.
    OsRelease,
    /// `METADATA` in a `.dist-info` folder, `PKG-INFO` in an `.egg-info` folder or an egg, or a file `*.egg-info`.
    PythonMetadata,
    /// `RECORD` in a `.dist-info` folder: the paths of a distribution.
    PythonRecord,
    /// `installed-files.txt` in an `.egg-info` folder: the same, as pip wrote it before wheels.
    PythonInstalledFiles,
    /// `package.json`. Whether it is an installed package is decided by `npm::is_installed`.
    PackageJson,
    /// A lock file of npm, yarn or pnpm: what should be installed. A hint only.
    NodeLock,
    /// A Java archive.
    Jar,
    /// An executable, or a library of one. Its head tells the architecture; the rest may name what it was built from.
    Executable,
    /// `specifications/*.gemspec`.
    GemSpec,
    /// `*.deps.json`.
    DotnetDeps,
}

impl Wanted {
    /// The most bytes of the body that are read. A longer file is named as too large.
    pub fn bytes_max(self) -> u64 {
        match self {
            // The databases of large systems, and executables and archives with everything in them.
            Wanted::Apk
            | Wanted::Dpkg
            | Wanted::Executable
            | Wanted::Jar
            | Wanted::RpmBdb
            | Wanted::RpmNdb
            | Wanted::RpmSqlite
            | Wanted::RpmWal => 48 * MIB,
            // One line a file. The longest lists have some 50,000.
            Wanted::DpkgList | Wanted::DpkgSums | Wanted::PythonRecord | Wanted::PythonInstalledFiles => {
                8 * MIB
            }
            // Libraries of C++ and browsers have copyright files of two megabytes.
            Wanted::Copyright | Wanted::DotnetDeps | Wanted::PythonMetadata => 4 * MIB,
            Wanted::PackageJson => MIB,
            Wanted::DpkgStatusD | Wanted::GemSpec => 256 * KIB,
            Wanted::OsRelease => 64 * KIB,
            // Only that it is there.
            Wanted::NodeLock => 0,
        }
    }

    /// Whether it is the database of a system's packages, or a part of one. Only one that is in its place counts.
    pub fn is_database(self) -> bool {
        matches!(
            self,
            Wanted::Dpkg
                | Wanted::DpkgStatusD
                | Wanted::Apk
                | Wanted::RpmSqlite
                | Wanted::RpmWal
                | Wanted::RpmNdb
                | Wanted::RpmBdb
        )
    }

    /// How many bytes of the head show whether the rest is needed. `None` if the whole body always is.
    pub fn head_bytes(self) -> Option<u64> {
        matches!(self, Wanted::Executable).then_some(64)
    }
}

/// What wants the body of a regular file with this path and these permission bits. `None`: nothing does.
///
/// The path is as the layer has it; a leading `./` or `/` does no harm.
pub fn wanted(path: &[u8], mode: u32) -> Option<Wanted> {
    let mut parts = path.rsplit(|byte| *byte == b'/');
    let name = parts.next().unwrap_or_default();
    let folder = parts.next().unwrap_or_default();
    by_name(name).or_else(|| by_folder(name, folder)).or_else(|| executable(name, mode))
}

fn by_name(name: &[u8]) -> Option<Wanted> {
    Some(match name {
        b"status" => Wanted::Dpkg,
        b"copyright" => Wanted::Copyright,
        b"installed" => Wanted::Apk,
        b"rpmdb.sqlite" => Wanted::RpmSqlite,
        b"rpmdb.sqlite-wal" => Wanted::RpmWal,
        b"Packages.db" => Wanted::RpmNdb,
        b"Packages" => Wanted::RpmBdb,
        b"os-release" => Wanted::OsRelease,
        b"package.json" => Wanted::PackageJson,
        b"package-lock.json" | b"npm-shrinkwrap.json" | b"yarn.lock" | b"pnpm-lock.yaml" => Wanted::NodeLock,
        _ if name.ends_with(b".list") => Wanted::DpkgList,
        _ if name.ends_with(b".md5sums") => Wanted::DpkgSums,
        _ if name.ends_with(b".egg-info") => Wanted::PythonMetadata,
        _ if name.ends_with(b".deps.json") => Wanted::DotnetDeps,
        _ if has_extension(name, JAR_EXTENSIONS) => Wanted::Jar,
        _ => return None,
    })
}

fn by_folder(name: &[u8], folder: &[u8]) -> Option<Wanted> {
    let of_python = folder.ends_with(b".dist-info");
    let of_egg = folder.ends_with(b".egg-info") || folder == b"EGG-INFO";
    let of_gems = folder == b"specifications" || folder == b"default";
    match name {
        b"METADATA" if of_python => Some(Wanted::PythonMetadata),
        b"RECORD" if of_python => Some(Wanted::PythonRecord),
        b"PKG-INFO" if of_egg => Some(Wanted::PythonMetadata),
        b"installed-files.txt" if of_egg => Some(Wanted::PythonInstalledFiles),
        _ if of_gems && name.ends_with(b".gemspec") => Some(Wanted::GemSpec),
        _ if folder == b"status.d" => Some(Wanted::DpkgStatusD),
        _ => None,
    }
}

/// Executables by their permission bits. Windows images and libraries are known by their names.
fn executable(name: &[u8], mode: u32) -> Option<Wanted> {
    let is_library = name.ends_with(b".so") || name.windows(4).any(|part| part == b".so.");
    let runs = mode & 0o111 != 0 || is_library || has_extension(name, &["exe", "dll", "dylib", "node"]);
    runs.then_some(Wanted::Executable)
}

/// The names of Java archives, of Maven's and Jenkins' packagings.
const JAR_EXTENSIONS: &[&str] = &["jar", "war", "ear", "rar", "par", "sar", "kar", "nar", "jpi", "hpi"];

fn has_extension(name: &[u8], extensions: &[&str]) -> bool {
    let Some(dot) = name.iter().rposition(|byte| *byte == b'.') else {
        return false;
    };
    let extension = name.get(dot + 1..).unwrap_or_default();
    extensions.iter().any(|known| extension.eq_ignore_ascii_case(known.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_folders_decide() {
        for (path, expected) in [
            ("var/lib/dpkg/status", Some(Wanted::Dpkg)),
            ("opt/dpkg/status", Some(Wanted::Dpkg)),
            ("var/lib/dpkg/status.d/base", Some(Wanted::DpkgStatusD)),
            ("var/lib/dpkg/status.d/base.md5sums", Some(Wanted::DpkgSums)),
            ("./var/lib/dpkg/info/libc6:amd64.list", Some(Wanted::DpkgList)),
            ("usr/share/doc/zlib1g/copyright", Some(Wanted::Copyright)),
            ("/lib/apk/db/installed", Some(Wanted::Apk)),
            ("var/lib/rpm/rpmdb.sqlite", Some(Wanted::RpmSqlite)),
            ("var/lib/rpm/rpmdb.sqlite-wal", Some(Wanted::RpmWal)),
            ("var/lib/rpm/rpmdb.sqlite-shm", None),
            ("usr/lib/sysimage/rpm/Packages.db", Some(Wanted::RpmNdb)),
            ("var/lib/rpm/Packages", Some(Wanted::RpmBdb)),
            ("etc/os-release", Some(Wanted::OsRelease)),
            ("site-packages/six-1.17.0.dist-info/METADATA", Some(Wanted::PythonMetadata)),
            ("site-packages/six-1.17.0.dist-info/RECORD", Some(Wanted::PythonRecord)),
            ("site-packages/six/METADATA", None),
            ("dist-packages/six.egg-info", Some(Wanted::PythonMetadata)),
            ("dist-packages/six.egg-info/PKG-INFO", Some(Wanted::PythonMetadata)),
            ("six-1.egg/EGG-INFO/PKG-INFO", Some(Wanted::PythonMetadata)),
            ("usr/lib/node_modules/npm/package.json", Some(Wanted::PackageJson)),
            ("app/yarn.lock", Some(Wanted::NodeLock)),
            ("app/a.JAR", Some(Wanted::Jar)),
            ("app/a.war", Some(Wanted::Jar)),
            ("gems/3.1.0/specifications/rake-13.0.6.gemspec", Some(Wanted::GemSpec)),
            ("gems/3.1.0/specifications/default/json-2.6.1.gemspec", Some(Wanted::GemSpec)),
            ("gems/rake-13.0.6/rake.gemspec", None),
            ("app/web.deps.json", Some(Wanted::DotnetDeps)),
            ("lib/libz.so.1.2.13", Some(Wanted::Executable)),
            ("app/web.dll", Some(Wanted::Executable)),
            ("etc/hosts", None),
            ("", None),
        ] {
            assert_eq!(wanted(path.as_bytes(), 0o644), expected, "{path}");
        }
        assert_eq!(wanted(b"usr/bin/skopeo", 0o755), Some(Wanted::Executable));
        assert_eq!(wanted(b"app/run.jar", 0o755), Some(Wanted::Jar));
    }
}
