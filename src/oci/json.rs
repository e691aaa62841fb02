//! Rejects JSON that two parsers could read differently, which serde does not check.
//!
//! Parsers disagree on duplicate keys (first or last), and Go's folds the case of keys, even of `ſize`
//! (docs/format.md, "Documents").

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The keys that have a meaning in a manifest, an index, a descriptor or a platform.
const KNOWN_KEYS: &[&str] = &[
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "blobs",
    "subject",
    "annotations",
    "digest",
    "size",
    "urls",
    "data",
    "platform",
    "architecture",
    "os",
    "os.version",
    "os.features",
    "variant",
    "features",
];

/// Checks that `bytes` is one JSON document in UTF-8 that every parser reads the same way.
pub(super) fn check(bytes: &[u8]) -> Result<(), serde_json::Error> {
    check_with(bytes, KNOWN_KEYS)
}

/// Like [`check`], for documents in which the keys `known` have a meaning.
pub(crate) fn check_with(bytes: &[u8], known: &'static [&'static str]) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    Unambiguous { known }.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// Visits a value and remembers only the keys of the enclosing objects.
#[derive(Clone, Copy)]
struct Unambiguous {
    /// The keys that have a meaning here; none inside `annotations`.
    known: &'static [&'static str],
}

impl<'de> DeserializeSeed<'de> for Unambiguous {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Folds case as Go's JSON parser does: ASCII, and the two letters that fold into ASCII.
fn folded(key: &str) -> String {
    key.chars()
        .map(|c| match c {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            c => c.to_ascii_lowercase(),
        })
        .collect()
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            let key_folded = folded(&key);
            if let Some(known) = self.known.iter().find(|known| folded(known) == key_folded && **known != key)
            {
                return Err(A::Error::custom(format!(
                    "key {key:?} differs from {known:?} only in case, and some parsers treat them as the same key"
                )));
            }
            let known = if key == "annotations" { &[][..] } else { self.known };
            if seen.contains(&key) {
                return Err(A::Error::custom(format!("duplicate key {key:?} in one object")));
            }
            seen.insert(key);
            entries.next_value_seed(Unambiguous { known })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn rejects_ambiguous_json() {
        for text in [
            r#"{"layers":[1],"layers":[]}"#,
            r#"{"layers":[1],"Layers":[]}"#,
            r#"{"size":1,"ſize":99}"#,
            r#"{"a":{"x":1,"x":2}}"#,
            r#"{"annotations":{"a":"1","a":"2"}}"#,
            "\u{feff}{}",
            "{} {}",
            r#"{"a":"\ud800"}"#,
            "{\"a\":\"\0\"}",
        ] {
            assert!(check(text.as_bytes()).is_err(), "{text}");
        }
        assert!(check(b"{\"a\":\"\xff\"}").is_err());
        assert!(check(&vec![b'['; 200_000]).is_err(), "depth");
    }

    #[test]
    fn accepts_any_keys_in_annotations_and_unknown_fields() {
        check(br#"{"annotations":{"Size":"1","size":"2"},"x-vendor":{"Y":1,"y":2}}"#).unwrap();
    }
}
