//! The one way in which a part of a chunk is refused.

use crate::diagnosis::{Code, Diagnose, Diagnosis};

/// A part of a chunk that is not what docs/format.md says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}{}: expected {expected}, found {found}", place(*.line))]
pub struct FormatError {
    /// The part: `statement`, `plan.txt`, `tar header`, …
    pub what: &'static str,
    /// The line, from 1; 0 where the part has no lines.
    pub line: usize,
    /// What the format asks for.
    pub expected: String,
    /// What is there, escaped and shortened.
    pub found: String,
}

fn place(line: usize) -> String {
    if line == 0 { String::new() } else { format!(", line {line}") }
}

impl FormatError {
    /// Refuses a part as a whole.
    pub(crate) fn whole(what: &'static str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        FormatError { what, line: 0, expected: expected.into(), found: found.into() }
    }
}

impl Diagnose for FormatError {
    fn diagnosis(&self) -> Diagnosis {
        Code::MalformedChunk.into()
    }
}

/// Text from outside, safe and short enough for a message.
pub(crate) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 120;
    let mut short: String = text.chars().take(CHARS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}
