//! How grave a flaw is.

use super::cvss::base_score;

/// How grave a flaw is, in the words that all databases share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Level {
    /// The database does not say, or not in a way that is understood.
    #[default]
    Unknown,
    /// Low, or without any effect on security.
    Low,
    /// Medium, or moderate.
    Medium,
    /// High, or important.
    High,
    /// Critical.
    Critical,
}

impl Level {
    /// The level that a word of a database stands for, in any case.
    pub fn of_word(word: &str) -> Level {
        match word.to_ascii_lowercase().as_str() {
            "negligible" | "unimportant" | "none" | "informational" | "low" | "low*" | "low**" => Level::Low,
            "medium" | "medium*" | "medium**" | "moderate" => Level::Medium,
            "high" | "high*" | "high**" | "important" => Level::High,
            "critical" => Level::Critical,
            _ => Level::Unknown,
        }
    }

    /// The level of a CVSS base score in tenths (CVSS 3.1, section 5).
    pub fn of_score(tenths: u8) -> Level {
        match tenths {
            0..40 => Level::Low,
            40..70 => Level::Medium,
            70..90 => Level::High,
            _ => Level::Critical,
        }
    }

    /// The level of a CVSS vector. Only those of version 3 are computed.
    pub fn of_vector(vector: &str) -> Level {
        base_score(vector).map_or(Level::Unknown, Level::of_score)
    }

    /// The word for it, as in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Level::Unknown => "unknown",
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
            Level::Critical => "critical",
        }
    }
}
