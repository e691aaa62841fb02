//! Which database a file is.

/// The start of a file that is looked at, in bytes.
pub(super) const HEAD_BYTES: u64 = 4096;

/// The first keys of OSV records (OSV schema).
const OSV_KEYS: [&str; 15] = [
    "affected",
    "aliases",
    "credits",
    "database_specific",
    "details",
    "id",
    "modified",
    "published",
    "references",
    "related",
    "schema_version",
    "severity",
    "summary",
    "upstream",
    "withdrawn",
];

/// The keys of a secdb.
const SECDB_KEYS: [&str; 6] = ["apkurl", "archs", "distroversion", "packages", "reponame", "urlprefix"];

/// The form of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// OSV records one after another, mostly one.
    Osv,
    /// A list of OSV records.
    OsvList,
    /// The Debian security tracker.
    DebianTracker,
    /// A secdb of Alpine, Wolfi or Chainguard.
    Secdb,
    /// A zip file.
    Zip,
    /// None of these. What it begins with, for people.
    Unknown(String),
}

/// Tells the form of a file from its first bytes.
pub(super) fn shape(head: &[u8]) -> Shape {
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Shape::Zip;
    }
    let head = head.trim_ascii_start();
    match head.split_first() {
        None => Shape::Unknown("an empty file".to_owned()),
        Some((b'[', rest)) if matches!(rest.trim_ascii_start().first(), Some(b'{' | b']')) => Shape::OsvList,
        Some((b'{', rest)) => of_object(rest.trim_ascii_start()),
        Some(_) => {
            let start =
                String::from_utf8_lossy(head.get(..head.len().min(16)).unwrap_or_default()).into_owned();
            Shape::Unknown(format!("a file that begins with {start:?}"))
        }
    }
}

/// The form of an object, by its first key.
fn of_object(text: &[u8]) -> Shape {
    let Some(text) = text.strip_prefix(b"\"") else {
        return Shape::Unknown("an object without keys".to_owned());
    };
    let end = text.iter().position(|b| *b == b'"').unwrap_or(text.len());
    let (key, after) = text.split_at(end);
    let key = String::from_utf8_lossy(key);
    if OSV_KEYS.contains(&key.as_ref()) {
        return Shape::Osv;
    }
    if SECDB_KEYS.contains(&key.as_ref()) {
        return Shape::Secdb;
    }
    // The tracker is an object of packages, which are objects of flaws.
    let after = after.strip_prefix(b"\"").unwrap_or_default().trim_ascii_start();
    let value = after.strip_prefix(b":").unwrap_or_default().trim_ascii_start();
    if value.starts_with(b"{") {
        return Shape::DebianTracker;
    }
    Shape::Unknown(format!("an object with the key {:?}", key.chars().take(32).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_start() {
        for (head, expected) in [
            ("{\n \"schema_version\": \"1.6.0\"", Shape::Osv),
            ("{\"id\":\"GHSA-1\"}", Shape::Osv),
            (" [ {\"id\"", Shape::OsvList),
            ("[]", Shape::OsvList),
            ("{\"0ad\": {\"CVE-2012-1\": {", Shape::DebianTracker),
            ("{\n\"apkurl\":\"x\"", Shape::Secdb),
            ("PK\x03\x04...", Shape::Zip),
            ("", Shape::Unknown("an empty file".to_owned())),
            ("{}", Shape::Unknown("an object without keys".to_owned())),
            ("{\"a\":1}", Shape::Unknown("an object with the key \"a\"".to_owned())),
            ("# notes", Shape::Unknown("a file that begins with \"# notes\"".to_owned())),
        ] {
            assert_eq!(shape(head.as_bytes()), expected, "{head}");
        }
    }
}
