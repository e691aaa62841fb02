//! What an audit keeps in memory and expands at most, for all layers together. A bundle may have any number of layers.

use std::sync::atomic::{AtomicU64, Ordering};

/// The entries that are listed.
const ENTRIES_MAX: u64 = 2_000_000;

/// The bytes of what files say about packages.
const BYTES_MAX: u64 = 96 << 20;

/// The bytes that archives in layers may expand to, because that takes time. Nothing of them is kept.
const NESTED_BYTES_MAX: u64 = 16 << 30;

/// What may still be kept. Threads share it.
pub(super) struct Budget {
    entries: AtomicU64,
    bytes: AtomicU64,
    nested: AtomicU64,
}

impl Budget {
    /// A budget for one audit. At most `entries_max` entries are listed.
    pub(super) fn new(entries_max: u64) -> Budget {
        Budget {
            entries: AtomicU64::new(entries_max.min(ENTRIES_MAX)),
            bytes: AtomicU64::new(BYTES_MAX),
            nested: AtomicU64::new(NESTED_BYTES_MAX),
        }
    }

    /// Takes room for one entry. Returns whether there is any.
    pub(super) fn take_entry(&self) -> bool {
        take(&self.entries, 1)
    }

    /// Takes room for so many bytes. Returns whether there are as many.
    pub(super) fn take_bytes(&self, bytes: u64) -> bool {
        take(&self.bytes, bytes)
    }

    /// Counts bytes that archives in layers expanded to. Returns whether there may be more.
    pub(super) fn take_nested(&self, bytes: u64) -> bool {
        take(&self.nested, bytes)
    }
}

fn take(left: &AtomicU64, wanted: u64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(wanted)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_up_is_not_given() {
        let budget = Budget::new(2);
        assert!(budget.take_entry() && budget.take_entry() && !budget.take_entry());
        assert!(budget.take_bytes(BYTES_MAX) && !budget.take_bytes(1) && budget.take_bytes(0));
    }
}
