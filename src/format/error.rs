//! The error for malformed parts of a chunk.

use crate::diagnosis::{Code, Diagnose, Diagnosis};

/// A part of a chunk violates docs/format.md.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}{}: expected {expected}, found {found}", place(*.line))]
pub struct FormatError {
    /// The part, e.g. `statement`, `plan.txt` or `tar header`.
    pub what: &'static str,
    /// The line, from 1; 0 if the part has no lines.
    pub line: usize,
    /// The content that the format requires.
    pub expected: String,
    /// The content found, shortened. Quoted text is escaped.
    pub found: String,
}

fn place(line: usize) -> String {
    if line == 0 { String::new() } else { format!(", line {line}") }
}

impl FormatError {
    /// Creates an error about a part as a whole.
    pub(crate) fn whole(what: &'static str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        FormatError { what, line: 0, expected: expected.into(), found: found.into() }
    }
}

impl Diagnose for FormatError {
    fn diagnosis(&self) -> Diagnosis {
        Code::MalformedChunk.into()
    }
}

/// Quotes untrusted text, shortened for a message.
pub(crate) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 120;
    let mut short: String = text.chars().take(CHARS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}
