//! What an audit keeps in memory and expands at most, for all layers together. A bundle may have any number of layers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The entries that are listed.
const ENTRIES_MAX: u64 = 2_000_000;

/// The bytes of all that is kept of files until the layers are merged: entries with their names, sums, and what files say about
/// packages. With the program itself and what is open at the moment, an audit takes at most 256 MiB: while layers are read,
/// that are windows and files; later, the tree of an image, which takes 53 bytes for each of two million paths.
const KEPT_BYTES_MAX: u64 = 112 << 20;

/// The bytes of what files say about packages, which are among these.
const FACTS_BYTES_MAX: u64 = 80 << 20;

/// The bytes that archives in layers may expand to, because that takes time. Nothing of them is kept.
const NESTED_BYTES_MAX: u64 = 16 << 30;

/// The entries that are merged, those of a layer once for each image that has it: many images can share long layers, and merging
/// takes time.
const MERGED_ENTRIES_MAX: u64 = 400_000_000;

/// What may still be kept. Threads share it.
pub(super) struct Budget {
    entries_max: u64,
    entries: AtomicU64,
    kept: AtomicU64,
    facts: AtomicU64,
    nested: AtomicU64,
    merged: AtomicU64,
    is_short: AtomicBool,
}

impl Budget {
    /// A budget for one audit. At most `entries_max` entries are listed.
    pub(super) fn new(entries_max: u64) -> Budget {
        let budget = Budget {
            entries_max: entries_max.min(ENTRIES_MAX),
            entries: AtomicU64::default(),
            kept: AtomicU64::default(),
            facts: AtomicU64::default(),
            nested: AtomicU64::default(),
            merged: AtomicU64::new(MERGED_ENTRIES_MAX),
            is_short: AtomicBool::default(),
        };
        budget.refill();
        budget
    }

    /// Gives back all that reading layers takes.
    pub(super) fn refill(&self) {
        let all = [
            (&self.entries, self.entries_max),
            (&self.kept, KEPT_BYTES_MAX),
            (&self.facts, FACTS_BYTES_MAX),
            (&self.nested, NESTED_BYTES_MAX),
        ];
        for (left, most) in all {
            left.store(most, Ordering::Relaxed);
        }
        self.is_short.store(false, Ordering::Relaxed);
    }

    /// Whether more was asked for than there is. Whatever the order of the threads, all that they ask for together is either within
    /// the budget or not.
    pub(super) fn is_short(&self) -> bool {
        self.is_short.load(Ordering::Relaxed)
    }

    /// Takes room for one entry that takes so many bytes. Returns whether there is any.
    pub(super) fn take_entry(&self, bytes: usize) -> bool {
        self.take(&self.entries, 1) && self.take(&self.kept, bytes as u64)
    }

    /// Takes room for so many bytes of what files say. Returns whether there are as many.
    pub(super) fn take_bytes(&self, bytes: u64) -> bool {
        self.take(&self.facts, bytes) && self.take(&self.kept, bytes)
    }

    /// Counts bytes that archives in layers expanded to. Returns whether there may be more.
    pub(super) fn take_nested(&self, bytes: u64) -> bool {
        self.take(&self.nested, bytes)
    }

    /// Counts entries that are merged. Returns whether there may be as many.
    pub(super) fn take_merged(&self, entries: u64) -> bool {
        self.take(&self.merged, entries)
    }

    fn take(&self, left: &AtomicU64, wanted: u64) -> bool {
        let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(wanted));
        if taken.is_err() {
            self.is_short.store(true, Ordering::Relaxed);
        }
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_up_is_not_given() {
        let budget = Budget::new(2);
        assert!(budget.take_entry(0) && budget.take_entry(0) && !budget.is_short());
        assert!(!budget.take_entry(0) && budget.is_short());
        budget.refill();
        assert!(budget.take_bytes(FACTS_BYTES_MAX) && !budget.is_short());
        assert!(!budget.take_bytes(1) && budget.is_short() && budget.take_bytes(0));
        assert!(budget.take_merged(MERGED_ENTRIES_MAX) && !budget.take_merged(1));
    }

    #[test]
    fn entries_and_facts_share_what_is_kept() {
        let entries = |budget: &Budget| (0..100_000).take_while(|_| budget.take_entry(4096)).count() as u64;
        let budget = Budget::new(u64::MAX);
        assert_eq!(entries(&budget), KEPT_BYTES_MAX / 4096);
        budget.refill();
        assert!(budget.take_bytes(FACTS_BYTES_MAX));
        assert_eq!(entries(&budget), (KEPT_BYTES_MAX - FACTS_BYTES_MAX) / 4096);
        assert!(!budget.take_bytes(4096));
    }
}
