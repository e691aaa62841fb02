//! dpkg: `var/lib/dpkg/status`, the files of `status.d` that images without dpkg have, and the lists of files
//! (deb-control(5), dpkg-query(1)).

use super::stanza::{Stanza, stanzas};
use super::{Found, Kind, Package, Source};

/// The most packages that are read from one file. Debian has about 60,000.
const PACKAGES_MAX: usize = 100_000;

/// The longest stanza, in bytes. One with all files of `/etc` of a package has some kilobytes.
const STANZA_BYTES_MAX: usize = 1 << 20;

/// The most paths that one list has. The longest real ones have some 50,000.
const PATHS_MAX: usize = 200_000;

/// Reads `status`: the packages of which files are there. Those that only have configuration files left, or were removed,
/// are not among them.
pub fn status(bytes: &[u8]) -> Found {
    read(bytes, |stanza| {
        // WANT FLAG STATUS. A package that is half installed has files, too.
        let word = stanza.get("Status").and_then(|status| status.split_whitespace().nth(2));
        !matches!(word, None | Some("not-installed" | "config-files"))
    })
}

/// Reads a file of `status.d`, whose packages are all installed.
pub fn status_d(bytes: &[u8]) -> Found {
    read(bytes, |_| true)
}

fn read(bytes: &[u8], is_installed: impl Fn(&Stanza<'_>) -> bool) -> Found {
    let mut found = Found::default();
    let mut at = 0_usize;
    for part in parts(bytes) {
        if part.len() > STANZA_BYTES_MAX {
            at += 1;
            found.problem(|| {
                format!("stanza {at} of the database has {} bytes; {STANZA_BYTES_MAX} are read", part.len())
            });
            continue;
        }
        for stanza in stanzas(&String::from_utf8_lossy(part)) {
            at += 1;
            if found.packages.len() == PACKAGES_MAX {
                found.problem(|| format!("the database has more than {PACKAGES_MAX} packages"));
                return found;
            }
            if !is_installed(&stanza) {
                continue;
            }
            match package(&stanza) {
                Some(package) => found.packages.push(package),
                None => found.problem(|| format!("stanza {at} of the database has no name or no version")),
            }
        }
    }
    found
}

/// The parts between empty lines: a stanza each. A text that is not UTF-8 takes up to three times as much memory when it is read, so
/// it is read part by part.
fn parts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let end = rest.windows(2).position(|pair| pair == b"\n\n").map_or(rest.len(), |at| at + 2);
        let (part, after) = rest.split_at(end);
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

fn package(stanza: &Stanza<'_>) -> Option<Package> {
    let word = |name: &str| stanza.get(name).map(str::trim).filter(|value| !value.is_empty());
    let (name, version) = (word("Package")?, word("Version")?);
    Some(Package {
        kind: Kind::Deb,
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: word("Architecture").map(str::to_owned),
        source: word("Source").and_then(|source| source_of(source, name, version)),
        licences: Vec::new(),
    })
}

/// Reads `Source: NAME` or `Source: NAME (VERSION)`. `None` if it says what the package says.
fn source_of(text: &str, name: &str, version: &str) -> Option<Source> {
    let (source, stated) = match text.split_once('(') {
        Some((source, rest)) => (source.trim(), rest.trim_end_matches(')').trim()),
        None => (text, version),
    };
    (source != name || stated != version)
        .then(|| Source { name: source.to_owned(), version: stated.to_owned() })
}

/// Reads a list of files, `info/NAME.list`: the paths that the package owns, without a leading slash. It lists folders, too.
pub fn owned(list: &[u8]) -> Vec<Vec<u8>> {
    let lines = list.split(|&byte| byte == b'\n').map(|line| line.strip_prefix(b"/").unwrap_or(line));
    lines.filter(|line| !line.is_empty() && *line != b".").take(PATHS_MAX).map(<[u8]>::to_vec).collect()
}

/// Reads the sums of `status.d/NAME.md5sums`: the paths that the package owns.
pub fn owned_by_sums(sums: &[u8]) -> Vec<Vec<u8>> {
    let lines = sums.split(|&byte| byte == b'\n');
    let path = |line: &[u8]| {
        let at = line.windows(2).position(|pair| pair == b"  ")?;
        let path = line.get(at + 2..)?;
        Some(path.strip_prefix(b"./").or(path.strip_prefix(b"/")).unwrap_or(path).to_vec())
    };
    lines.filter_map(path).filter(|path| !path.is_empty()).take(PATHS_MAX).collect()
}

/// Returns the licences that `usr/share/doc/NAME/copyright` declares. If the file has Debian's machine-readable form, those
/// of its fields; otherwise the common licences that it names. Sorted, without repetition.
pub fn licences(copyright: &[u8]) -> Vec<String> {
    const COMMON: &str = "/usr/share/common-licenses/";
    let text = String::from_utf8_lossy(copyright);
    let mut found: Vec<String> = Vec::new();
    let is_machine_readable = text.lines().take(10).any(|line| {
        line.split_once(':').is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("format") && value.contains("copyright-format")
        })
    });
    if is_machine_readable {
        for stanza in stanzas(&text) {
            // The first line is the short name, the others are the text.
            let short = stanza.get("License").and_then(|value| value.lines().next()).map(str::trim);
            found.extend(short.filter(|short| !short.is_empty()).map(str::to_owned));
        }
    } else {
        let names = text.match_indices(COMMON).filter_map(|(at, _)| text.get(at + COMMON.len()..));
        for name in names {
            let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '+');
            let name = name.split(|c: char| !is_part(c)).next().unwrap_or_default();
            found.extend(Some(name.trim_end_matches('.').to_owned()).filter(|name| !name.is_empty()));
        }
    }
    found.sort();
    found.dedup();
    found.truncate(64);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc\nVersion: 2.36-9\n\
        Description: words\n more: words\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n\
        Package: b\nStatus: install ok half-configured\nSource: c (1:2-3)\nVersion: 1:2-3+b1\n\nPackage: odd\n\
        Status: install ok installed\n";

    #[test]
    fn reads_what_is_installed_with_its_source() {
        let found = status(STATUS.as_bytes());
        let names: Vec<_> = found.packages.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["libc6", "b"]);
        let source = |at: usize| found.packages[at].source.clone().unwrap();
        assert_eq!(source(0), Source { name: "glibc".to_owned(), version: "2.36-9".to_owned() });
        assert_eq!(source(1), Source { name: "c".to_owned(), version: "1:2-3".to_owned() });
        assert_eq!(found.problems.len(), 1, "{:?}", found.problems);
        assert_eq!(status_d(b"Package: base-files\nVersion: 12\n").packages.len(), 1);
    }

    #[test]
    fn bounds_hold_and_are_said() {
        let stanza = "Package: a\nStatus: a b c\nVersion: 1\n\n";
        let found = |count: usize| status(stanza.repeat(count).as_bytes());
        let (all, cut) = (found(PACKAGES_MAX), found(PACKAGES_MAX + 1));
        assert_eq!((all.packages.len(), all.problems.len()), (PACKAGES_MAX, 0));
        assert_eq!((cut.packages.len(), cut.problems.len()), (PACKAGES_MAX, 1));
        // Problems are named, but not millions of them.
        let odd = status("Status: a b c\n\n".repeat(5000).as_bytes());
        assert_eq!(odd.problems.len(), 1001);
        // No field of a stanza that has too many is an error, and a stanza that is too long hides no other.
        let many = format!("{}\n{stanza}", ":\n".repeat(STANZA_BYTES_MAX / 2 - 1));
        assert_eq!((status(many.as_bytes()).packages.len(), status(many.as_bytes()).problems.len()), (1, 0));
        let long = [&vec![0xff; STANZA_BYTES_MAX], &b"\n\n"[..], stanza.as_bytes()].concat();
        let found = status(&long);
        assert_eq!((found.packages.len(), found.problems.len()), (1, 1), "{:?}", found.problems);
        assert_eq!(owned("/a\n".repeat(PATHS_MAX + 1).as_bytes()).len(), PATHS_MAX);
        assert_eq!(owned_by_sums("0  a\n".repeat(PATHS_MAX + 1).as_bytes()).len(), PATHS_MAX);
    }

    #[test]
    fn reads_lists_and_licences() {
        assert_eq!(owned(b"/.\n/bin\n/bin/a b\n"), [b"bin".to_vec(), b"bin/a b".to_vec()]);
        assert_eq!(owned_by_sums(b"0011  usr/lib/x\nodd\n"), [b"usr/lib/x".to_vec()]);
        let dep5 = b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: MIT\n text\n\nLicense: GPL-2+\n";
        assert_eq!(licences(dep5), ["GPL-2+", "MIT"]);
        assert_eq!(
            licences(b"see `/usr/share/common-licenses/GPL-3'. Or /usr/share/common-licenses/GPL-3."),
            ["GPL-3"]
        );
    }
}
