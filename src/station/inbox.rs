//! What is in the inbox of an import pipeline.
//!
//! Chunks of several bundles arrive at once, in any order, under any names, again and again. A file is known by its name
//! and version, and is read again only if that changes, so looking at ten thousand old files costs one listing. A chunk
//! proves by its head that it has its whole length; that its content is whole is proven before anything is imported.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::FileState;
use crate::arrival::{read_ahead, read_head, read_release};
use crate::format::body::BodyError;
use crate::format::statement::Kind;
use crate::format::{BundleName, Sum, Timestamp};
use crate::medium::ChunkFile;
use crate::stream::workers::Workers;
use crate::trust::{TrustPolicy, accept};

/// What an inbox takes up. The rest is passed over.
#[derive(Clone, Copy, Debug, Default)]
pub struct InboxLimits {
    /// Files that were last modified before this time are passed over.
    pub oldest: Option<Timestamp>,
    /// The number of files.
    pub files: Option<u64>,
    /// The total size of the files in bytes.
    pub bytes: Option<u64>,
}

/// For how long in seconds an inbox in which nothing changes is not looked into in full. Each look that finds nothing new
/// doubles it, this many times at most.
const REST_SECONDS: u64 = 120;
const REST_DOUBLINGS_MAX: u32 = 2;

/// The same for an object store without unfinished bundles, whose pulse shows every change.
const REST_SECONDS_STORE: u64 = 3600;

/// How long in seconds a file must stay unchanged before it counts as finished. Time is measured between looks by the clock
/// of this side: the clock of the writer may jump.
const QUIET_SECONDS: u64 = 60;

/// How many heads are read ahead at once. Fewer than when a bundle is opened: most of an inbox may be no chunks, and their
/// heads are forgotten at once, so that a station that rests has needed little memory.
const HEADS_AHEAD: usize = 100;

/// How many different reasons are kept why files are no chunks. Most name what was found in the file, so each of ten thousand
/// other files would have one of its own.
const REASONS_MAX: usize = 100;

/// The reason of the files beyond these.
const OTHER_REASON: &str = "it does not begin as a chunk does";

/// A file in an inbox.
#[derive(Clone)]
pub struct InboxFile {
    /// The file.
    pub file: Arc<dyn ChunkFile>,
    /// What it is.
    pub state: FileState,
}

/// A bundle of which chunks have arrived.
pub struct InboxBundle {
    /// The id.
    pub id: Sum,
    /// The name.
    pub name: BundleName,
    /// Its number in its stream.
    pub sequence: Option<u64>,
    /// The highest number of a chunk.
    pub last: u32,
    /// The numbers of the chunks that have not arrived, in order.
    pub missing: Vec<u32>,
    /// The files of its chunks, and its parity files.
    pub files: Vec<Arc<dyn ChunkFile>>,
    /// The files of chunks whose content does not fit.
    pub damaged: Vec<Arc<dyn ChunkFile>>,
    /// How many of its files are parity files.
    pub parity: usize,
    /// The files of chunks that are there already, each with the name of the first file of the same chunk.
    pub duplicates: BTreeMap<String, String>,
    /// Whether none of its files has changed since the last look.
    pub steady: bool,
    /// Whether none of its files has changed for a minute.
    pub quiet: bool,
    /// When its first chunk was seen.
    pub since: Timestamp,
    /// A text that changes when one of its files changes.
    pub versions: String,
}

struct Known {
    version: Box<str>,
    /// Shared by the files that are no chunks for the same reason: an inbox may have thousands of them.
    state: Arc<FileState>,
    /// How often it was seen unchanged.
    unchanged: u32,
    /// When it was last seen to change.
    changed: Timestamp,
    /// What did not fit when its content was hashed, and when that was.
    damage: Option<Box<(String, Timestamp)>>,
    /// The look that saw it last.
    look: u64,
}

impl Known {
    /// Whether a file that changed at `changed` may still be written.
    fn may_change(&self, now: Timestamp) -> bool {
        self.changed.plus_seconds(QUIET_SECONDS).is_some_and(|quiet| now < quiet)
    }

