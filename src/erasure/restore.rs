//! Restores the chunks of a bundle that are lost or damaged. Nothing is believed: each restored chunk is accepted by its
//! own signature, and every byte of it is compared with its statement, before it gets its name.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::group_files::{GroupFiles, groups};
use super::patch::{Patch, choose};
use super::rebuild::{RebuildError, rebuild};
use super::survey::{Found, Knowledge, Survey, head, survey};
use crate::arrival::{Bundle, Finding, NotAChunk, Opened, damaged_entries, read_body, read_head};
use crate::environment::Environment;
use crate::format::head::Head;
use crate::format::limits::{SIGNATURES_MAX, STATEMENT_BYTES_MAX};
use crate::format::shape::head_entry_bytes;
use crate::format::signature::{ED25519_BYTES, Signature};
use crate::medium::{ChunkFile, ChunkSink, MediumError};
use crate::trust::{TrustPolicy, accept};

/// A chunk that was restored.
pub(crate) struct RestoredChunk {
    /// The number of the chunk.
    pub(crate) number: u32,
    /// The name of its file.
    pub(crate) file: String,
    /// The size of the file in bytes.
    pub(crate) bytes: u64,
    /// How many signatures its head has.
    pub(crate) signatures: usize,
}

/// The room that the head of any control chunk has, in bytes: the largest statement and 16 Ed25519 signatures.
const HEAD_ROOM_BYTES: u64 =
    head_entry_bytes(STATEMENT_BYTES_MAX) + SIGNATURES_MAX as u64 * head_entry_bytes(ED25519_BYTES as u64);

/// Chunks of a group that cannot be restored: too many of its files are lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LostGroup {
    /// The chunks that are lost or damaged.
    pub(crate) lost: Vec<u32>,
    /// How many more files of the group are needed; any will do.
    pub(crate) needed: u32,
}

/// What became of the chunks that are not good.
#[derive(Default)]
pub(crate) struct Restored {
    /// Those that were restored, by number.
    pub(crate) chunks: Vec<RestoredChunk>,
    /// Those of groups with too few files.
    pub(crate) lost: Vec<LostGroup>,
    /// Those whose parity, though signed, gave something else than their statements say.
    pub(crate) refuted: BTreeMap<u32, String>,
    /// All that is not good now, by number.
    pub(crate) still_bad: BTreeSet<u32>,
    /// What is wrong with parity files, by their places among those of the bundle.
    pub(crate) problems: Vec<(usize, Finding)>,
}

/// Clears the way for a chunk whose name this file has already, or refuses.
pub(crate) type ClearWay<'a> = dyn Fn(&Arc<dyn ChunkFile>, &Survey) -> Result<(), MediumError> + 'a;

/// The restoring of one bundle.
#[derive(Clone, Copy)]
pub(crate) struct Restoring<'a> {
    /// The bundle.
    pub(crate) bundle: &'a Bundle,
    /// Files whose heads cannot be read.
    pub(crate) others: &'a [NotAChunk],
    /// Who may have packed it.
    pub(crate) policy: &'a TrustPolicy,
    /// The sink for the chunks.
    pub(crate) sink: &'a dyn ChunkSink,
    /// Whether damaged files there may be changed.
    pub(crate) in_place: bool,
    /// Clears the way for a chunk whose name a file has already, or refuses.
    pub(crate) clear_way: &'a ClearWay<'a>,
    pub(crate) environment: &'a Environment<'a>,
}

