//! The names of a bundle and its stream, and the label (docs/format.md, "Names").

use std::{fmt, str::FromStr};

macro_rules! word_type {
    ($(#[$doc:meta])* $name:ident, $rule:literal, $fits:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let fits: fn(&str) -> bool = $fits;
                if fits(text) { Ok($name(text.to_owned())) } else { Err($rule.to_owned()) }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        #[cfg(feature = "schemas")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $rule })
            }
        }
    };
}

fn lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

word_type!(
    /// The name of a bundle: the first part of the names of its chunk files.
    BundleName,
    "1 to 40 of a-z and 0-9",
    |text| (1..=40).contains(&text.len()) && text.bytes().all(lower)
);

word_type!(
    /// The name of a stream: a one-way series of bundles with sequence numbers.
    StreamName,
    "1 to 64 of a-z, 0-9 and inner -",
    |text| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| lower(b) || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
    }
);

word_type!(
    /// A marking for people and guards along the transfer path.
    Label,
    "1 to 256 printable ASCII characters, no space at either end, not -",
    |text| {
        (1..=256).contains(&text.len())
            && text.bytes().all(|b| (b' '..=b'~').contains(&b))
            && text.trim() == text
            && text != "-"
    }
);
