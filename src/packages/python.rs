//! Python distributions: `METADATA` of wheels and `PKG-INFO` of older forms (the core metadata specifications), and the
//! lists of their files.

use super::package::{Found, Kind, Package};
use super::word::{licence, quoted, text, word};

/// The most licences that one distribution declares.
const LICENCES_MAX: usize = 32;

/// The most paths that one distribution owns.
const OWNED_MAX: usize = 200_000;

/// The most bytes of these paths together.
const OWNED_BYTES_MAX: usize = 32 << 20;

/// Classifiers that name a family of licences, but no licence.
const FAMILIES: &[&str] = &["OSI Approved", "DFSG approved", "Public Domain License"];

/// The package that a `METADATA`, a `PKG-INFO` or an `*.egg-info` file describes.
///
/// Only the fields before the first blank line count. A long description may follow it.
pub fn metadata(bytes: &[u8]) -> Found {
    let text = text(bytes);
    let mut fields = Fields::default();
    headers(&text, |name, value| fields.take(name, value));
    let mut found = Found::default();
    match (fields.name.as_deref().and_then(word), fields.version.as_deref().and_then(word)) {
        (Some(name), Some(version)) => found.packages.push(Package {
            kind: Kind::Python,
            name,
            version,
            architecture: None,
            source: None,
            licences: fields.licences(),
        }),
        (None, _) => found.problems.push("Python metadata has no usable field Name.".to_owned()),
        (Some(name), None) => {
            found.problems.push(format!("Python metadata of {} has no usable field Version.", quoted(&name)));
        }
    }
    found
}

/// The paths of a `RECORD`. They are relative to the folder of the `.dist-info` folder, which is `folder`.
///
/// A `RECORD` is a CSV file; the path is its first column. Paths that lead out of the root are left out.
pub fn record(bytes: &[u8], folder: &[u8]) -> Vec<Vec<u8>> {
    within_limits(bytes.split(|byte| *byte == b'\n').filter_map(|line| below(folder, &first_cell(line))))
}

/// The paths of an `installed-files.txt`. They are relative to its own folder, which is `folder`.
pub fn installed_files(bytes: &[u8], folder: &[u8]) -> Vec<Vec<u8>> {
    let lines = bytes.split(|byte| *byte == b'\n');
    within_limits(lines.filter_map(|line| below(folder, line.trim_ascii_end())))
}

/// A long folder before many short paths must not fill the memory.
fn within_limits(paths: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let mut left = OWNED_BYTES_MAX;
    let fits = |path: &Vec<u8>| {
        left = left.saturating_sub(path.len());
        left > 0
    };
    paths.take(OWNED_MAX).take_while(fits).collect()
}

#[derive(Default)]
struct Fields {
    name: Option<String>,
    version: Option<String>,
    expression: Option<String>,
    licence: Option<String>,
    classifiers: Vec<String>,
}

impl Fields {
    /// The first field of a name counts, as in Python's own reader.
    fn take(&mut self, name: &str, value: String) {
        let field = match name.to_ascii_lowercase().as_str() {
            "name" => &mut self.name,
            "version" => &mut self.version,
            "license-expression" => &mut self.expression,
            "license" => &mut self.licence,
            "classifier" => {
                if let Some(rest) = value.strip_prefix("License :: ")
                    && self.classifiers.len() < LICENCES_MAX
                {
                    let last = rest.rsplit(" :: ").next().unwrap_or(rest).trim();
                    if !FAMILIES.contains(&last) {
                        self.classifiers.extend(licence(last));
                    }
                }
                return;
            }
            _ => return,
        };
        field.get_or_insert(value);
    }

    /// The expression replaces the other forms (PEP 639). The free text comes before the classifiers.
    fn licences(self) -> Vec<String> {
        let one = self.expression.as_deref().and_then(licence).or_else(|| licence(self.licence.as_deref()?));
        one.map_or(self.classifiers, |one| vec![one])
    }
}

/// Calls `take` with each field before the first blank line. A line that begins with a blank continues the one before it.
fn headers(text: &str, mut take: impl FnMut(&str, String)) {
    let mut last: Option<(&str, String)> = None;
    for line in text.lines().take_while(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = &mut last {
                value.push('\n');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':')
            && let Some((name, value)) = last.replace((name, value.trim().to_owned()))
        {
            take(name, value);
        }
    }
    if let Some((name, value)) = last {
        take(name, value);
    }
}

