//! The category of chunks in object stores.

use std::fmt;
use std::str::FromStr;

/// Greatest length in bytes of a category.
const BYTES_MAX: usize = 100;

/// The `category` in the metadata of chunks in object stores. It is for other tools: carnet does not read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category(String);

impl Category {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Category {
    /// The category if the operator chooses no other.
    fn default() -> Category {
        Category("carnet-transfer-blob".to_owned())
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Category {
    type Err = String;

    /// Reads a text that can be sent in a header.
    fn from_str(text: &str) -> Result<Category, String> {
        match text.len() {
            1..=BYTES_MAX if text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(Category(text.to_owned()))
            }
            _ => Err(format!("expected 1 to {BYTES_MAX} printable ASCII characters without spaces")),
        }
    }
}
