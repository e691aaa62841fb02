//! `/etc/os-release`: which distribution a root file system is of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The largest file that is read, in bytes. Real ones have a few hundred.
pub const OS_RELEASE_BYTES_MAX: usize = 64 << 10;

/// What an `os-release` file says (os-release(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OsRelease {
    /// The distribution, e.g. `debian`.
    pub id: String,
    /// Its version, e.g. `12` or `3.19.1`; empty if it has none.
    pub version_id: String,
    /// The code name of the version, e.g. `bookworm`; empty if it has none.
    pub version_codename: String,
    /// Its name for people.
    pub pretty_name: String,
}

impl OsRelease {
    /// Reads the file. `None` if it names no distribution.
    pub fn parse(bytes: &[u8]) -> Option<OsRelease> {
        let text = String::from_utf8_lossy(bytes.get(..OS_RELEASE_BYTES_MAX).unwrap_or(bytes));
        let mut release = OsRelease::default();
        for line in text.lines() {
            let Some((key, value)) = line.trim().split_once('=') else { continue };
            let field = match key {
                "ID" => &mut release.id,
                "VERSION_ID" => &mut release.version_id,
                "VERSION_CODENAME" => &mut release.version_codename,
                "PRETTY_NAME" => &mut release.pretty_name,
                _ => continue,
            };
            *field = unquoted(value);
        }
        (!release.id.is_empty() || !release.pretty_name.is_empty()).then_some(release)
    }
}

/// Removes the quotes of a shell word. In double quotes, a backslash takes away the meaning of the next character.
fn unquoted(value: &str) -> String {
    let value = value.trim();
    for quote in ['"', '\''] {
        let Some(inside) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) else {
            continue;
        };
        if quote == '\'' {
            return inside.to_owned();
        }
        let mut text = String::with_capacity(inside.len());
        let mut characters = inside.chars();
        while let Some(character) = characters.next() {
            text.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
        }
        return text;
    }
    value.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_values_with_and_without_quotes() {
        let text = b"# comment\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME='bookworm'\nPRETTY_NAME=\"A \\\"B\\\"\"\nX\n";
        let release = OsRelease::parse(text).unwrap();
        assert_eq!((release.id.as_str(), release.version_id.as_str()), ("debian", "12"));
        assert_eq!(
            (release.version_codename.as_str(), release.pretty_name.as_str()),
            ("bookworm", "A \"B\"")
        );
        assert_eq!(OsRelease::parse(b"HOME_URL=x\n"), None);
    }
}
