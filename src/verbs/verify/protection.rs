//! What the parity files of a bundle allow to lose.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::damage::{Damage, is_intact};
use crate::arrival::{Bundle, NotAChunk};
use crate::environment::Environment;
use crate::erasure::{Knowledge, Survey, groups, survey};
use crate::format::parity::ParityGroup;
use crate::stream::pump::Halted;

/// A group of chunks that parity files protect.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct GroupReport {
    /// The number of the group.
    pub group: u32,
    /// How many chunks it has.
    pub chunks: usize,
    /// How many parity files it has.
    pub files: u32,
    /// The chunks of the group that are missing or damaged.
    pub lost: Vec<u32>,
    /// How many more of its files may be lost or damaged; negative if so many are needed to recover what is lost.
    pub reserve: i64,
    /// The chunks to send again so that the others can be recovered; none if all can be.
    pub send: Vec<u32>,
}

/// What the parity files of a bundle allow.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ProtectionReport {
    /// The groups of which parity files arrived.
    pub groups: Vec<GroupReport>,
    /// How many more files may be lost, whichever they are. 0 if a chunk has no parity; negative if what is lost cannot
    /// be recovered.
    pub reserve: i64,
    /// The chunks that are missing or damaged, and can be recovered.
    pub recoverable: Vec<u32>,
}

impl ProtectionReport {
    /// Returns which of the chunks that are missing must be sent again; the others can be recovered then.
    pub fn to_send(&self, missing: &[u32]) -> Vec<u32> {
        let must = |number: &u32| {
            let groups = || self.groups.iter().filter(|group| group.lost.contains(number));
            groups().next().is_none() || groups().all(|group| group.send.contains(number))
        };
        missing.iter().copied().filter(must).collect()
    }
}

/// Returns the chunks to send again: those that are lost from end to end, the longest first, and then damaged ones, until the
/// parity suffices for the rest.
fn to_send(group: &ParityGroup, survey: &Survey, lost: &[u32]) -> Vec<u32> {
    let mut candidates: Vec<usize> =
        (0..group.chunks.len()).filter(|&shard| lost.contains(&group.chunks[shard].number)).collect();
    candidates.sort_by_key(|&shard| {
        let good = survey.shards[shard].good.iter().flatten().count();
        (good, std::cmp::Reverse(group.chunks[shard].bytes))
    });
    let enough = (0..=candidates.len())
        .find(|&count| survey.reserve_with(group, &candidates[..count]) >= 0)
        .unwrap_or(candidates.len());
    let mut send: Vec<u32> = candidates[..enough].iter().map(|&shard| group.chunks[shard].number).collect();
    send.sort_unstable();
    send
}

/// Finds what can be recovered. Also notes what is wrong with parity files, as damage.
pub(super) fn protection(
    bundle: &Bundle,
    others: &[NotAChunk],
    damage: &mut Damage,
    environment: &Environment<'_>,
) -> Result<Option<ProtectionReport>, Halted> {
    if bundle.parity.is_empty() {
        return Ok(None);
    }
    let found = std::cell::RefCell::new(Vec::new());
    let note = |index: usize, finding| found.borrow_mut().push((bundle.files.len() + index, finding));
    let intact: Vec<bool> =
        bundle.all_files().enumerate().map(|(index, opened)| is_intact(opened, damage.get(&index))).collect();
    let is_good = |index: usize| intact[index];
    let known = Knowledge { bundle, others, is_intact: &is_good };
    let good: BTreeSet<u32> = bundle
        .files
        .iter()
        .zip(&intact)
        .filter(|(_, intact)| **intact)
        .map(|(opened, _)| opened.statement.number)
        .collect();
    let (mut reports, mut recoverable) = (Vec::new(), BTreeSet::new());
    // Of two sets of parity files, the better counts for a chunk.
    let mut best: BTreeMap<u32, i64> = BTreeMap::new();
    for files in groups(bundle, &note) {
        let survey = survey(known, &files, environment)?;
        let numbers = || files.group.chunks.iter().map(|chunk| chunk.number);
        let lost: Vec<u32> = numbers().filter(|number| !good.contains(number)).collect();
        let reserve = survey.reserve(&files.group);
        for number in numbers() {
            let before = best.entry(number).or_insert(reserve);
            *before = reserve.max(*before);
        }
        if reserve >= 0 {
            recoverable.extend(lost.iter().copied());
        }
        let send = to_send(&files.group, &survey, &lost);
        let (group, chunks, files) = (files.group.group, files.group.chunks.len(), files.group.files);
        reports.push(GroupReport { group, chunks, files, lost, reserve, send });
    }
    for (index, finding) in found.into_inner() {
        let findings = damage.entry(index).or_default();
        // The entry may have been found damaged before.
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    reports.sort_by_key(|report| report.group);
    let of_chunk = |number: u32| {
        let unprotected = if good.contains(&number) { 0 } else { -1 };
        best.get(&number).copied().unwrap_or(unprotected)
    };
    let reserve = (0..=bundle.last()).map(of_chunk).min().unwrap_or(0);
    Ok(Some(ProtectionReport { groups: reports, reserve, recoverable: recoverable.into_iter().collect() }))
}
