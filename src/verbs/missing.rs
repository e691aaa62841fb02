//! The chunks to send again, as a text short enough to copy by hand.

use std::fmt;

use serde::Serialize;

use crate::arrival::{OpenError, OpenRequest};
use crate::diagnosis::{Code, Failure};
use crate::environment::Environment;
use crate::format::resend::{Range, ResendRequest};
use crate::format::{BundleName, Sum, Timestamp};
use crate::verbs::verify::{BundleReport, ChunkVerdict, FileReport, UnreadableChunk, VerifyReport, verify};

/// The chunks of one bundle to send again.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct MissingBundle {
    /// The name of the bundle.
    pub name: BundleName,
    /// The id of the bundle.
    pub bundle: Sum,
    /// How many chunks the bundle has.
    pub chunks: u32,
    /// The numbers of the chunks to send again.
    pub missing: Vec<u32>,
    /// The request for these chunks, as text that can be read aloud and typed; absent if none is missing.
    pub request: Option<ResendRequest>,
    /// The chunks that arrived, but cannot be read. They are not missing: another drive or other permissions may help.
    pub unreadable: Vec<UnreadableChunk>,
}

/// A bundle that has expired, so that none of its chunks is worth sending again.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ExpiredBundle {
    /// The name of the bundle.
    pub name: BundleName,
    /// The id of the bundle.
    pub bundle: Sum,
    /// When it expired.
    pub expired: Timestamp,
}

/// A bundle of which chunks can be recovered from parity files.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RecoverableBundle {
    /// The name of the bundle.
    pub name: BundleName,
    /// The id of the bundle.
    pub bundle: Sum,
    /// The numbers of the chunks that can be recovered; if others are to be sent, after these have arrived.
    pub chunks: Vec<u32>,
}

/// The report of `missing`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct MissingReport {
    /// The bundles with chunks that are missing, damaged or unreadable.
    pub bundles: Vec<MissingBundle>,
    /// The bundles of which chunks can be recovered from parity files, so that these need not be sent.
    pub recoverable: Vec<RecoverableBundle>,
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

/// A request with more ranges than this is not repeated in logs.
const RANGES_IN_LOGS_MAX: usize = 64;

impl MissingBundle {
    /// Describes a bundle of this many `chunks`, of which some were `sealed` at this time.
    #[doc(hidden)]
    pub fn new(
        name: BundleName,
        bundle: Sum,
        sealed: Option<Timestamp>,
        chunks: u32,
        missing: Vec<u32>,
        unreadable: Vec<UnreadableChunk>,
    ) -> MissingBundle {
        let request = ResendRequest::new(&bundle, sealed, &missing);
        MissingBundle { name, bundle, chunks, missing, request, unreadable }
    }

    /// Returns what a log says: the line of `missing`, and the request unless it is long.
    #[doc(hidden)]
    pub fn in_logs(&self) -> String {
        match &self.request {
            Some(request) if request.ranges().len() <= RANGES_IN_LOGS_MAX => {
                format!("{self}; {}", request.compact())
            }
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for MissingBundle {
    /// `release42 3f9c2a1b: 3 of 17: 3 9-10`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.bundle.to_string();
        write!(f, "{} {}: {} of {}:", self.name, &id[..8], self.missing.len(), self.chunks)?;
        Range::of(&self.missing).iter().try_for_each(|range| write!(f, " {range}"))
    }
}

/// Verifies every chunk among the files and returns which must be sent again.
///
/// # Errors
/// See [`verify`].
pub fn missing(request: &OpenRequest<'_>, environment: &Environment<'_>) -> Result<MissingReport, OpenError> {
    let VerifyReport { bundles, others, .. } = verify(request, environment)?;
    let mut report = MissingReport {
        bundles: Vec::new(),
        recoverable: Vec::new(),
        expired: Vec::new(),
        unreadable: Vec::new(),
    };
    for BundleReport {
        bundle, crossing, expired, missing, mut unreadable, last, sealed, protection, ..
    } in bundles
    {
        let name = crossing.name;
        let lost = missing;
        let missing = protection.as_ref().map_or_else(|| lost.clone(), |found| found.to_send(&lost));
        if let Some(protection) = protection {
            let mut chunks = protection.recoverable;
            unreadable.retain(|chunk| !chunks.contains(&chunk.number));
            chunks.extend(lost.iter().filter(|number| !missing.contains(number)));
            chunks.sort_unstable();
            chunks.dedup();
            if !chunks.is_empty() && expired.is_none() {
                report.recoverable.push(RecoverableBundle { name: name.clone(), bundle, chunks });
            }
        }
        if let Some(expired) = expired {
            report.expired.push(ExpiredBundle { name, bundle, expired });
        } else if !missing.is_empty() || !unreadable.is_empty() {
            report.bundles.push(MissingBundle::new(name, bundle, sealed, last + 1, missing, unreadable));
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
        let name = "release42".parse().unwrap();
        let missing = vec![0, 3, 4, 5, 9];
        let bundle = MissingBundle::new(name, Sum([0x3f; 32]), None, 17, missing, Vec::new());
        assert_eq!(bundle.to_string(), "release42 3f3f3f3f: 5 of 17: 0 3-5 9");
    }
}
