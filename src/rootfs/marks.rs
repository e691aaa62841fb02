//! Marks on entries of layers: a bit for each entry.

use std::sync::Arc;

use super::hidden::Gone;
use super::members::Members;

/// Marks on the entries of some layers.
pub(super) struct Marks {
    layers: Vec<Vec<u64>>,
}

impl Marks {
    /// No marks, with room for those of layers that something of is gone. Entries of other layers cannot be marked.
    pub(super) fn for_layers(layers: &[Arc<Members>], gone: &[Gone]) -> Marks {
        let mut marks = Marks { layers: vec![Vec::new(); layers.len()] };
        for gone in gone {
            let layer = usize::from(gone.layer);
            if let (Some(marks), Some(members)) = (marks.layers.get_mut(layer), layers.get(layer))
                && marks.is_empty()
            {
                *marks = vec![0; members.len().div_ceil(64)];
            }
        }
        marks
    }

    /// Marks the entry at a place of the table of a layer. Returns whether it had no mark.
    pub(super) fn mark(&mut self, layer: u16, index: u32) -> bool {
        let word =
            self.layers.get_mut(usize::from(layer)).and_then(|words| words.get_mut(index as usize / 64));
        let Some(word) = word else { return false };
        let bit = 1 << (index % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}
