//! The limits of a guard.

use crate::content::archive::Form;
use crate::content::sniff::MediaType;

/// Maximum size of a profile in bytes.
pub(super) const PROFILE_BYTES_MAX: usize = 1024 * 1024;

/// Maximum number of words that may not occur, and of media types in a list.
pub(super) const LIST_MAX: usize = 1000;

/// Maximum length of a word in bytes.
pub(super) const WORD_BYTES_MAX: usize = 1024;

/// The limits of a guard. What is `None` or empty is not limited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The least size of a file, in bytes. It holds for the chunk file and for each file in it.
    pub file_bytes_min: u64,
    /// The largest size of a file, in bytes. It holds for the chunk file and for each file in it.
    pub file_bytes_max: Option<u64>,
    /// Media types that may pass, or may not. A file must get past each filter.
    pub media: Vec<MediaFilter>,
    /// The forms that the guard expands. Other archives are files like others.
    pub expands: Vec<Form>,
    /// Archives with fewer bytes are files like others.
    pub expands_from_bytes: u64,
    /// How many archives may be around one another: a file in a tar archive in gzip in the chunk file is behind 3.
    pub depth_max: Option<u64>,
    /// How many files a chunk file may expand to.
    pub entries_max: Option<u64>,
    /// How many bytes all files that a chunk file expands to may have together. What is expanded again counts again.
    pub expanded_bytes_max: Option<u64>,
    /// How many times the size of the chunk file these bytes may be, in thousandths.
    pub ratio_milli_max: Option<u64>,
    /// Words that no file may have. They are sought in what is not expanded further.
    pub words: Vec<Word>,
    /// What the profile demands and the count does not check, as sentences for people.
    pub not_checked: Vec<String>,
}

/// A filter by media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaFilter {
    /// A file must be called by one of these names, Tika's or libmagic's.
    Allow {
        /// The names.
        names: Vec<String>,
        /// And its name must end in one of these, `""` for a name without an end; empty if any end will do.
        extensions: Vec<String>,
    },
    /// No file may be called by one of these names and end so.
    Deny {
        /// The names.
        names: Vec<String>,
        /// The ends of names, as above.
        extensions: Vec<String>,
    },
}

/// A word that no file may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word or phrase.
    pub text: String,
    /// Whether it counts only if no letter, digit or `_` is next to it.
    pub is_complete: bool,
    /// Whether upper and lower case count.
    pub is_sensitive: bool,
}

/// A profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The file is too long.
    #[error("the profile has {found} bytes, {PROFILE_BYTES_MAX} are allowed")]
    TooLong {
        /// Its size in bytes.
        found: usize,
    },
    /// The text is not in the form of a profile.
    #[error("the profile is not valid: {message}")]
    Syntax {
        /// What is wrong, as the parser says it.
        message: String,
    },
    /// A value is not one that is allowed.
    #[error("the profile is not valid: {key} is {found}, {expected} was expected")]
    Value {
        /// The name of the value.
        key: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        expected: String,
    },
}

impl Profile {
    /// A profile that limits nothing and expands nothing.
    pub fn unlimited() -> Profile {
        Profile {
            file_bytes_min: 0,
            file_bytes_max: None,
            media: Vec::new(),
            expands: Vec::new(),
            expands_from_bytes: 0,
            depth_max: None,
            entries_max: None,
            expanded_bytes_max: None,
            ratio_milli_max: None,
            words: Vec::new(),
            not_checked: Vec::new(),
        }
    }
}

impl MediaFilter {
    /// Why the filter refuses a file: what it expects. `None` if it lets the file pass.
    pub(super) fn refuses(&self, media_type: MediaType, name: &[u8]) -> Option<String> {
        let extension = extension(name);
        let fits = |names: &[String], extensions: &[String]| {
            let by_end =
                |end: &String| end.trim_start_matches('.').as_bytes().eq_ignore_ascii_case(extension);
            names.iter().any(|name| media_type.is_called(name))
                && (extensions.is_empty() || extensions.iter().any(by_end))
        };
        match self {
            MediaFilter::Allow { names, extensions } => (!fits(names, extensions)).then(|| {
                let ends =
                    if extensions.is_empty() { String::new() } else { format!(" with {extensions:?}") };
                format!("only {}{ends}", names.join(", "))
            }),
            MediaFilter::Deny { names, extensions } => {
                fits(names, extensions).then(|| format!("anything but {}", names.join(", ")))
            }
        }
    }
}

/// The letters behind the last dot of a name; empty if there is no dot.
fn extension(name: &[u8]) -> &[u8] {
    let base = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let dot = base.iter().rposition(|byte| *byte == b'.');
    dot.and_then(|dot| base.get(dot.saturating_add(1)..)).unwrap_or_default()
}
