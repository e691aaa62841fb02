//! What is over a limit, and what could not be looked at.

use std::fmt;

/// A limit of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// A file is smaller than allowed.
    FileBytesMin,
    /// A file is larger than allowed.
    FileBytesMax,
    /// A media type is not allowed, or denied.
    MediaType,
    /// Archives in archives are too deep.
    Depth,
    /// There are too many files in archives.
    Entries,
    /// All expanded files together are too large.
    ExpandedBytes,
    /// All expanded files together are too large for the chunk file.
    Ratio,
    /// A file has a word that is denied.
    Word,
    /// The count itself ended at a limit of this program, not of the profile.
    Counted,
}

impl Limit {
    /// The name of the limit in reports.
    pub fn name(self) -> &'static str {
        match self {
            Limit::FileBytesMin => "min-file-bytes",
            Limit::FileBytesMax => "max-file-bytes",
            Limit::MediaType => "media-type",
            Limit::Depth => "max-depth",
            Limit::Entries => "max-entries",
            Limit::ExpandedBytes => "max-expanded-bytes",
            Limit::Ratio => "max-ratio",
            Limit::Word => "deny-word",
            Limit::Counted => "counted",
        }
    }
}

/// One place at which a limit is passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Over {
    /// The limit.
    pub limit: Limit,
    /// The names from the chunk file inwards, outermost first. What is only compressed adds none.
    pub place: Vec<Vec<u8>>,
    /// What the profile allows.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// An archive that the guard opens, and that was not opened here to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotOpened {
    /// The names from the chunk file inwards.
    pub place: Vec<Vec<u8>>,
    /// Why.
    pub why: String,
    /// Whether the guard may open it all the same: what it counts there is not foreseen. It meets damage just as well.
    pub is_unforeseen: bool,
}

pub(super) fn shown(place: &[Vec<u8>]) -> String {
    let names: Vec<String> = place.iter().map(|name| name.escape_ascii().to_string()).collect();
    names.join(" > ")
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, expected, found) = (shown(&self.place), &self.expected, &self.found);
        write!(f, "{place}: {}: {found}, the profile allows {expected}", self.limit.name())
    }
}

impl fmt::Display for NotOpened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: not opened: {}", shown(&self.place), self.why)
    }
}
