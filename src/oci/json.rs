//! Rejects JSON that two parsers could read differently, which serde does not check.
//!
//! Parsers disagree on duplicate keys (first or last), and Go's folds the case of keys, even of `ſize`
//! (docs/format.md, "Documents").

use std::collections::HashSet;
use std::fmt;

use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

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
    "fsLayers",
    "history",
];

/// The most values, in objects and lists at any depth, of a text that is read as a whole. Real ones have some hundreds or thousands. A
/// value takes up to 700 bytes of memory, and may have four as text.
pub(crate) const VALUES_MAX: usize = 50_000;

/// About how many values a text in JSON has: one begins with each bracket, and one follows each comma.
pub(crate) fn values(bytes: &[u8]) -> usize {
    let (mut values, mut in_text, mut is_escaped) = (0, false, false);
    for byte in bytes {
        match (in_text, byte) {
            (true, _) if is_escaped => is_escaped = false,
            (true, b'\\') => is_escaped = true,
            (_, b'"') => in_text = !in_text,
            (false, b'{' | b'[' | b',') => values += 1,
            _ => {}
        }
    }
    values
}

/// A value that is written as a JSON object. Serde's own structs accept an array of their fields in order, too, which
/// no other parser does.
pub(crate) struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // `deserialize_map` would word the error for an array itself.
        deserializer.deserialize_any(ObjectVisitor(PhantomData)).map(Object)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<T, A::Error> {
        Err(A::Error::custom("expected an object, found an array"))
    }
}

/// Returns the text of an error in the words of JSON instead of Rust's.
pub(crate) fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = match text.strip_prefix("invalid type: map, ") {
        Some(rest) => format!("invalid type: object, {rest}"),
        None => text,
    };
    let words = [
        (", expected a sequence at line ", ", expected an array at line "),
        (", expected a map at line ", ", expected an object at line "),
        (", expected u64 at line ", ", expected a whole number at line "),
    ];
    words.iter().fold(text, |text, (rust, json)| text.replacen(rust, json, 1))
}

/// Parses one JSON object that every parser reads the same way. The keys `known` have a meaning in it.
///
/// # Errors
/// The position and the cause; see [`message`].
pub(crate) fn object<T: DeserializeOwned>(
    bytes: &[u8],
    known: &'static [&'static str],
) -> Result<T, serde_json::Error> {
    check_with(bytes, known)?;
    serde_json::from_slice::<Object<T>>(bytes).map(|Object(value)| value)
}

/// Parses a manifest or an index: one JSON object that every parser reads the same way.
pub(super) fn document<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    object(bytes, KNOWN_KEYS)
}

/// Checks that `bytes` is one JSON text in UTF-8 that every parser reads the same way. The keys `known` have a meaning
/// in it.
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
    use super::{Object, check_with};

    fn check(bytes: &[u8]) -> Result<(), serde_json::Error> {
        check_with(bytes, super::KNOWN_KEYS)
    }

    #[test]
    fn an_array_is_no_object() {
        #[derive(serde::Deserialize)]
        struct Pair {
            a: u8,
        }
        assert_eq!(serde_json::from_str::<Object<Pair>>(r#"{"a":1}"#).unwrap().0.a, 1);
        let error = serde_json::from_str::<Object<Pair>>("[1]").err().unwrap().to_string();
        assert_eq!(error, "expected an object, found an array at line 1 column 1");
    }

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
