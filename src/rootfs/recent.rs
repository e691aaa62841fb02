//! Which pieces of a table were written lately, so that the same piece is written once and not a thousand times.

use std::hash::{DefaultHasher, Hasher as _};

/// The pieces that are remembered. One pushes out another with the same slot, so this never grows. Archives list folder by
/// folder, so few pieces are written again.
const SLOTS: usize = 1 << 12;

/// No piece.
const EMPTY: u32 = u32::MAX;

/// The places of pieces, by a hash of what they say. The hash has no random key: a table has the same size in every run. An archive with names
/// that collide makes only its own table larger.
#[derive(Debug, Default)]
pub(super) struct Recent {
    places: Vec<u32>,
}

impl Recent {
    /// Returns the slot of a piece, and where a piece with this slot was written last.
    pub(super) fn find(&mut self, piece: &[u8]) -> (usize, Option<u32>) {
        if self.places.is_empty() {
            self.places = vec![EMPTY; SLOTS];
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(piece);
        let slot = usize::try_from(hasher.finish() % SLOTS as u64).unwrap_or_default();
        (slot, self.places.get(slot).copied().filter(|place| *place != EMPTY))
    }

    /// Remembers where a piece with this slot is.
    pub(super) fn remember(&mut self, slot: usize, place: u32) {
        if let Some(remembered) = self.places.get_mut(slot) {
            *remembered = place;
        }
    }
}
