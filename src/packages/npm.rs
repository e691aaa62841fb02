//! Packages of npm: `package.json`.

use serde_json::Value;

use super::package::{Found, Kind, Package};
use super::word::{licence, text, word};
use crate::oci::json::{VALUES_MAX, values};

/// The most licences that one package declares.
const LICENCES_MAX: usize = 32;

/// Whether a `package.json` at this path is that of an installed package: `node_modules/NAME/package.json` or
/// `node_modules/@SCOPE/NAME/package.json` at any depth, where Node looks for packages. Others are the application's own,
/// or belong to the tests and builds of packages.
pub fn is_installed(path: &[u8]) -> bool {
    let mut parts = path.rsplit(|byte| *byte == b'/');
    if parts.next() != Some(b"package.json") {
        return false;
    }
    let (name, above, further) = (parts.next(), parts.next(), parts.next());
    let names = name.is_some_and(|name| !name.is_empty() && !name.starts_with(b"@"));
    let scoped = above.is_some_and(|above| above.starts_with(b"@")) && further == Some(b"node_modules");
    names && (above == Some(b"node_modules") || scoped)
}

/// The package that a `package.json` describes. One without a name or version describes none: it sets options for a
/// folder.
///
/// Of equal keys the last one counts, as in Node. A file that is nested deeper than 128 levels is not read.
pub fn package_json(bytes: &[u8]) -> Found {
    let mut found = Found::default();
    if values(bytes) > VALUES_MAX {
        found.problem(|| format!("package.json has more than {VALUES_MAX} values."));
        return found;
    }
    let read = match serde_json::from_str::<Value>(&text(bytes)) {
        Ok(read) => read,
        Err(error) => {
            found.problems.push(format!("package.json is not valid JSON: {error}."));
            return found;
        }
    };
    let field = |name: &str| read.get(name).and_then(Value::as_str).and_then(word);
    if let (Some(name), Some(version)) = (field("name"), field("version")) {
        found.packages.push(Package {
            kind: Kind::Npm,
            name,
            // Old packages have a `v` or `=` before the version, and npm takes it off.
            version: version.trim_start_matches(['v', '=', ' ']).to_owned(),
            architecture: None,
            source: None,
            licences: licences(&read),
        });
        found.packages.retain(|package| !package.version.is_empty());
    }
    found
}

/// `license` is an expression, or in old packages `{"type": …}`; `licenses` is a list of these.
fn licences(read: &Value) -> Vec<String> {
    let stated = [read.get("license"), read.get("licenses")].into_iter().flatten();
    let each = stated.flat_map(|value| match value {
        Value::Array(values) => values.iter().take(LICENCES_MAX).collect(),
        one => vec![one],
    });
    let mut found: Vec<String> = Vec::new();
    for value in each {
        let name =
            value.as_str().or_else(|| value.get("type")?.as_str()).or_else(|| value.get("name")?.as_str());
        if let Some(name) = name.and_then(licence)
            && !found.contains(&name)
        {
            found.push(name);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn licences_of(text: &str) -> Vec<String> {
        let text = format!("{{\"name\":\"a\",\"version\":\"1.0.0\",{text}}}");
        package_json(text.as_bytes()).packages.remove(0).licences
    }

    #[test]
    fn reads_name_and_version() {
        let found =
            package_json(b"\xef\xbb\xbf{\"name\":\"@npmcli/fs\",\"version\":\"v3.1.0\",\"scripts\":{}}");
        assert_eq!(found.packages[0].name, "@npmcli/fs");
        assert_eq!(found.packages[0].version, "3.1.0");
    }

    #[test]
    fn old_forms_of_licences() {
        assert_eq!(licences_of(r#""license":"(MIT OR Apache-2.0)""#), ["(MIT OR Apache-2.0)"]);
        assert_eq!(licences_of(r#""license":{"type":"BSD","url":"x"}"#), ["BSD"]);
        assert_eq!(licences_of(r#""licenses":[{"type":"MIT"},"ISC",{"type":"MIT"},7]"#), ["MIT", "ISC"]);
        assert_eq!(licences_of(r#""license":["MIT"],"licenses":"X""#), ["MIT", "X"]);
        assert!(licences_of(r#""license":false"#).is_empty());
    }

    #[test]
    fn a_file_without_name_or_version_is_no_package() {
        assert_eq!(package_json(br#"{"type":"module"}"#), Found::default());
        assert_eq!(package_json(br#"{"name":"a","version":1}"#), Found::default());
        assert_eq!(package_json(b"[]"), Found::default());
    }

    #[test]
    fn what_is_not_json_is_a_problem() {
        let problems = package_json(b"{").problems;
        assert!(problems[0].starts_with("package.json is not valid JSON: EOF"), "{problems:?}");
        let deep = "[".repeat(100_000);
        assert_eq!(package_json(deep.as_bytes()).problems.len(), 1);
    }

    #[test]
    fn only_folders_where_node_looks_are_installed() {
        for path in
            ["usr/lib/node_modules/npm/package.json", "a/node_modules/b/node_modules/@c/d/package.json"]
        {
            assert!(is_installed(path.as_bytes()), "{path}");
        }
        for path in [
            "app/package.json",
            "node_modules/a/test/package.json",
            "node_modules/@a/package.json",
            "node_modules/package.json",
            "node_modules/a/x/b/package.json",
            "package.json",
        ] {
            assert!(!is_installed(path.as_bytes()), "{path}");
        }
    }
}
