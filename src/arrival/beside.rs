//! The bundles that were given beside the one in use: they may carry what a delta leaves out.

use std::collections::HashMap;

use super::{Bundle, ReleasedBundle};
use crate::format::plan::{Elsewhere, PlannedBlob};
use crate::oci::Digest;

/// What the bundles beside a delta carry of what it leaves out.
#[derive(Default)]
pub struct Beside<'a> {
    bundles: Vec<ReleasedBundle<'a>>,
    /// The place of each blob: the number of the bundle, and the blob in its plan.
    blobs: HashMap<Digest, (usize, &'a PlannedBlob)>,
}

/// A blob, and the bundle whose chunks hold it.
#[derive(Clone, Copy)]
pub struct Carrier<'a> {
    /// The blob in the plan of the bundle.
    pub blob: &'a PlannedBlob,
    /// The bundle.
    pub bundle: &'a ReleasedBundle<'a>,
}

impl<'a> Beside<'a> {
    /// Looks for what is `wanted` in the bundles that are accepted and released. Blobs whose chunks are missing are
    /// not there.
    pub fn of(others: &'a [Bundle], wanted: &[Elsewhere]) -> Beside<'a> {
        let mut beside = Beside::default();
        let sizes: HashMap<Digest, u64> = wanted.iter().map(|blob| (blob.digest, blob.size)).collect();
        for released in others.iter().filter_map(|other| other.released().ok()) {
            let at = beside.bundles.len();
            for blob in &released.contents().plan.blobs {
                let is_wanted = sizes.get(&blob.digest) == Some(&blob.size);
                if is_wanted && released.segments(blob).is_ok() {
                    beside.blobs.entry(blob.digest).or_insert((at, blob));
                }
            }
            beside.bundles.push(released);
        }
        beside
    }

    /// Returns where a blob is, if one of the bundles has it.
    #[doc(hidden)]
    pub fn carrier(&self, digest: &Digest) -> Option<Carrier<'_>> {
        let (at, blob) = *self.blobs.get(digest)?;
        Some(Carrier { blob, bundle: &self.bundles[at] })
    }
}
