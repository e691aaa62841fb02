//! Packages out of headers, with the bounds of a whole database.

use super::header::{Header, tag};
use super::sums;
use crate::packages::word::{licence, word};
use crate::packages::{Found, Kind, Package, Source};

/// The most packages that are read from one database. Large systems have some 10,000.
const PACKAGES_MAX: usize = 100_000;

/// The paths that are kept of one database, and their bytes. A few bytes of names could make gigabytes of paths. Beyond,
/// files seem to belong to no package.
const PATHS_MAX: usize = 400_000;
const PATHS_BYTES_MAX: usize = 20 << 20;

/// How much of a name, version or licence is looked at, in bytes.
const TEXT_BYTES_MAX: usize = 4096;

/// The longest path that is kept: longer ones cannot be opened (`PATH_MAX`).
const PATH_BYTES_MAX: usize = 4096;

/// The most problems that are told of one database.
const PROBLEMS_MAX: usize = 1000;

/// What was read so far.
#[derive(Default)]
pub(super) struct Collected {
    found: Found,
    owned_bytes: usize,
    paths_left_out: u64,
    problems_left_out: u64,
    is_full: bool,
}

impl Collected {
    /// Adds the package of a header. `which` begins a sentence on it.
    pub(super) fn add(&mut self, blob: &[u8], which: &str) {
        if self.found.packages.len() >= PACKAGES_MAX {
            if !self.is_full {
                self.problem(format!("the database has more than {PACKAGES_MAX} packages"));
            }
            self.is_full = true;
            return;
        }
        let header = match Header::parse(blob) {
            Ok(header) => header,
            Err(why) => return self.problem(format!("{which} {why}")),
        };
        let package = package(&header);
        if let Err(why) = sums::check(&header) {
            let name = package.as_ref().map(|package| format!(" of {}", package.name)).unwrap_or_default();
            // It is listed all the same: its files are there.
            self.problem(format!("{which}{name} {why}: rpm passes over this package"));
        }
        match package {
            Some(package) => self.found.packages.push(package),
            None => self.problem(format!("{which} has no name, no version or no release")),
        }
        self.own(&header);
    }

    /// Adds a sentence on what could not be read.
    pub(super) fn problem(&mut self, problem: String) {
        if self.found.problems.len() < PROBLEMS_MAX {
            self.found.problems.push(problem);
        } else {
            self.problems_left_out += 1;
        }
    }

    fn own(&mut self, header: &Header<'_>) {
        let folders: Vec<&[u8]> = header.texts(tag::DIR_NAMES).take(PATHS_MAX).collect();
        let mut folder_of = header.numbers(tag::DIR_INDEXES);
        for name in header.texts(tag::BASE_NAMES) {
            let folder = folder_of.next().and_then(|at| folders.get(usize::try_from(at).ok()?));
            match folder {
                Some(folder) => self.path(folder, name),
                None => self.paths_left_out += 1,
            }
        }
        for name in header.texts(tag::OLD_FILE_NAMES) {
            self.path(b"", name);
        }
    }

    fn path(&mut self, folder: &[u8], name: &[u8]) {
        let folder = folder.strip_prefix(b"/").unwrap_or(folder);
        let name = if folder.is_empty() { name.strip_prefix(b"/").unwrap_or(name) } else { name };
        let bytes = folder.len() + name.len();
        let left = PATHS_BYTES_MAX - self.owned_bytes;
        if bytes > PATH_BYTES_MAX.min(left) || self.found.owned.len() >= PATHS_MAX {
            self.paths_left_out += 1;
        } else if bytes > 0 {
            self.owned_bytes += bytes;
            self.found.owned.push([folder, name].concat());
        }
    }

    /// Returns all that was read.
    pub(super) fn finish(mut self) -> Found {
        if self.paths_left_out > 0 {
            let count = self.paths_left_out;
            self.found.problems.push(format!("paths of packages that could not be read: {count}"));
        }
        if self.problems_left_out > 0 {
            self.found.problems.push(format!("more problems of this database: {}", self.problems_left_out));
        }
        self.found
    }
}

