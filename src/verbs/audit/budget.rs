//! What an audit keeps in memory and expands at most, for all layers together. A bundle may have any number of layers.

use std::sync::atomic::{AtomicU64, Ordering};

/// The entries that are listed.
const ENTRIES_MAX: u64 = 2_000_000;

/// The bytes of all that is kept of files until the audit ends: entries and their names, sums, and what files say about
/// packages. With the program itself and what is open at the moment, an audit takes at most 256 MiB.
const KEPT_BYTES_MAX: u64 = 190 << 20;

/// The bytes of what files say about packages, which are among these.
const FACTS_BYTES_MAX: u64 = 96 << 20;

/// What an entry takes besides its names: 40 bytes in the table of its layer, and 54 in the merged tree of an image.
const ENTRY_BYTES: u64 = 94;

/// The bytes that archives in layers may expand to, because that takes time. Nothing of them is kept.
const NESTED_BYTES_MAX: u64 = 16 << 30;

/// What may still be kept. Threads share it.
pub(super) struct Budget {
    entries: AtomicU64,
    kept: AtomicU64,
    facts: AtomicU64,
    nested: AtomicU64,
}

impl Budget {
    /// A budget for one audit. At most `entries_max` entries are listed.
    pub(super) fn new(entries_max: u64) -> Budget {
        Budget {
            entries: AtomicU64::new(entries_max.min(ENTRIES_MAX)),
            kept: AtomicU64::new(KEPT_BYTES_MAX),
            facts: AtomicU64::new(FACTS_BYTES_MAX),
            nested: AtomicU64::new(NESTED_BYTES_MAX),
        }
    }

    /// Takes room for one entry with names and sums of so many bytes. Returns whether there is any.
    pub(super) fn take_entry(&self, bytes: usize) -> bool {
        take(&self.entries, 1) && take(&self.kept, ENTRY_BYTES.saturating_add(bytes as u64))
    }

    /// Takes room for so many bytes of what files say. Returns whether there are as many.
    pub(super) fn take_bytes(&self, bytes: u64) -> bool {
        take(&self.facts, bytes) && take(&self.kept, bytes)
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
        assert!(budget.take_entry(0) && budget.take_entry(0) && !budget.take_entry(0));
        assert!(budget.take_bytes(FACTS_BYTES_MAX) && !budget.take_bytes(1) && budget.take_bytes(0));
    }

    #[test]
    fn entries_and_facts_share_what_is_kept() {
        let entries = |budget: &Budget| (0..100_000).take_while(|_| budget.take_entry(4096)).count() as u64;
        let budget = Budget::new(u64::MAX);
        assert_eq!(entries(&budget), KEPT_BYTES_MAX / (ENTRY_BYTES + 4096));
        let budget = Budget::new(u64::MAX);
        assert!(budget.take_bytes(FACTS_BYTES_MAX));
        assert_eq!(entries(&budget), (KEPT_BYTES_MAX - FACTS_BYTES_MAX) / (ENTRY_BYTES + 4096));
        assert!(!budget.take_bytes(4096 + ENTRY_BYTES));
    }
}