/// The first cell of a line of CSV: in quotes if it has a comma or a quote; a quote in it is doubled.
fn first_cell(line: &[u8]) -> Vec<u8> {
    let Some(rest) = line.strip_prefix(b"\"") else {
        let end = line.iter().position(|byte| *byte == b',').unwrap_or(line.len());
        return line.get(..end).unwrap_or_default().trim_ascii_end().to_vec();
    };
    let mut cell = Vec::new();
    let mut bytes = rest.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'"' && bytes.next_if_eq(&b'"').is_none() {
            break;
        }
        cell.push(byte);
    }
    cell
}

/// The path in this folder, without `.` and `..`. `None` if it is empty or above the root.
fn below(folder: &[u8], path: &[u8]) -> Option<Vec<u8>> {
    if path.is_empty() {
        return None;
    }
    let base = if path.starts_with(b"/") { b"".as_slice() } else { folder };
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in base.split(|byte| *byte == b'/').chain(path.split(|byte| *byte == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join(&b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Package {
        let found = metadata(text.as_bytes());
        assert_eq!(found.problems, Vec::<String>::new());
        found.packages.into_iter().next().unwrap()
    }

    #[test]
    fn reads_name_version_and_licence() {
        let package = one("Metadata-Version: 2.1\r\nName: six\r\nVersion: 1.17.0\r\nLicense: MIT\r\n\
             Classifier: License :: OSI Approved :: BSD License\r\n\r\nVersion: 9\r\n");
        assert_eq!((package.name.as_str(), package.version.as_str()), ("six", "1.17.0"));
        assert_eq!(package.licences, ["MIT"]);
    }

    #[test]
    fn the_expression_comes_first_and_classifiers_last() {
        let expression = one("Name: a\nVersion: 1\nLicense: old\nLicense-Expression: MIT OR Apache-2.0\n");
        assert_eq!(expression.licences, ["MIT OR Apache-2.0"]);
        let classifiers = one("Name: a\nVersion: 1\nLicense: UNKNOWN\nClassifier: License :: OSI Approved\n\
             Classifier: License :: OSI Approved :: MIT License\nClassifier: License :: Public Domain\n");
        assert_eq!(classifiers.licences, ["MIT License", "Public Domain"]);
    }

    #[test]
    fn a_licence_text_becomes_its_first_line() {
        let package = one("Name: a\nVersion: 1\nLicense: The MIT License\n        |  Copyright\n Name: b\n");
        assert_eq!(package.licences, ["The MIT License"]);
        assert_eq!(package.name, "a");
    }

    #[test]
    fn a_missing_field_is_a_problem() {
        assert_eq!(metadata(b"").problems, ["Python metadata has no usable field Name."]);
        assert_eq!(
            metadata(b"Name: six\nVersion:\n").problems,
            ["Python metadata of \"six\" has no usable field Version."]
        );
    }

    #[test]
    fn records_own_paths() {
        let record = record(
            b"../../../bin/pip3,sha256=x,248\npip/__init__.py,,\n\"a,\"\"b\".py,,\r\n/etc/x,,\n../../../../../y,,\n\n",
            b"usr/lib/python3/site-packages",
        );
        let expected: [&[u8]; 4] = [
            b"usr/bin/pip3",
            b"usr/lib/python3/site-packages/pip/__init__.py",
            b"usr/lib/python3/site-packages/a,\"b",
            b"etc/x",
        ];
        assert_eq!(record, expected);
    }

    #[test]
    fn a_long_folder_does_not_fill_the_memory() {
        let paths = record(&b"a,,\n".repeat(100_000), &[b'x'; 4096]);
        assert!(paths.iter().map(Vec::len).sum::<usize>() <= OWNED_BYTES_MAX);
    }

    #[test]
    fn installed_files_are_below_the_egg() {
        assert_eq!(
            installed_files(b"../six.py\nPKG-INFO\n", b"lib/six.egg-info"),
            [b"lib/six.py".to_vec(), b"lib/six.egg-info/PKG-INFO".to_vec()]
        );
    }
}