    /// What the file is, as far as is known now.
    fn shown(&self, file: &dyn ChunkFile, now: Timestamp) -> FileState {
        match (self.state.as_ref(), &self.damage) {
            (FileState::Chunk { bundle, name, number, last, .. }, Some(damage)) => FileState::Damaged {
                bundle: *bundle,
                name: name.clone(),
                number: *number,
                last: *last,
                reason: damage.0.clone(),
                arriving: self.may_change(now),
            },
            // What a store lists is whole.
            (FileState::NotAChunk { reason }, _) if self.may_change(now) && !file.waits() => {
                FileState::Arriving { reason: reason.clone() }
            }
            (state, _) => state.clone(),
        }
    }
}

/// What was seen in an inbox so far. Losing it costs nothing but reading again.
#[derive(Default)]
pub struct Inbox {
    known: HashMap<Box<str>, Known>,
    /// The states of files that are no chunks, by the reason.
    others: HashMap<Arc<str>, Arc<FileState>>,
    /// The number of looks so far.
    looks: u64,
    since: HashMap<Sum, Timestamp>,
    /// When it was last looked into.
    looked: Option<Timestamp>,
    /// The pulse of the store before that look.
    pulse: Option<String>,
    /// Whether a file was changed a short time before that look.
    moves: bool,
    /// How many looks have found nothing new since one did.
    idle_looks: u32,
    /// Whether its place is an object store.
    is_store: bool,
    /// Whether a bundle in it is unfinished.
    is_unfinished: bool,
}

impl Inbox {
    /// Returns whether nothing can be new since the last look: the pulse of the store is the same, no file has changed
    /// for a while, and the last look is less than two minutes old, or eight if several looks found nothing new. A writer
    /// may go on with an old file in a folder after a long pause, which no pulse shows, so all files are looked at now and
    /// then.
    pub fn rests(&mut self, pulse: Option<String>, now: Timestamp) -> bool {
        let rest = if self.is_store && !self.is_unfinished {
            REST_SECONDS_STORE
        } else {
            REST_SECONDS << self.idle_looks.min(REST_DOUBLINGS_MAX)
        };
        let is_fresh = |time: &Timestamp| time.plus_seconds(rest).is_some_and(|end| now < end);
        let is_same = pulse.is_some() && pulse == self.pulse;
        self.pulse = pulse;
        is_same && self.looked.as_ref().is_some_and(is_fresh) && !self.moves
    }

    /// Returns how often it was looked into.
    pub(super) fn looks(&self) -> u64 {
        self.looks
    }

    /// Looks at the files that are there now. Those beyond the limits are passed over.
    pub fn look(
        &mut self,
        files: &[Arc<dyn ChunkFile>],
        policy: &TrustPolicy,
        now: Timestamp,
        limits: InboxLimits,
        workers: &Workers,
    ) -> Vec<InboxFile> {
        let oldest = limits.oldest;
        let beyond = self.beyond(files, limits);
        let mut is_idle = self.known.len() == files.len();
        self.looks += 1;
        let look = self.looks;
        let mut seen = Vec::with_capacity(files.len());
        for (at, file) in files.iter().enumerate() {
            let file = Arc::clone(file);
            if at % HEADS_AHEAD == 0 {
                let is_new = |file: &&Arc<dyn ChunkFile>| {
                    !beyond.contains_key(file.name())
                        && self.known.get(file.name()).is_none_or(|known| *known.version != *file.version())
                };
                let some = files[at..].iter().take(HEADS_AHEAD).filter(is_new);
                read_ahead(&some.cloned().collect::<Vec<_>>(), workers);
            }
            if let Some(reason) = beyond.get(file.name()) {
                // It is read when there is room for it.
                seen.push(InboxFile { file, state: FileState::OverLimit { reason: reason.clone() } });
                continue;
            }
            let version = file.version();
            let is_too_old = oldest.is_some_and(|oldest| file.modified().is_some_and(|time| time < oldest));
            let found = self.known.get_mut(file.name());
            let is_first = found.is_none();
            let is_same = |known: &&mut Known| {
                *known.version == *version
                    && !matches!(*known.state, FileState::Unreadable { .. })
                    // A file that was passed over is read if the limit has changed.
                    && (is_too_old || *known.state != FileState::TooOld)
            };
            let state = if let Some(known) = found.filter(is_same) {
                known.look = look;
                known.unchanged = known.unchanged.saturating_add(1);
                // The writer may have gone on without a trace in the version. So the content is hashed once more.
                let quiet = known.changed.plus_seconds(QUIET_SECONDS);
                let was_early = |damage: &(String, Timestamp)| quiet.is_some_and(|quiet| damage.1 < quiet);
                if known.damage.as_deref().is_some_and(was_early) && !known.may_change(now) {
                    known.damage = None;
                }
                if is_too_old { FileState::TooOld } else { known.shown(file.as_ref(), now) }
            } else {
                is_idle = false;
                // Nobody saw when a file changed that was there at the first look. Only its place says so.
                let is_old = is_first && self.looked.is_none();
                let changed = if is_old { file.modified().map_or(now, |time| time.min(now)) } else { now };
                let state = if is_too_old { FileState::TooOld } else { state_of(file.as_ref(), policy, now) };
                if !matches!(state, FileState::Chunk { .. }) {
                    file.forget();
                }
                let (version, state) = (version.into_boxed_str(), shared(state, &mut self.others));
                let known = Known { version, state, unchanged: 0, changed, damage: None, look };
                let state = if is_too_old { FileState::TooOld } else { known.shown(file.as_ref(), now) };
                self.known.insert(file.name().into(), known);
                state
            };
            seen.push(InboxFile { file, state });
        }
        self.known.retain(|_, known| known.look == look);
        self.others.retain(|_, state| Arc::strong_count(state) > 1);
        self.idle_looks = if is_idle { self.idle_looks.saturating_add(1) } else { 0 };
        self.looked = Some(now);
        self.is_store = !files.is_empty() && files.iter().all(|file| file.waits());
        self.moves = self.known.values().any(|known| known.may_change(now));
        seen
    }

