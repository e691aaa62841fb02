//! Ranges of files that wait for a network, read from the first byte to the last with everything in them.
//!
//! Opening such a file compares only its sums: a request for each of its headers would take too long. So the bytes
//! between the payloads are compared here, by their sums, because the format prescribes every one of them.

use crate::arrival::{Finding, Opened, difference};
use crate::format::body::{Body, BodyEntry};
use crate::format::entry::EntryName;
use crate::format::{Profile, SumPair};
use crate::stream::digesting::DigestJob;
use crate::stream::hash::{Function, Output};
use crate::stream::segments::Segment;

/// A run ends after this many bytes, so that several are read at once.
const RUN_BYTES: u64 = 32 << 20;

/// A range of a file, and what it must consist of.
pub(super) struct Run {
    pub(super) segment: Segment,
    slices: Vec<Slice>,
    /// The profile of the bundle: slices have a SHA-384, too.
    profile: Option<Profile>,
}

/// Bytes with expected sums. There is at least one.
struct Slice {
    bytes: u64,
    sums: SumPair,
    /// The entry, unless the slice is between two payloads.
    entry: Option<BodyEntry>,
    /// The name of the next entry, for messages.
    before: Option<EntryName>,
}

impl Run {
    pub(super) fn job(&self) -> DigestJob {
        let lengths = self.slices.iter().map(|slice| slice.bytes).collect();
        DigestJob::of_slices(self.segment.clone(), self.functions(), lengths)
    }

    fn functions(&self) -> Vec<Function> {
        let strong = self.profile.map(|_| Function::Sha384);
        std::iter::once(Function::Sha256).chain(strong).collect()
    }

    /// Compares the sums of the slices.
    pub(super) fn compare(&self, found: &[Output]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (slice, found) in self.slices.iter().zip(found.chunks(self.functions().len())) {
            let Some((_, digits)) = difference(slice.sums, found) else { continue };
            let is_sha256 = found[0].sum() != Some(slice.sums.sha256);
            findings.push(match &slice.entry {
                Some(BodyEntry { name: EntryName::Blob(digest), offset, bytes, .. }) if is_sha256 => {
                    let (digest, offset, bytes) = (*digest, *offset, *bytes);
                    Finding::BlobMismatch { digest, offset, bytes, found: digits }
                }
                Some(entry) => Finding::of_pair(entry, slice.sums, found).expect("they differ"),
                None => Finding::Malformed {
                    part: "chunk".to_owned(),
                    line: 0,
                    expected: match slice.before {
                        Some(name) => {
                            format!("zero padding and the header of {name}, as the format prescribes")
                        }
                        None => "zero padding and the end of the chunk".to_owned(),
                    },
                    found: "other bytes".to_owned(),
                },
            });
        }
        findings
    }
}

/// Returns the runs of a file. The payloads of entries that `skip` selects are left out.
pub(super) fn runs(opened: &Opened, body: &Body, skip: &dyn Fn(&BodyEntry) -> bool) -> Vec<Run> {
    let mut runs = Vec::new();
    let profile = opened.statement.sums.profile();
    let mut slices: Vec<Slice> = Vec::new();
    let mut begin = None;
    let mut length = 0;
    let mut end_run = |begin: &mut Option<u64>, slices: &mut Vec<Slice>, length: &mut u64| {
        if let Some(offset) = begin.take() {
            let segment = Segment { file: opened.file.clone(), offset, bytes: std::mem::take(length) };
            runs.push(Run { segment, slices: std::mem::take(slices), profile });
        }
    };
    let mut at = None;
    for number in 0..=body.entries.len() {
        let entry = body.entries.get(number);
        let gap = body.gap(number);
        let bytes = gap.len() as u64;
        let gap_at = match (entry, at) {
            (Some(entry), _) => entry.offset - bytes,
            (None, Some(end)) => end,
            (None, None) => break,
        };
        begin.get_or_insert(gap_at);
        length += bytes;
        let sums = SumPair::of(&gap, profile);
        slices.push(Slice { bytes, sums, entry: None, before: entry.map(|entry| entry.name) });
        let Some(entry) = entry else { break };
        at = Some(entry.offset + entry.bytes);
        if skip(entry) {
            end_run(&mut begin, &mut slices, &mut length);
            continue;
        }
        if entry.bytes > 0 {
            length += entry.bytes;
            let sums = body.pair(entry);
            slices.push(Slice { bytes: entry.bytes, sums, entry: Some(*entry), before: None });
        }
        if length >= RUN_BYTES {
            end_run(&mut begin, &mut slices, &mut length);
        }
    }
    end_run(&mut begin, &mut slices, &mut length);
    runs
}
