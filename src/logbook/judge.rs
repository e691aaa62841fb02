//! Judges bundles by what is remembered (docs/format.md, "Verdicts on a stream").

use std::collections::BTreeMap;

use super::accepted::AcceptedNumbers;
use super::{Candidate, Entry, Memory, NumberRange, StreamReport, StreamVerdict};
use crate::format::{Sum, Timestamp};

impl Memory {
    /// The verdict on a bundle; `None` if it has no stream. `others` are bundles that arrived with it: one of the same
    /// stream and number is a fork of it. With `rollback`, an older bundle is not refused.
    pub fn judge(&self, candidate: &Candidate, others: &[Candidate], rollback: bool) -> Option<StreamReport> {
        candidate.channel.stream.as_ref()?;
        let nothing = AcceptedNumbers::default();
        let accepted = self.channel(&candidate.channel).map_or(&nothing, |channel| &channel.accepted);
        let twin = others.iter().find(|other| {
            let is_same = |other: &Candidate| {
                other.channel == candidate.channel && other.crossing.sequence == candidate.crossing.sequence
            };
            is_same(other) && other.crossing.sequence.is_some() && other.bundle != candidate.bundle
        });
        let mut report = judge(accepted, candidate);
        if let Some(twin) = twin.filter(|_| report.verdict != StreamVerdict::Replay) {
            (report.verdict, report.other) = (StreamVerdict::Fork, Some(twin.bundle));
        }
        let is_permitted = accepted.is_permitted(&candidate.bundle);
        report.permitted = match report.verdict {
            StreamVerdict::Rollback | StreamVerdict::Unnumbered => rollback || is_permitted,
            StreamVerdict::Jump | StreamVerdict::OtherPrevious => is_permitted,
            _ => false,
        };
        let is_refusal = matches!(
            report.verdict,
            StreamVerdict::Rollback
                | StreamVerdict::Unnumbered
                | StreamVerdict::Jump
                | StreamVerdict::OtherPrevious
                | StreamVerdict::Fork
        );
        report.refused = is_refusal && !report.permitted;
        Some(report)
    }
}

/// Judges a bundle by the bundles that were accepted. The most severe verdict counts.
fn judge(accepted: &AcceptedNumbers, candidate: &Candidate) -> StreamReport {
    let (id, previous) = (candidate.bundle, candidate.crossing.previous);
    let highest = accepted.highest();
    let report = |verdict, latest| StreamReport {
        verdict,
        refused: false,
        permitted: false,
        highest,
        latest,
        other: None,
        missing: Vec::new(),
        jump_max: None,
    };
    if accepted.has(&id) {
        let number = accepted.number_of(&id);
        return report(StreamVerdict::Replay, number == highest || number.is_none());
    }
    if !accepted.is_known() {
        return report(StreamVerdict::FirstContact, true);
    }
    let Some(number) = candidate.crossing.sequence else {
        let verdict = if highest.is_some() { StreamVerdict::Unnumbered } else { StreamVerdict::New };
        return report(verdict, true);
    };
    let latest = highest.is_none_or(|highest| number > highest);
    if let Some(other) = fork(accepted, number, id) {
        return StreamReport { other: Some(other), ..report(StreamVerdict::Fork, latest) };
    }
    if let Some(other) = other_previous(accepted, number, previous) {
        return StreamReport { other: Some(other), ..report(StreamVerdict::OtherPrevious, latest) };
    }
    // Without a number so far, all that can be said is that the bundle is another one.
    let Some(highest) = highest else { return report(StreamVerdict::New, true) };
    if number <= highest {
        return report(StreamVerdict::Rollback, false);
    }
    if number - highest > candidate.jump_max {
        return StreamReport { jump_max: Some(candidate.jump_max), ..report(StreamVerdict::Jump, true) };
    }
    let last = accepted.with(highest).and_then(|known| known.bundle);
    let follows = previous.is_some() && previous == last;
    match NumberRange::between(highest, number).filter(|_| !follows) {
        Some(range) => StreamReport { missing: vec![range], ..report(StreamVerdict::Gap, true) },
        None => report(StreamVerdict::New, true),
    }
}

/// Another bundle with this number: one that was accepted, or one that the bundle after it names.
fn fork(accepted: &AcceptedNumbers, number: u64, id: Sum) -> Option<Sum> {
    let with_number = accepted.with(number).and_then(|known| known.bundle);
    let after = number.checked_add(1).and_then(|next| accepted.with(next)).and_then(|known| known.previous);
    with_number.or(after).filter(|other| *other != id)
}

/// The bundle that was accepted before this one, if this one names another.
fn other_previous(accepted: &AcceptedNumbers, number: u64, previous: Option<Sum>) -> Option<Sum> {
    let previous = previous?;
    let before = number.checked_sub(1);
    let just_before = before.and_then(|before| accepted.with(before)).and_then(|known| known.bundle);
    if let Some(before) = just_before {
        return (before != previous).then_some(before);
    }
    // It names one that was accepted, and passes over a newer one.
    let named = accepted.number_of(&previous)?;
    let highest = accepted.highest()?;
    (number > highest && named < highest).then(|| accepted.with(highest)?.bundle).flatten()
}

/// Judges bundles that arrived together, as if each one that is whole and not refused were accepted in the order of their
/// numbers. `candidates` says of each whether it is whole.
pub fn judge_all(
    mut memory: Memory,
    candidates: &[(Candidate, bool)],
    rollback: bool,
    now: Timestamp,
) -> BTreeMap<Sum, StreamReport> {
    let others: Vec<Candidate> = candidates.iter().map(|(candidate, _)| candidate.clone()).collect();
    let mut order: Vec<&(Candidate, bool)> = candidates.iter().collect();
    order.sort_by_key(|(candidate, _)| (candidate.crossing.sequence, candidate.bundle));
    let mut reports = BTreeMap::new();
    for (candidate, is_whole) in order {
        let Some(report) = memory.judge(candidate, &others, rollback) else { continue };
        if *is_whole && !report.refused {
            memory.apply(&candidate.accepted(report.verdict), now);
        }
        reports.insert(candidate.bundle, report);
    }
    reports
}

impl Candidate {
    /// The line that says that the bundle was accepted.
    pub(super) fn accepted(&self, verdict: StreamVerdict) -> Entry {
        Entry::Accepted {
            channel: self.channel.clone(),
            sequence: self.crossing.sequence,
            bundle: self.bundle,
            previous: self.crossing.previous,
            name: self.crossing.name.clone(),
            created: self.created,
            verdict,
        }
    }
}
