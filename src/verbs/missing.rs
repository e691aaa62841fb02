//! The chunks to send again, as a text short enough to copy by hand.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::arrival::{OpenError, OpenRequest};
use crate::diagnosis::{Code, Failure};
use crate::environment::Environment;
use crate::format::{BundleName, Sum, Timestamp};
use crate::verbs::verify::{BundleReport, ChunkVerdict, FileReport, UnreadableChunk, VerifyReport, verify};

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
    /// The chunks that arrived, but cannot be read. They are not missing: another drive or other permissions may help.
    pub unreadable: Vec<UnreadableChunk>,
}

/// A bundle that has expired, so that none of its chunks is worth sending again.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ExpiredBundle {
    /// The name of the bundle.
    pub name: BundleName,
    /// The id of the bundle.
    pub bundle: Sum,
    /// When it expired.
    pub expired: Timestamp,
}

/// The report of `missing`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MissingReport {
    /// The bundles with chunks that are missing, damaged or unreadable.
    pub bundles: Vec<MissingBundle>,
    /// The bundles that have expired.
    pub expired: Vec<ExpiredBundle>,
    /// Files whose heads cannot be read, so that they may be chunks of any bundle.
    pub unreadable: Vec<FileReport>,
}

impl MissingReport {
    /// Returns the most severe kind of failure; `None` if no chunk is missing and every file can be read.
    pub fn failure(&self) -> Option<Failure> {
        let is_missing = self.bundles.iter().any(|bundle| !bundle.missing.is_empty());
        let code = if !self.expired.is_empty() {
            Code::BundleExpired
        } else if is_missing {
            Code::BundleIncomplete
        } else if !self.bundles.is_empty() || !self.unreadable.is_empty() {
            Code::ChunkUnreadable
        } else {
            return None;
        };
        Some(code.failure())
    }
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
    let VerifyReport { bundles, others, .. } = verify(request, environment)?;
    let mut report = MissingReport { bundles: Vec::new(), expired: Vec::new(), unreadable: Vec::new() };
    for BundleReport { bundle, crossing, expired, missing, unreadable, last, .. } in bundles {
        let name = crossing.name;
        if let Some(expired) = expired {
            report.expired.push(ExpiredBundle { name, bundle, expired });
        } else if !missing.is_empty() || !unreadable.is_empty() {
            report.bundles.push(MissingBundle { name, bundle, chunks: last + 1, missing, unreadable });
        }
    }
    let named = |file: &FileReport| {
        let mut chunks = report.bundles.iter().flat_map(|bundle| &bundle.unreadable);
        chunks.any(|chunk| chunk.file == file.file)
    };
    let unreadable = others.into_iter().filter(|file| file.verdict == ChunkVerdict::Unreadable);
    report.unreadable = unreadable.filter(|file| !named(file)).collect();
    Ok(report)
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
            unreadable: Vec::new(),
        };
        assert_eq!(bundle.to_string(), "release42 3f3f3f3f: 5 of 17: 0 3-5 9");
    }
}
