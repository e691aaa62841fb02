//! What is wrong with the text of a request.

use std::fmt;

use crate::diagnosis::{Code, Diagnose, Diagnosis, count};

/// How many faults, and how many numbers of lines, a message names.
const NAMED_MAX: usize = 20;

/// Why a text is no request that can be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The text is too long.
    #[error("the text of the request has more than {limit} bytes, which is the limit")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The word that begins a request is not there.
    #[error("the text has no request: expected the word RESEND{}", perhaps(found.as_deref()))]
    Absent {
        /// A word of the text that resembles it.
        found: Option<String>,
    },
    /// Lines are wrong.
    #[error("{}", list(faults))]
    Wrong {
        /// What is wrong, line by line. There is at least one.
        faults: Vec<Fault>,
    },
    /// Lines are missing.
    #[error("{} of the request for {bundle} is missing: {}", count(missing.len() as u64, "line", "lines"), numbers(missing))]
    Incomplete {
        /// The short id of the bundle.
        bundle: String,
        /// The numbers of the lines that are missing, up to a limit.
        missing: Vec<u32>,
    },
}

/// A line of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The line that begins with RESEND.
    First,
    /// The line with this number.
    Number(u32),
    /// A line whose number cannot be read; how many lines were before it.
    After(u32),
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line.
    pub line: Line,
    /// What was expected, what was found, and what was probably meant.
    pub problem: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Line::First => f.write_str("the first line (RESEND)"),
            Line::Number(number) => write!(f, "line {number}"),
            Line::After(before) => write!(f, "the line after {}", count((*before).into(), "line", "lines")),
        }
    }
}

fn list(faults: &[Fault]) -> String {
    let named = faults.iter().take(NAMED_MAX).map(|fault| format!("{}: {}", fault.line, fault.problem));
    let more = match faults.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!("; and {} more", count(more as u64, "fault", "faults")),
    };
    named.collect::<Vec<_>>().join("; ") + &more
}

fn numbers(missing: &[u32]) -> String {
    let named: Vec<String> = missing.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    let more = if missing.len() > NAMED_MAX { " and others" } else { "" };
    named.join(", ") + more
}

fn perhaps(found: Option<&str>) -> String {
    found.map(|found| format!(", found {found:?}")).unwrap_or_default()
}

impl Diagnose for RequestError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            RequestError::TooLong { .. } => Code::RequestTooLong,
            RequestError::Absent { .. } | RequestError::Wrong { .. } => Code::RequestWrong,
            RequestError::Incomplete { .. } => Code::RequestIncomplete,
        };
        code.into()
    }
}
