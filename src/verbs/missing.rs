//! The chunks to send again, as a text short enough to copy by hand.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::arrival::{OpenError, OpenRequest};
use crate::environment::Environment;
use crate::format::Sum;
use crate::format::name::BundleName;
use crate::verbs::verify::{VerifyReport, verify};

/// The chunks of one bundle to send again.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MissingBundle {
    /// The name of the bundle.
    pub name: BundleName,
    /// The id of the bundle.
    pub bundle: Sum,
    /// How many chunks the bundle has.
    pub chunks: u32,
    /// The numbers of the chunks to send again.
    pub missing: Vec<u32>,
}

/// The report of `missing`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MissingReport {
    /// The bundles with missing or damaged chunks.
    pub bundles: Vec<MissingBundle>,
}

impl fmt::Display for MissingBundle {
    /// `release42 3f9c2a1b: 3 of 17: 3 9-10`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.bundle.to_string();
        write!(f, "{} {}: {} of {}:", self.name, &id[..8], self.missing.len(), self.chunks)?;
        for (first, last) in runs(&self.missing) {
            if first == last {
                write!(f, " {first}")?;
            } else {
                write!(f, " {first}-{last}")?;
            }
        }
        Ok(())
    }
}

/// Returns the runs of consecutive numbers, each as first and last. `numbers` must be in ascending order.
fn runs(numbers: &[u32]) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    runs
}

/// Verifies every chunk among the files and returns which must be sent again.
///
/// # Errors
/// See [`verify`].
pub fn missing(request: &OpenRequest<'_>, environment: &Environment<'_>) -> Result<MissingReport, OpenError> {
    let VerifyReport { bundles, .. } = verify(request, environment)?;
    let bundles =
        bundles.into_iter().filter(|bundle| !bundle.missing.is_empty()).map(|bundle| MissingBundle {
            name: bundle.crossing.name,
            bundle: bundle.bundle,
            chunks: bundle.last + 1,
            missing: bundle.missing,
        });
    Ok(MissingReport { bundles: bundles.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_numbers_are_shortened_to_ranges() {
        let bundle = MissingBundle {
            name: "release42".parse().unwrap(),
            bundle: Sum([0x3f; 32]),
            chunks: 17,
            missing: vec![0, 3, 4, 5, 9],
        };
        assert_eq!(bundle.to_string(), "release42 3f3f3f3f: 5 of 17: 0 3-5 9");
    }
}
