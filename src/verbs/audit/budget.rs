//! What an audit keeps in memory and expands at most, for all layers together. A bundle may have any number of layers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::finding::{Finding, Place, Rule};
use crate::diagnosis::count;

/// The entries that are listed.
const ENTRIES_MAX: u64 = 2_000_000;

/// The bytes of all that is kept of files until the layers are merged: entries with their names, sums, and what files say about
/// packages. With the program itself and what is open at the moment, an audit takes at most 256 MiB: while layers are read,
/// that are windows and files; later, the tree of an image, which takes 53 bytes for each of two million paths.
const KEPT_BYTES_MAX: u64 = 112 << 20;

/// The bytes of what files say about packages, which are among these.
const FACTS_BYTES_MAX: u64 = 64 << 20;

/// The bytes of lines of packages in the report, at most and at least. They come on top of what is kept, because the layers are still
/// in memory when the first image is merged.
const LINES_BYTES_MAX: u64 = 48 << 20;
const LINES_BYTES_MIN: u64 = 16 << 20;

/// What a line of a package takes beside its texts, in bytes.
const LINE_BYTES: usize = 380;

/// The bytes of what is kept, the lines and the tree of one image together, unless less than the least room for lines is left.
const MERGED_BYTES_MAX: u64 = 208 << 20;

/// What a path of an image takes while the image is merged, in bytes.
const PATH_BYTES: u64 = 53;

/// The bytes of findings, which are among these, too. Further ones are counted by rule.
const FINDINGS_BYTES_MAX: u64 = 24 << 20;

/// What a finding takes beside its path and its sentence, in bytes.
const FINDING_BYTES: usize = 350;

/// The bytes that archives in layers may expand to, because that takes time. Nothing of them is kept.
const NESTED_BYTES_MAX: u64 = 16 << 30;

/// The entries that are merged, those of a layer once for each image that has it, and ten for each package of an image: many images
/// can share long layers and databases, and merging takes time.
const MERGED_ENTRIES_MAX: u64 = 400_000_000;

/// What may still be kept. Threads share it.
pub(super) struct Budget {
    entries_max: u64,
    entries: AtomicU64,
    kept: AtomicU64,
    facts: AtomicU64,
    findings: AtomicU64,
    lines: AtomicU64,
    nested: AtomicU64,
    merged: AtomicU64,
    is_short: AtomicBool,
    /// How many findings were not kept.
    more: Mutex<BTreeMap<Rule, u64>>,
}

impl Budget {
    /// A budget for one audit. At most `entries_max` entries are listed.
    pub(super) fn new(entries_max: u64) -> Budget {
        let budget = Budget {
            entries_max: entries_max.min(ENTRIES_MAX),
            entries: AtomicU64::default(),
            kept: AtomicU64::default(),
            facts: AtomicU64::default(),
            findings: AtomicU64::default(),
            lines: AtomicU64::default(),
            nested: AtomicU64::default(),
            merged: AtomicU64::new(MERGED_ENTRIES_MAX),
            is_short: AtomicBool::default(),
            more: Mutex::default(),
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
            (&self.findings, FINDINGS_BYTES_MAX),
            (&self.nested, NESTED_BYTES_MAX),
        ];
        for (left, most) in all {
            left.store(most, Ordering::Relaxed);
        }
        self.is_short.store(false, Ordering::Relaxed);
        self.more.lock().unwrap_or_else(PoisonError::into_inner).clear();
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

    /// Says how many entries the largest image has. All layers were read; what is left in memory is for the lines of packages.
    pub(super) fn begin_merging(&self, entries: u64) {
        let kept = KEPT_BYTES_MAX.saturating_sub(self.kept.load(Ordering::Relaxed));
        let taken = kept.saturating_add(entries.saturating_mul(PATH_BYTES));
        let left = MERGED_BYTES_MAX.saturating_sub(taken).clamp(LINES_BYTES_MIN, LINES_BYTES_MAX);
        self.lines.store(left, Ordering::Relaxed);
    }

    /// Takes room for the line of a package with so many bytes of texts. Returns whether there is any.
    pub(super) fn take_line(&self, texts: usize) -> bool {
        self.take_line_bytes((LINE_BYTES + texts) as u64)
    }

    /// Takes room for so many more bytes of lines of packages. Returns whether there are as many.
    pub(super) fn take_line_bytes(&self, bytes: u64) -> bool {
        self.take(&self.lines, bytes)
    }

    /// Takes room for a finding, which may stand for several. Returns whether there is any. Without, they are counted.
    pub(super) fn take_finding(&self, finding: &Finding, stands_for: u64) -> bool {
        let path = finding.path.as_ref().map_or(0, String::len);
        let bytes = (FINDING_BYTES + path + finding.text.len()) as u64;
        if self.take(&self.findings, bytes) && self.take(&self.kept, bytes) {
            return true;
        }
        let mut more = self.more.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = more.entry(finding.rule).or_insert(0);
        *counted = counted.saturating_add(stands_for);
        false
    }

    /// For each rule with findings that were not kept, a finding that says how many.
    pub(super) fn more_findings(&self) -> Vec<Finding> {
        let more = self.more.lock().unwrap_or_else(PoisonError::into_inner);
        let finding = |(rule, number): (&Rule, &u64)| {
            let found = count(*number, "more finding", "more findings");
            let text = format!(
                "the layers and images together have {found} of the rule {rule}, which take too much memory"
            );
            Finding::new(*rule, Place::default(), "more", text)
        };
        more.iter().map(finding).collect()
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
    fn lines_have_the_room_that_is_left() {
        let lines = |entries, kept| {
            let budget = Budget::new(u64::MAX);
            assert!(budget.take_bytes(kept));
            budget.begin_merging(entries);
            (0..1 << 20).take_while(|_| budget.take_line(0)).count() as u64 * LINE_BYTES as u64
        };
        let is_about = |bytes: u64, most: u64| bytes <= most && most - bytes < LINE_BYTES as u64;
        assert!(is_about(lines(1000, FACTS_BYTES_MAX), LINES_BYTES_MAX));
        assert!(is_about(
            lines(2_000_000, FACTS_BYTES_MAX),
            MERGED_BYTES_MAX - FACTS_BYTES_MAX - 2_000_000 * PATH_BYTES
        ));
        assert!(is_about(lines(u64::MAX, 0), LINES_BYTES_MIN));
    }

    #[test]
    fn findings_that_are_not_kept_are_counted() {
        let budget = Budget::new(0);
        let finding = |rule| Finding::new(rule, Place::default().at(&[b'x'; 4096]), "", String::new());
        let kept = (0..100_000).take_while(|_| budget.take_finding(&finding(Rule::Setuid), 1)).count() as u64;
        assert_eq!(kept, FINDINGS_BYTES_MAX / (4096 + FINDING_BYTES as u64));
        assert!(budget.is_short() && !budget.take_finding(&finding(Rule::Device), 7));
        let texts: Vec<String> = budget.more_findings().into_iter().map(|finding| finding.text).collect();
        assert!(texts[0].contains("7 more findings of the rule device"), "{texts:?}");
        assert!(texts[1].contains("1 more finding of the rule setuid"), "{texts:?}");
        budget.refill();
        assert!(budget.more_findings().is_empty() && budget.take_finding(&finding(Rule::Device), 1));
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
