//! apk: `lib/apk/db/installed` (the index format of apk-tools 2).

use super::{Found, Kind, Package, Source};

/// The most packages that are read from one file.
const PACKAGES_MAX: usize = 100_000;

/// How much of a name, version or licence is kept, in bytes.
const VALUE_BYTES_MAX: usize = 4096;

/// The paths that are kept of one database. Beyond, files seem to belong to no package.
const PATHS_MAX: usize = 400_000;

/// The longest folder that is believed: longer paths cannot be opened (`PATH_MAX`).
const FOLDER_BYTES_MAX: usize = 4096;

/// The bytes of paths that are kept. One long folder with many short names could make gigabytes.
const PATHS_BYTES_MAX: usize = 20 << 20;

/// Reads the database of installed packages.
pub fn installed(bytes: &[u8]) -> Found {
    let mut found = Found::default();
    if bytes.starts_with(b"ADB") {
        found.problems.push("the database has the form of apk-tools 3, which is not read".to_owned());
        return found;
    }
    let mut draft = Draft::default();
    let mut folder: &[u8] = b"";
    let mut bytes_left = PATHS_BYTES_MAX;
    let mut own = |found: &mut Found, path: Vec<u8>| {
        let left = bytes_left.checked_sub(path.len()).filter(|_| found.owned.len() < PATHS_MAX);
        if let Some(left) = left.filter(|_| !path.is_empty()) {
            bytes_left = left;
            found.owned.push(path);
        }
    };
    for line in bytes.split(|&byte| byte == b'\n') {
        if line.is_empty() {
            std::mem::take(&mut draft).finish(&mut found);
            folder = b"";
            if found.packages.len() >= PACKAGES_MAX {
                found.problem(|| format!("the database has more than {PACKAGES_MAX} packages"));
                return found;
            }
            continue;
        }
        let (&[field, b':'], value) = line
            .split_at_checked(2)
            .map_or((&[0, 0], line), |(head, value)| (head.try_into().unwrap_or(&[0, 0]), value))
        else {
            continue;
        };
        let text = || {
            let value = value.get(..VALUE_BYTES_MAX).unwrap_or(value);
            String::from_utf8_lossy(value).trim().to_owned()
        };
        match field {
            b'P' => draft.name = text(),
            b'V' => draft.version = text(),
            b'A' => draft.architecture = Some(text()),
            b'L' => draft.licence = Some(text()),
            b'o' => draft.origin = Some(text()),
            b'F' => {
                folder = value.get(..FOLDER_BYTES_MAX).unwrap_or(value);
                own(&mut found, folder.to_vec());
            }
            b'R' if folder.is_empty() => own(&mut found, value.to_vec()),
            b'R' => own(&mut found, [folder, value].join(&b'/')),
            _ => {}
        }
    }
    draft.finish(&mut found);
    found
}

/// The fields of the package that is being read.
#[derive(Default)]
struct Draft {
    name: String,
    version: String,
    architecture: Option<String>,
    licence: Option<String>,
    origin: Option<String>,
}

impl Draft {
    fn finish(self, found: &mut Found) {
        let Draft { name, version, architecture, licence, origin } = self;
        if name.is_empty() && version.is_empty() {
            return;
        }
        if name.is_empty() || version.is_empty() {
            let at = found.packages.len() + 1;
            found.problem(|| format!("package {at} of the database has no name or no version"));
            return;
        }
        let of = |text: &String| !text.is_empty();
        // Subpackages have the version of their origin.
        let source = origin.filter(|origin| of(origin) && *origin != name);
        let source = source.map(|origin| Source { name: origin, version: version.clone() });
        let licences = licence.filter(of).into_iter().collect();
        let architecture = architecture.filter(of);
        found.packages.push(Package { kind: Kind::Apk, name, version, architecture, source, licences });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_folder_makes_no_gigabytes_of_paths() {
        let mut text = [&b"P:a\nV:1\nF:"[..], &b"x".repeat(1 << 20), b"\n"].concat();
        text.extend(b"R:y\n".repeat(100_000));
        let owned: usize = installed(&text).owned.iter().map(Vec::len).sum();
        assert!(owned <= PATHS_BYTES_MAX, "{owned}");
    }

    #[test]
    fn reads_packages_and_what_they_own() {
        let text = b"C:Q1x=\nP:musl\nV:1.1.22-r3\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\n\nP:musl-utils\nV:1.1.22-r3\no:musl\nF:sbin\nR:ldconfig\n\nP:odd\n\n";
        let found = installed(text);
        assert_eq!(found.packages.len(), 2);
        assert_eq!(found.packages[0].licences, ["MIT"]);
        assert_eq!(found.packages[0].source, None);
        assert_eq!(found.packages[1].source.as_ref().unwrap().name, "musl");
        assert_eq!(found.owned, [&b"lib"[..], b"lib/ld-musl-x86_64.so.1", b"sbin", b"sbin/ldconfig"]);
        assert_eq!(found.problems.len(), 1);
        assert_eq!(installed(b"ADBd....").problems.len(), 1);
    }
}
