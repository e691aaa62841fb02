//! Which volumes lack chunks, according to the labels that arrived. Labels are not signed, so nothing else follows from them.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::arrival::NotAChunk;
use crate::format::Sum;
use crate::format::volume::{VOLUME_LABEL_BYTES_MAX, VolumeLabel};

/// How many labels are read.
const LABELS_MAX: usize = 1000;

/// A volume of which chunks are missing.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LackingVolume {
    /// The number of the volume, from 1.
    pub volume: usize,
    /// How many volumes there are.
    pub of: usize,
    /// The number of its first chunk.
    pub first: u32,
    /// The number of its last chunk.
    pub last: u32,
    /// The numbers of its chunks that are missing. The control chunk is in each volume, and not among them.
    pub missing: Vec<u32>,
}

impl LackingVolume {
    /// Whether nothing of the volume is there.
    pub fn is_absent(&self) -> bool {
        let chunks = (self.first.max(1)..=self.last).count();
        chunks > 0 && chunks == self.missing.len()
    }
}

/// The labels among the files that are not chunks, by the place of the file among them.
pub(super) struct Labels(BTreeMap<usize, VolumeLabel>);

impl Labels {
    /// Reads the labels. What cannot be read or parsed is none.
    pub(super) fn read(others: &[NotAChunk]) -> Labels {
        let label = |other: &NotAChunk| {
            let bytes = other.file.bytes();
            if other.unreadable().is_some() || bytes > VOLUME_LABEL_BYTES_MAX {
                return None;
            }
            let mut text = vec![0; usize::try_from(bytes).ok()?];
            other.file.open().ok()?.read_exact_at(&mut text, 0).ok()?;
            VolumeLabel::begins(&text).then(|| VolumeLabel::parse(&text).ok())?
        };
        let labels = others.iter().enumerate().filter_map(|(at, other)| Some((at, label(other)?)));
        Labels(labels.take(LABELS_MAX).collect())
    }

    /// Whether the file with this place among the others is a label of one of these bundles.
    pub(super) fn is_label(&self, place: usize, bundles: &BTreeSet<Sum>) -> bool {
        self.0.get(&place).is_some_and(|label| bundles.contains(&label.bundle))
    }

    /// Returns the volumes of a bundle that lack some of the `missing` chunks; none if there are no labels, or if they
    /// contradict each other or the bundle.
    pub(super) fn lacking(&self, bundle: Sum, last: u32, missing: &[u32]) -> Vec<LackingVolume> {
        let mut labels = self.0.values().filter(|label| label.bundle == bundle && label.last() == last);
        let Some(first) = labels.next() else { return Vec::new() };
        if labels.any(|other| other.lasts != first.lasts) {
            return Vec::new();
        }
        let volume = |(volume, (from, to)): (usize, (u32, u32))| {
            let before = |number: u32| missing.partition_point(|missing| *missing < number);
            let missing = missing[before(from.max(1))..before(to + 1).max(before(from.max(1)))].to_vec();
            LackingVolume { volume, of: first.lasts.len(), first: from, last: to, missing }
        };
        let volumes = (1..).zip(first.parts()).map(volume);
        volumes.filter(|volume| !volume.missing.is_empty()).collect()
    }
}