    /// Returns the names of the files beyond the limits, each with the limit. Chunks that were taken up before keep their
    /// room, and the oldest files come first, so that a writer who fills the inbox keeps nothing out that was there.
    fn beyond(&self, files: &[Arc<dyn ChunkFile>], limits: InboxLimits) -> HashMap<String, String> {
        let mut beyond = HashMap::new();
        let count_max = limits.files.unwrap_or(u64::MAX);
        let is_small = files.len() as u64 <= count_max;
        let total: u64 = files.iter().map(|file| file.bytes()).fold(0, u64::saturating_add);
        if is_small && limits.bytes.is_none_or(|most| total <= most) {
            return beyond;
        }
        let is_chunk = |file: &dyn ChunkFile| {
            let known = self.known.get(file.name());
            known.is_some_and(|known| matches!(*known.state, FileState::Chunk { .. }))
        };
        let mut order: Vec<_> = files.iter().collect();
        order.sort_by_cached_key(|file| (!is_chunk(file.as_ref()), file.modified(), file.name().to_owned()));
        let (mut count, mut bytes) = (0, 0_u64);
        for file in order {
            let more = bytes.saturating_add(file.bytes());
            if count >= count_max {
                beyond.insert(
                    file.name().to_owned(),
                    format!("the inbox takes up {count_max} files at most (max-files)"),
                );
            } else if let Some(most) = limits.bytes.filter(|most| more > *most) {
                let reason = format!(
                    "the files before it and this one have {more} bytes, of {most} at most (max-bytes)"
                );
                beyond.insert(file.name().to_owned(), reason);
            } else {
                count += 1;
                bytes = more;
            }
        }
        beyond
    }

    /// Forgets which files were not trusted, because the trust file has changed.
    pub fn forget_untrusted(&mut self) {
        self.known.retain(|_, known| !matches!(*known.state, FileState::Untrusted { .. }));
    }

    /// Notes that the content of a chunk did not fit when it was hashed. The bundle waits for the chunk, and it counts
    /// again when the file changes, and once after it stayed unchanged for a minute.
    pub fn note_damage(&mut self, file: &dyn ChunkFile, reason: String, now: Timestamp) {
        if let Some(known) = self.known.get_mut(file.name())
            && *known.version == *file.version()
        {
            known.damage = Some(Box::new((reason, now)));
        }
    }