impl Restoring<'_> {
    /// Restores what the parity files allow.
    ///
    /// # Errors
    /// [`RebuildError`]. Chunks that were restored before stay.
    pub(crate) fn run(&self) -> Result<Restored, RebuildError> {
        let mut restored = Restored::default();
        let known = Knowledge { bundle: self.bundle, others: self.others, is_intact: &|_| false };
        let found = RefCell::new(Vec::new());
        let note = |index: usize, finding| {
            let (mut found, new) = (found.borrow_mut(), (index, finding));
            if !found.contains(&new) {
                found.push(new);
            }
        };
        let mut bad: BTreeSet<u32> = (0..=self.bundle.last()).collect();
        let mut lost = Vec::new();
        for files in groups(self.bundle, &note) {
            let survey = survey(known, &files, self.environment)?;
            let wanted: Vec<usize> = (0..files.group.chunks.len())
                .filter(|&shard| {
                    let number = files.group.chunks[shard].number;
                    let is_good = self.is_good(number, &survey.shards[shard]);
                    if is_good {
                        bad.remove(&number);
                    }
                    !is_good && bad.contains(&number)
                })
                .collect();
            let numbers = || wanted.iter().map(|&shard| files.group.chunks[shard].number);
            let reserve = survey.reserve(&files.group);
            if reserve < 0 {
                let needed = u32::try_from(-reserve).unwrap_or(u32::MAX);
                lost.push(LostGroup { lost: numbers().collect(), needed });
                continue;
            }
            self.restore(&files, &survey, &wanted, &mut restored)?;
            restored.chunks.iter().for_each(|chunk| {
                bad.remove(&chunk.number);
            });
        }
        // No parity protects it, or only parity that lies.
        for number in bad.iter().copied().collect::<Vec<u32>>() {
            if self.has_good_file(number)? {
                bad.remove(&number);
            }
        }
        // Another set of parity files may have helped.
        restored.lost =
            lost.into_iter().filter(|group| group.lost.iter().any(|number| bad.contains(number))).collect();
        restored.refuted.retain(|number, _| bad.contains(number));
        restored.chunks.sort_by_key(|chunk| chunk.number);
        restored.still_bad = bad;
        restored.problems = found.take();
        Ok(restored)
    }

    /// Returns whether a chunk is there, whatever parity says of it.
    fn has_good_file(&self, number: u32) -> Result<bool, RebuildError> {
        let files = self.bundle.files.iter().filter(|opened| opened.statement.number == number);
        for opened in files.filter(|opened| opened.accepted.is_some()) {
            let Some(body) = opened.body() else { continue };
            let entries: Vec<_> = body.entries.iter().collect();
            if damaged_entries(&opened.file, body, &entries, self.environment.workers)?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns whether one file has all of a chunk: accepted, and every block as it was signed.
    fn is_good(&self, number: u32, found: &Found) -> bool {
        found.is_whole()
            && self.bundle.files.iter().any(|opened| {
                let place = found.places.first();
                opened.statement.number == number
                    && opened.accepted.is_some()
                    && opened.body().is_some()
                    && found.places.len() == 1
                    && place.is_some_and(|place| Arc::ptr_eq(&place.file, &opened.file))
            })
    }

    fn restore(
        &self,
        files: &GroupFiles<'_>,
        survey: &Survey,
        wanted: &[usize],
        restored: &mut Restored,
    ) -> Result<(), RebuildError> {
        let (mut whole, mut planned) = (Vec::new(), Vec::new());
        for &shard in wanted {
            let (number, head) = (files.group.chunks[shard].number, self.head(files, shard));
            let there = self.sink.finished(number)?;
            let patch = there.as_ref().and_then(|there| self.patch(files, survey, shard, there, &head));
            if let Some(patch) = patch {
                planned.push(patch);
                continue;
            }
            if let Some(there) = there {
                if self.problem(&there, &head)?.is_none() {
                    restored.chunks.push(self.restored(files, shard, &head));
                    continue;
                }
                (self.clear_way)(&there, survey)?;
            }
            whole.push((shard, head));
        }
        let (mut patches, others) = choose(planned);
        whole.extend(others.into_iter().map(|patch| (patch.shard, self.head(files, patch.shard))));
        if whole.is_empty() && patches.is_empty() {
            return Ok(());
        }
        rebuild(files, survey, &whole, &mut patches, self.sink, self.environment)?;
        self.commit(files, &whole, restored)?;
        self.mend(files, &patches, restored)
    }

    fn restored(&self, files: &GroupFiles<'_>, shard: usize, head: &Head) -> RestoredChunk {
        let chunk = &files.group.chunks[shard];
        RestoredChunk {
            number: chunk.number,
            file: self.sink.file_name(chunk.number),
            bytes: head.sealed_at() + chunk.bytes,
            signatures: head.signatures.len(),
        }
    }

    /// Plans to mend the file that has the name of a chunk, if it may be changed.
    fn patch(
        &self,
        files: &GroupFiles<'_>,
        survey: &Survey,
        shard: usize,
        there: &Arc<dyn ChunkFile>,
        head: &Head,
    ) -> Option<Patch> {
        let opened = self.bundle.files.iter().find(|opened| opened.file.version() == there.version())?;
        let is_mended = self.in_place && opened.file.name() == there.name();
        is_mended.then(|| Patch::plan(files, survey, shard, opened, head)).flatten()
    }

    /// Reads the chunks that were written, and gives their names to those that are proven.
    fn commit(
        &self,
        files: &GroupFiles<'_>,
        written: &[(usize, Head)],
        restored: &mut Restored,
    ) -> Result<(), RebuildError> {
        for (shard, head) in written {
            let number = files.group.chunks[*shard].number;
            let problem = match self.sink.unfinished(number)? {
                Some(written) => self.problem(&written, head)?,
                None => Some("it cannot be read back".to_owned()),
            };
            match problem {
                None => {
                    self.sink.commit(number)?;
                    restored.chunks.push(self.restored(files, *shard, head));
                }
                Some(problem) => {
                    restored.refuted.insert(number, problem);
                }
            }
        }
        Ok(())
    }

    /// Writes into the files of those chunks that are proven.
    fn mend(
        &self,
        files: &GroupFiles<'_>,
        patches: &[Patch],
        restored: &mut Restored,
    ) -> Result<(), RebuildError> {
        for patch in patches {
            let failed = |source| RebuildError::Write { file: self.sink.file_name(patch.number), source };
            match patch.apply().map_err(failed)? {
                Ok(()) => restored.chunks.push(self.restored(files, patch.shard, &patch.head)),
                Err(finding) => {
                    restored.refuted.insert(patch.number, finding.to_string());
                }
            }
        }
        Ok(())
    }

    /// Returns the head for a chunk: that of an accepted file with the same statement and the most signatures, or that
    /// which the parity keeps. Release files have such heads, too, and each may have the signature of another releaser.
    fn head(&self, files: &GroupFiles<'_>, shard: usize) -> Head {
        let kept = head(files, shard);
        let arrived = self.bundle.files.iter().filter_map(|opened: &Opened| {
            let head = opened.accepted.as_ref()?.head();
            (head.statement_bytes == kept.statement_bytes).then_some(head)
        });
        let best = match arrived.max_by_key(|head| head.signatures.len()) {
            Some(head) if head.signatures.len() >= kept.signatures.len() => head.clone(),
            _ => kept,
        };
        let released = self.bundle.releases.iter().filter_map(|release| {
            let head = release.accepted.as_ref()?.head();
            (head.statement_bytes == best.statement_bytes).then_some(head)
        });
        released.flat_map(|head| &head.signatures).fold(best.clone(), with_signature)
    }

    /// Returns what is wrong with a chunk file, which must have this head.
    fn problem(&self, file: &Arc<dyn ChunkFile>, expected: &Head) -> Result<Option<String>, RebuildError> {
        let head = match read_head(file.as_ref()) {
            Ok(head) if head == *expected => head,
            Ok(_) => return Ok(Some("its head was changed".to_owned())),
            Err(error) => return Ok(Some(error.to_string())),
        };
        let head = match accept(self.policy, head, self.environment.clock.now()) {
            Ok(accepted) => accepted.head().clone(),
            Err((_, reason)) => return Ok(Some(reason.to_string())),
        };
        let body = match read_body(file.as_ref(), &head) {
            Ok(body) => body,
            Err(error) => return Ok(Some(error.to_string())),
        };
        let entries: Vec<_> = body.entries.iter().collect();
        let damage = damaged_entries(file, &body, &entries, self.environment.workers)?;
        Ok(damage.map(|finding| finding.to_string()))
    }
}

/// Returns a head with one signature more, if it has none under that name, and has room.
fn with_signature(head: Head, new: &Signature) -> Head {
    let is_new = |known: &Signature| (known.key, known.algorithm) != (new.key, new.algorithm);
    if head.signatures.len() == SIGNATURES_MAX || !head.signatures.iter().all(is_new) {
        return head;
    }
    let mut longer = head.clone();
    longer.signatures.push(new.clone());
    longer.signatures.sort_by_key(|signature| (signature.key, signature.algorithm));
    if longer.sealed_at() > HEAD_ROOM_BYTES { head } else { longer }
}
