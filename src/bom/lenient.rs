//! Reading JSON of which nothing is sure: a value of another type than expected is passed over, and so is every unknown
//! key.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Longest text that is kept, in bytes. Longer names, versions and package URLs do not occur.
pub(super) const TEXT_BYTES_MAX: usize = 8 * 1024;

/// Takes what it wants of a JSON value. What it does not want is passed over.
pub(super) trait Take {
    /// Takes a string.
    fn text(&mut self, _: &str) {}

    /// Learns that the value is an object.
    fn object(&mut self) {}

    /// Takes the value of a key of an object.
    fn field<'de, A: MapAccess<'de>>(&mut self, _key: &str, fields: &mut A) -> Result<(), A::Error> {
        skip(fields)
    }

    /// Takes the next item of an array. Returns `false` if there is none.
    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        Ok(items.next_element::<IgnoredAny>()?.is_some())
    }
}

/// Passes over the value of a key.
pub(super) fn skip<'de, A: MapAccess<'de>>(fields: &mut A) -> Result<(), A::Error> {
    fields.next_value::<IgnoredAny>().map(|_| ())
}

/// Reads the value of a key into `taker`.
pub(super) fn value<'de, A, T>(fields: &mut A, taker: &mut T) -> Result<(), A::Error>
where
    A: MapAccess<'de>,
    T: Take,
{
    fields.next_value_seed(Into(taker))
}

/// Reads the next item of an array into `taker`.
pub(super) fn next<'de, A, T>(items: &mut A, taker: &mut T) -> Result<bool, A::Error>
where
    A: SeqAccess<'de>,
    T: Take,
{
    Ok(items.next_element_seed(Into(taker))?.is_some())
}

/// Reads any value into a [`Take`].
pub(super) struct Into<'a, T>(pub(super) &'a mut T);

impl<'de, T: Take> DeserializeSeed<'de> for Into<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Take> Visitor<'de> for Into<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.text(text);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        self.0.object();
        let mut key = Key::default();
        while fields.next_key_seed(&mut key)?.is_some() {
            self.0.field(&key.0, &mut fields)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while self.0.item(&mut items)? {}
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
}

/// The last key that was read. Its memory is used again for each key of an object.
#[derive(Default)]
struct Key(String);

impl<'de> DeserializeSeed<'de> for &mut Key {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for &mut Key {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.clear();
        // No known key is so long.
        if text.len() <= TEXT_BYTES_MAX {
            self.0.push_str(text);
        }
        Ok(())
    }
}

/// One text. Empty and too long ones are not kept.
impl Take for Option<String> {
    fn text(&mut self, text: &str) {
        *self = (!text.is_empty() && text.len() <= TEXT_BYTES_MAX).then(|| text.to_owned());
    }
}

/// The texts of an array, or one text alone.
pub(super) struct Texts {
    /// The texts.
    pub(super) found: Vec<String>,
    /// How many are kept at most.
    pub(super) max: usize,
}

impl Texts {
    pub(super) fn up_to(max: usize) -> Texts {
        Texts { found: Vec::new(), max }
    }

    pub(super) fn push(&mut self, text: Option<String>) {
        if self.found.len() < self.max {
            self.found.extend(text);
        }
    }
}

impl Take for Texts {
    fn text(&mut self, text: &str) {
        let mut one = None;
        Take::text(&mut one, text);
        self.push(one);
    }

    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut one: Option<String> = None;
        let more = next(items, &mut one)?;
        self.push(one);
        Ok(more)
    }
}
