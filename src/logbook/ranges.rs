//! Ranges of numbers.

use std::fmt;

use serde::Serialize;

/// Numbers that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct NumberRange {
    /// The lowest number.
    pub first: u64,
    /// The highest number.
    pub last: u64,
}

impl fmt::Display for NumberRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NumberRange { first, last } = self;
        if first == last { write!(f, "{first}") } else { write!(f, "{first}-{last}") }
    }
}

impl NumberRange {
    /// The numbers between two others; `None` if there are none.
    pub(super) fn between(low: u64, high: u64) -> Option<NumberRange> {
        let (first, last) = (low.checked_add(1)?, high.checked_sub(1)?);
        (first <= last).then_some(NumberRange { first, last })
    }

    /// Ranges as people read them: `41, 44-47`.
    pub fn list(ranges: &[NumberRange]) -> String {
        ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}