fn package<'a>(header: &Header<'a>) -> Option<Package> {
    let start = |text: &'a [u8]| text.get(..TEXT_BYTES_MAX).unwrap_or(text);
    let text = |tag| header.text(tag).map(start).map(String::from_utf8_lossy);
    let get = |tag| word(&text(tag)?);
    let (name, version, release) = (get(tag::NAME)?, get(tag::VERSION)?, get(tag::RELEASE)?);
    let epoch = header.number(tag::EPOCH).map(|epoch| format!("{epoch}:")).unwrap_or_default();
    let revision = format!("{version}-{release}");
    let source = get(tag::SOURCE_RPM).and_then(|file| source(&file, &name, &revision, &epoch));
    Some(Package {
        kind: Kind::Rpm,
        name,
        version: format!("{epoch}{revision}"),
        architecture: get(tag::ARCH),
        source,
        licences: text(tag::LICENCE).and_then(|text| licence(&text)).into_iter().collect(),
    })
}

/// Reads the name of a source package, `NAME-VERSION-RELEASE.src.rpm`. `None` if it says what the package says.
fn source(file: &str, name: &str, revision: &str, epoch: &str) -> Option<Source> {
    let stem = file.strip_suffix(".src.rpm").or_else(|| file.strip_suffix(".nosrc.rpm"))?;
    let (rest, release) = stem.rsplit_once('-')?;
    let (source, version) = rest.rsplit_once('-')?;
    let stated = format!("{version}-{release}");
    // The file's name has no epoch. A package with the version of its source has its epoch, too.
    let version = if stated == revision { format!("{epoch}{stated}") } else { stated.clone() };
    (source != name || stated != revision).then(|| Source { name: source.to_owned(), version })
}

#[cfg(test)]
mod tests {
    use super::super::header;
    use super::super::sample::Sample;
    use super::*;

    #[test]
    fn reads_a_header() {
        let sample = Sample { epoch: Some(1), ..Sample::named("bash-libs") };
        let found = header(&sample.blob());
        assert_eq!(found.problems, Vec::<String>::new());
        let package = &found.packages[0];
        assert_eq!((package.name.as_str(), package.version.as_str()), ("bash-libs", "1:5.2-3.el9"));
        assert_eq!(package.architecture.as_deref(), Some("x86_64"));
        assert_eq!(
            package.source,
            Some(Source { name: "bash".to_owned(), version: "1:5.2-3.el9".to_owned() })
        );
        assert_eq!(package.licences, ["GPL-3.0-or-later"]);
        assert_eq!(found.owned, [b"usr/bin/bash".to_vec(), b"etc/skel".to_vec()]);
    }

    #[test]
    fn a_changed_header_is_told_and_still_read() {
        for (is_old, sum) in [(true, "SHA-1"), (false, "SHA-256")] {
            let blob = Sample { is_old, ..Sample::named("bash") }.blob();
            assert_eq!(header(&blob).problems, Vec::<String>::new());
            let at = blob.windows(8).position(|part| part == b"GPL-3.0-").unwrap();
            let mut changed = blob.clone();
            changed[at] = b'L';
            let found = header(&changed);
            assert_eq!(found.packages.len(), 1);
            let problem = &found.problems[0];
            assert!(problem.starts_with(&format!("the header of bash has the {sum} ")), "{problem}");
            assert!(problem.ends_with("rpm passes over this package"), "{problem}");
        }
    }

    #[test]
    fn an_entry_added_later_replaces_one_of_the_package() {
        let sample = Sample { added_name: Some("other"), ..Sample::named("bash") };
        assert_eq!(header(&sample.blob()).packages[0].name, "other");
    }

    #[test]
    fn lengths_that_do_not_fit_are_told() {
        let blob = Sample::named("bash").blob();
        for end in 0..blob.len() {
            let found = header(&blob[..end]);
            assert_eq!((found.packages.len(), found.problems.len()), (0, 1), "{end}");
        }
        let huge = [[0xff; 4], [0xff; 4]].concat();
        assert!(header(&huge).problems[0].contains("entries"), "{:?}", header(&huge).problems);
    }

    #[test]
    fn a_source_is_read_from_the_right() {
        let made = source("a-b-1.0-2.el9.src.rpm", "a", "1.0-2.el9", "").unwrap();
        assert_eq!((made.name.as_str(), made.version.as_str()), ("a-b", "1.0-2.el9"));
        assert_eq!(source("a-1.0-2.src.rpm", "a", "1.0-2", "3:"), None);
        assert_eq!(source("(none)", "a", "1.0-2", ""), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(at in 0_usize..2000, value: u8, noise: Vec<u8>) {
            header(&noise);
            let mut blob = Sample::named("bash").blob();
            let at = at % blob.len();
            blob[at] = value;
            header(&blob);
        }
    }
}
