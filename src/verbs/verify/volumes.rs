//! Which volumes lack chunks or parity files, according to the labels that arrived. Labels are not signed, so nothing else follows from them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::arrival::NotAChunk;
use crate::format::Sum;
use crate::format::volume::{VOLUME_LABEL_BYTES_MAX, VolumeKind, VolumeLabel};

/// How many labels are read.
const LABELS_MAX: usize = 1000;

/// A volume of which files are missing.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct LackingVolume {
    /// Whether it is a volume of parity files. These volumes, and the files in them, are numbered apart.
    pub parity: bool,
    /// The number of the volume, from 1.
    pub volume: usize,
    /// How many volumes there are.
    pub of: usize,
    /// The number of its first file.
    pub first: u32,
    /// The number of its last file.
    pub last: u32,
    /// The numbers of its files that are missing. The control chunk is in each volume, and not among them.
    pub missing: Vec<u32>,
}

impl LackingVolume {
    /// Whether nothing of the volume is there.
    pub fn is_absent(&self) -> bool {
        let first = if self.parity { self.first } else { self.first.max(1) };
        let files = (first..=self.last).count();
        files > 0 && files == self.missing.len()
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

    /// Returns the volumes of a bundle that lack some of the `missing` chunks, and then those that lack parity files: whose numbers
    /// are not among the `good` ones. None if there are no labels, or if they contradict each other or the bundle.
    pub(super) fn lacking(
        &self,
        bundle: Sum,
        last: u32,
        missing: &[u32],
        good: &BTreeSet<u32>,
    ) -> Vec<LackingVolume> {
        let chunks = self.of(bundle, VolumeKind::Chunks).filter(|label| label.last() == last);
        let chunks = chunks.map(|label| {
            lacking(label, &|first, last| {
                let before = |number: u32| missing.partition_point(|missing| *missing < number);
                let from = before(first.max(1));
                missing[from..before(last + 1).max(from)].to_vec()
            })
        });
        let parity = self.of(bundle, VolumeKind::Parity).map(|label| {
            lacking(label, &|first, last| (first..=last).filter(|number| !good.contains(number)).collect())
        });
        chunks.into_iter().chain(parity).flatten().collect()
    }

    /// Returns a label of a bundle, if all of its labels of this kind have the same parts.
    fn of(&self, bundle: Sum, kind: VolumeKind) -> Option<&VolumeLabel> {
        let mut labels = self.0.values().filter(|label| label.bundle == bundle && label.kind == kind);
        let first = labels.next()?;
        labels.all(|other| other.lasts == first.lasts).then_some(first)
    }
}

/// Returns the volumes that lack files. `missing` tells which of a range are missing.
fn lacking(label: &VolumeLabel, missing: &dyn Fn(u32, u32) -> Vec<u32>) -> Vec<LackingVolume> {
    let (parity, of) = (label.kind == VolumeKind::Parity, label.lasts.len());
    let volume = |(volume, (first, last)): (usize, (u32, u32))| {
        let missing = missing(first, last);
        LackingVolume { parity, volume, of, first, last, missing }
    };
    (1..).zip(label.parts()).map(volume).filter(|volume| !volume.missing.is_empty()).collect()
}