    /// Sorts the chunks that were seen into bundles. Those with lower numbers in their streams come first.
    pub fn bundles(&mut self, files: &[InboxFile], now: Timestamp) -> Vec<InboxBundle> {
        let mut bundles: BTreeMap<Sum, (InboxBundle, BTreeMap<u32, String>)> = BTreeMap::new();
        for InboxFile { file, state } in files {
            let (FileState::Chunk { bundle, name, number, last, .. }
            | FileState::Parity { bundle, name, number, last }
            | FileState::Damaged { bundle, name, number, last, .. }) = state
            else {
                continue;
            };
            let since = *self.since.entry(*bundle).or_insert(now);
            let (found, numbers) = bundles.entry(*bundle).or_insert_with(|| {
                let new = InboxBundle {
                    id: *bundle,
                    name: name.clone(),
                    sequence: None,
                    last: *last,
                    missing: Vec::new(),
                    files: Vec::new(),
                    duplicates: BTreeMap::new(),
                    damaged: Vec::new(),
                    parity: 0,
                    steady: true,
                    quiet: true,
                    since,
                    versions: String::new(),
                };
                (new, BTreeMap::new())
            });
            found.last = found.last.max(*last);
            if let FileState::Chunk { sequence, .. } = state {
                found.sequence = *sequence;
            }
            let known = self.known.get(file.name());
            found.quiet &= known.is_some_and(|known| !known.may_change(now));
            match state {
                FileState::Damaged { .. } => {
                    found.damaged.push(Arc::clone(file));
                    continue;
                }
                FileState::Parity { .. } => found.parity += 1,
                _ => match numbers.get(number) {
                    Some(first) => {
                        found.duplicates.insert(file.name().to_owned(), String::clone(first));
                    }
                    None => {
                        numbers.insert(*number, file.name().to_owned());
                    }
                },
            }
            // What a store lists is whole: it shows no objects that are still written.
            let is_steady = file.waits() || known.is_some_and(|known| known.unchanged > 0);
            found.steady &= is_steady;
            found.versions += &format!("{} {}\n", file.name(), file.version());
            found.files.push(Arc::clone(file));
        }
        // A release file alone is no bundle that waits for its chunks.
        for InboxFile { file, state } in files {
            if let FileState::Release { bundle, .. } = state
                && let Some((found, _)) = bundles.get_mut(bundle)
            {
                let known = self.known.get(file.name());
                found.steady &= file.waits() || known.is_some_and(|known| known.unchanged > 0);
                found.versions += &format!("{} {}\n", file.name(), file.version());
                found.files.push(Arc::clone(file));
            }
        }
        self.since.retain(|id, _| bundles.contains_key(id));
        let with_missing = |(mut bundle, numbers): (InboxBundle, BTreeMap<u32, String>)| {
            bundle.missing = (0..=bundle.last).filter(|number| !numbers.contains_key(number)).collect();
            bundle
        };
        let mut bundles: Vec<InboxBundle> = bundles.into_values().map(with_missing).collect();
        bundles.sort_by_key(|bundle| (bundle.sequence, bundle.id));
        self.is_unfinished = bundles.iter().any(|bundle| !bundle.missing.is_empty());
        bundles
    }
}

/// Returns the state, or the same one that another file has.
fn shared(state: FileState, others: &mut HashMap<Arc<str>, Arc<FileState>>) -> Arc<FileState> {
    let FileState::NotAChunk { mut reason } = state else { return Arc::new(state) };
    if others.len() >= REASONS_MAX {
        others.retain(|_, state| Arc::strong_count(state) > 1);
    }
    if others.len() >= REASONS_MAX && !others.contains_key(&reason) {
        reason = OTHER_REASON.into();
    }
    let new = || Arc::new(FileState::NotAChunk { reason: Arc::clone(&reason) });
    Arc::clone(others.entry(Arc::clone(&reason)).or_insert_with(new))
}

/// Reads the head of a file.
fn state_of(file: &dyn ChunkFile, policy: &TrustPolicy, now: Timestamp) -> FileState {
    let head = match read_head(file) {
        Ok(head) => head,
        Err(BodyError::Io(error)) => return FileState::Unreadable { reason: error.to_string() },
        Err(error @ BodyError::Format(_)) => {
            if let Ok(head) = read_release(file) {
                let (bundle, name) = (head.statement.bundle, head.statement.crossing.name.clone());
                return match accept(policy, head, now) {
                    Ok(_) => FileState::Release { bundle, name },
                    Err((_, reason)) => FileState::Untrusted { reason: reason.to_string() },
                };
            }
            return FileState::NotAChunk { reason: error.to_string().into() };
        }
    };
    match accept(policy, head, now) {
        Err((_, reason)) => FileState::Untrusted { reason: reason.to_string() },
        Ok(chunk) => {
            let statement = &chunk.head().statement;
            let (bundle, name) = (statement.bundle, statement.crossing.name.clone());
            let (number, last) = (statement.number, statement.last);
            if statement.kind == Kind::Parity {
                return FileState::Parity { bundle, name, number, last };
            }
            FileState::Chunk { bundle, name, number, last, sequence: statement.crossing.sequence }
        }
    }
}
