//! An opened bundle: which of its files are accepted, what its control chunk contains, and whether it is
//! released. Payloads are not checked yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::budget::Budget;
use super::bundle_files::BundleFiles;
use super::{
    Contents, ContentsError, Finding, Gate, Member, NotAChunk, OpenError, Opened, ReleaseFile, Share,
    Standing, read_body, read_planned_body,
};
use crate::format::body::{Body, BodyEntry};
use crate::format::entry::EntryName;
use crate::format::head::Head;
use crate::format::plan::PlannedBlob;
use crate::format::statement::{Kind, Statement};
use crate::format::{BundleName, Sum, SumPair, Timestamp};
use crate::medium::{ChunkFile, chunk_number};
use crate::observe::Monitor;
use crate::oci::Digest;
use crate::stream::digesting::{DigestJob, digest_all};
use crate::stream::pump::Halted;
use crate::stream::segments::Segment;
use crate::stream::workers::Workers;
use crate::trust::{AcceptedChunk, Release, Unreleased, Untrusted, release};

/// The state of the control chunk.
#[derive(Debug)]
pub enum Control {
    /// It was read and describes the bundle.
    Read(Box<Contents>),
    /// No control chunk arrived, or none was accepted.
    Absent,
    /// It cannot be read.
    Broken(ContentsError),
    /// Two different control chunks were accepted.
    Forked,
}

/// A file that cannot be read.
#[derive(Clone, Debug)]
pub struct UnreadableFile {
    /// The path of the file.
    pub file: String,
    /// The error message of the system.
    pub reason: String,
}

/// An opened bundle.
pub struct Bundle {
    /// The id of the bundle: the SHA-256 of its plan.
    pub id: Sum,
    /// The files of the bundle but its parity files, sorted by chunk number.
    #[doc(hidden)]
    pub files: Vec<Opened>,
    /// The parity files of the bundle, sorted by their number. Their text and their stripes are not checked.
    #[doc(hidden)]
    pub parity: Vec<Opened>,
    /// The release files of the bundle.
    #[doc(hidden)]
    pub releases: Vec<ReleaseFile>,
    /// The state of its control chunk.
    #[doc(hidden)]
    pub control: Control,
    /// Files that cannot be read, but have the file name of a chunk of this bundle, by chunk number.
    #[doc(hidden)]
    pub unreadable: Vec<(u32, UnreadableFile)>,
    /// The release, or why it is not released; `None` without a policy or an accepted control chunk.
    #[doc(hidden)]
    pub release: Option<Result<Release, Unreleased>>,
}

/// Returns the ranges that hold a blob, in order, with the sums of each entry; `None` if one of its chunks is missing.
pub fn segments<'a>(
    blob: &PlannedBlob,
    file: &dyn Fn(u32) -> Option<&'a Opened>,
) -> Option<Vec<(Segment, SumPair)>> {
    let mut offset = 0;
    let piece = |piece: &crate::format::plan::Piece| {
        let name = match blob.pieces.len() {
            1 => EntryName::Blob(blob.digest),
            _ => EntryName::Slice(blob.digest, offset),
        };
        offset += piece.bytes;
        let opened = file(piece.chunk)?;
        let body = opened.body()?;
        let entry = body.entry(name)?;
        Some((opened.segment(entry), body.pair(entry)))
    };
    blob.pieces.iter().map(piece).collect()
}

impl Bundle {
    /// Opens the files of a bundle in the order that docs/format.md, "Reading order", requires; with a `share`, only those that it
    /// needs.
    ///
    /// # Errors
    /// [`OpenError`] if the work is interrupted, if the system is out of memory or threads, or if there is no policy and
    /// the entries exceed the `budget`.
    pub(super) fn open(
        id: Sum,
        group: BundleFiles,
        gate: Gate<'_>,
        share: Option<Share>,
        budget: &mut Budget,
        workers: &Workers,
    ) -> Result<Bundle, OpenError> {
        let BundleFiles { members, settled, mut releases } = group;
        let (parity, accepted): (Vec<Admitted>, Vec<Admitted>) =
            members.into_iter().partition(|(member, _)| member.head.statement.kind == Kind::Parity);
        let Controls { control, release, broken } = read_controls(&accepted, &mut releases, gate);
        let (mut parity_files, mut files): (Vec<Opened>, Vec<Opened>) =
            settled.into_iter().partition(|opened| opened.statement.kind == Kind::Parity);
        let is_needed = needed_by(share, &control);
        for (member, token) in parity.into_iter().filter(|(member, _)| is_needed(&member.head.statement)) {
            let standing = match read_body(member.file.as_ref(), &member.head) {
                Ok(body) => Standing::Good(body),
                Err(error) => Standing::Damaged((&error).into()),
            };
            if let (Gate::Unverified, Standing::Good(body)) = (gate, &standing) {
                budget.take_entries(body)?;
            }
            let Member { file, head: Head { statement, .. } } = member;
            parity_files.push(Opened { file, statement, accepted: token, standing });
        }
        let layers = match &control {
            Control::Read(contents) => contents.layers_in_control(),
            _ => BTreeSet::new(),
        };
        let needed = accepted.into_iter().enumerate();
        for (index, (member, token)) in needed.filter(|(_, (member, _))| is_needed(&member.head.statement)) {
            let mut standing = standing(&member, &control, broken.get(&index));
            if let (0, Standing::Good(body)) = (member.head.statement.number, &standing)
                && let Some(finding) = first_damage(&member.file, body, &layers, workers)?
            {
                standing = Standing::Damaged(finding);
            }
            if let (Gate::Unverified, Standing::Good(body)) = (gate, &standing) {
                budget.take_entries(body)?;
            }
            let Member { file, head: Head { statement, .. } } = member;
            files.push(Opened { file, statement, accepted: token, standing });
        }
        files.sort_by_key(|opened| opened.statement.number);
        parity_files.sort_by_key(|opened| opened.statement.number);
        let (parity, unreadable) = (parity_files, Vec::new());
        Ok(Bundle { id, files, parity, releases, control, unreadable, release })
    }

    /// Notes which of the files that cannot be read have the name of a chunk of this bundle. Such a name proves nothing;
    /// it only keeps a chunk from being called missing.
    pub(super) fn note_unreadable(&mut self, others: &[NotAChunk]) {
        let last = self.last();
        let named = others.iter().filter_map(|other| {
            let error = other.unreadable()?;
            let number = chunk_number(self.name(), other.file.file_name()?)?;
            let file = UnreadableFile { file: other.file.name().to_owned(), reason: error.to_string() };
            (number <= last).then_some((number, file))
        });
        self.unreadable = named.collect();
    }

    /// Returns a file of this chunk that arrived, but cannot be read.
    #[doc(hidden)]
    pub fn unreadable_file(&self, number: u32) -> Option<UnreadableFile> {
        let of_number = self.files.iter().filter(|opened| opened.statement.number == number);
        let damaged = of_number.filter_map(|opened| match &opened.standing {
            Standing::Damaged(Finding::Unreadable { reason }) => {
                Some(UnreadableFile { file: opened.file.name().to_owned(), reason: reason.clone() })
            }
            _ => None,
        });
        let named = self.unreadable.iter().filter(|(named, _)| *named == number);
        damaged.chain(named.map(|(_, file)| file.clone())).next()
    }

    /// Returns all files: the chunks, then the parity files.
    #[doc(hidden)]
    pub fn all_files(&self) -> impl Iterator<Item = &Opened> {
        self.files.iter().chain(&self.parity)
    }

    /// Returns the contents if the control chunk could be read.
    pub fn contents(&self) -> Option<&Contents> {
        match &self.control {
            Control::Read(contents) => Some(contents),
            _ => None,
        }
    }

    /// Returns the first good file of each chunk number.
    #[doc(hidden)]
    pub fn good(&self) -> BTreeMap<u32, &Opened> {
        let mut good = BTreeMap::new();
        for opened in self.files.iter().filter(|opened| opened.body().is_some()) {
            good.entry(opened.statement.number).or_insert(opened);
        }
        good
    }

    /// Returns the highest chunk number, from the control chunk or else from the accepted files.
    pub fn last(&self) -> u32 {
        let said = self.all_files().filter(|opened| !matches!(opened.standing, Standing::Untrusted(_)));
        let said = said.map(|opened| opened.statement.last).max();
        self.contents().map(|contents| contents.plan.last).or(said).unwrap_or(0)
    }

    /// Returns the time at which the bundle expired, if that is why none of its files is accepted.
    pub fn expired(&self) -> Option<Timestamp> {
        if self.all_files().any(|opened| opened.accepted.is_some()) {
            return None;
        }
        self.all_files().find_map(|opened| match opened.standing {
            Standing::Untrusted(Untrusted::Expired { expires }) => Some(expires),
            _ => None,
        })
    }

    /// Returns whether two different chunks with valid signatures have the same number.
    pub fn is_forked(&self) -> bool {
        matches!(self.control, Control::Forked)
            || self.files.iter().any(|opened| matches!(opened.standing, Standing::Forked))
    }

    /// Returns all good files of each chunk: a chunk may arrive several times.
    #[doc(hidden)]
    pub fn copies(&self) -> BTreeMap<u32, Vec<&Opened>> {
        let mut copies: BTreeMap<u32, Vec<&Opened>> = BTreeMap::new();
        for opened in self.files.iter().filter(|opened| opened.body().is_some()) {
            copies.entry(opened.statement.number).or_default().push(opened);
        }
        copies
    }

    /// Returns the name from the control chunk, or else from an accepted file, or else from any file.
    pub fn name(&self) -> &BundleName {
        let trusted = self.all_files().find(|opened| opened.accepted.is_some());
        let any =
            || &trusted.or(self.all_files().next()).expect("a bundle has a file").statement.crossing.name;
        self.contents().map_or_else(any, |contents| &contents.plan.crossing.name)
    }
}

/// Returns which files are opened: all, or those that a share needs. If the control chunk is not read, nobody knows what that is.
fn needed_by(share: Option<Share>, control: &Control) -> impl Fn(&Statement) -> bool + use<> {
    let contents = match control {
        Control::Read(contents) => Some(contents),
        _ => None,
    };
    let known = share
        .map(|share| (share, contents.map(|contents| (share.needed(contents), contents.plan.last_data()))));
    move |statement| match &known {
        None => true,
        Some((share, _)) if statement.kind == Kind::Parity => share.has_parity(statement.number),
        Some((_, None)) => statement.number == 0,
        Some((_, Some((chunks, last)))) => {
            statement.number == 0 || statement.number > *last || chunks.contains(&statement.number)
        }
    }
}

type Admitted = (Member<Head>, Option<AcceptedChunk>);

/// The result of reading the control chunks among the accepted files.
struct Controls {
    control: Control,
    release: Option<Result<Release, Unreleased>>,
    /// The finding for each inconsistent control chunk, by its index among the accepted files.
    broken: BTreeMap<usize, Finding>,
}

/// Reads the control chunks among the accepted files. One counts only if it is consistent with the plan whose
/// SHA-256 is the bundle's id. Then the name, stream and label in its statement are those of the plan, so that
/// its signatures, including the release signatures, are for this bundle.
fn read_controls(accepted: &[Admitted], releases: &mut [ReleaseFile], gate: Gate<'_>) -> Controls {
    let mut controls = Controls { control: Control::Absent, release: None, broken: BTreeMap::new() };
    let mut read: Option<(SumPair, Box<Contents>)> = None;
    let mut forked = false;
    let (mut copies, mut statements): (Vec<&AcceptedChunk>, Vec<&[u8]>) = Default::default();
    for (index, (member, token)) in accepted.iter().enumerate() {
        let statement = &member.head.statement;
        if !statement.is_control() {
            continue;
        }
        let original =
            read.as_ref().filter(|(sums, _)| *sums == statement.sums).map(|(_, contents)| contents);
        let found = match original {
            Some(contents) => check_copy(member, contents).map(|()| None),
            None => Contents::read(member, accepted.iter().map(|(member, _)| member)).map(Some),
        };
        match found {
            Err(error) => {
                controls.broken.insert(index, error.finding());
                if read.is_none() {
                    controls.control = Control::Broken(error);
                }
                continue;
            }
            Ok(Some(contents)) if read.is_none() => read = Some((statement.sums, Box::new(contents))),
            Ok(Some(_)) => forked = true,
            Ok(None) => {}
        }
        copies.extend(token);
        statements.push(&member.head.statement_bytes);
    }
    for release in releases.iter_mut().filter(|release| release.problem.is_none()) {
        if !statements.contains(&&release.head.statement_bytes[..]) {
            release.problem = Some(Finding::ReleasesAnother);
        }
    }
    copies.extend(
        releases.iter().filter(|release| release.problem.is_none()).filter_map(|file| file.accepted.as_ref()),
    );
    if forked {
        controls.control = Control::Forked;
    } else if let Some((_, contents)) = read {
        controls.control = Control::Read(contents);
        if let Gate::Policy(policy, now) = gate {
            controls.release = Some(release(policy, &copies, now));
        }
    }
    controls
}

/// Hashes every entry of a chunk except `layers`, and returns the first damaged one.
fn first_damage(
    file: &Arc<dyn ChunkFile>,
    body: &Body,
    layers: &BTreeSet<Digest>,
    workers: &Workers,
) -> Result<Option<Finding>, Halted> {
    let is_layer =
        |entry: &&BodyEntry| matches!(&entry.name, EntryName::Blob(digest) if layers.contains(digest));
    let entries: Vec<&BodyEntry> = body.entries.iter().filter(|entry| !is_layer(entry)).collect();
    damaged_entries(file, body, &entries, workers)
}

/// Hashes entries of a chunk file with this structure, and returns the first damaged one.
pub(crate) fn damaged_entries(
    file: &Arc<dyn ChunkFile>,
    body: &Body,
    entries: &[&BodyEntry],
    workers: &Workers,
) -> Result<Option<Finding>, Halted> {
    let lengths: Vec<u64> = entries.iter().map(|entry| entry.bytes).collect();
    let job = |at: usize| {
        let BodyEntry { offset, bytes, .. } = *entries[at];
        DigestJob::pair_of(Segment { file: Arc::clone(file), offset, bytes }, body.pair(entries[at]))
    };
    let first: Mutex<Option<(usize, Finding)>> = Mutex::new(None);
    digest_all(workers, Monitor::silent(), &lengths, &job, &|at, outcome| {
        let finding = match outcome {
            Ok(outputs) => match Finding::of_pair(entries[at], body.pair(entries[at]), &outputs) {
                None => return Ok(()),
                Some(finding) => finding,
            },
            Err(unreadable) => Finding::Unreadable { reason: unreadable.source.to_string() },
        };
        let mut first = first.lock().expect("no thread panicked");
        if first.as_ref().is_none_or(|(place, _)| at < *place) {
            *first = Some((at, finding));
        }
        Ok::<(), Halted>(())
    })?;
    Ok(first.into_inner().expect("no thread panicked").map(|(_, finding)| finding))
}

fn check_copy(member: &Member<Head>, contents: &Contents) -> Result<(), ContentsError> {
    let failed = |source| ContentsError::Chunk { file: member.file.name().to_owned(), source };
    let body = read_body(member.file.as_ref(), &member.head).map_err(failed)?;
    contents.check_copy(&member.head, &body).map_err(|error| failed(error.into()))
}

fn standing(member: &Member<Head>, control: &Control, broken: Option<&Finding>) -> Standing {
    let statement = &member.head.statement;
    let planned = match control {
        Control::Read(contents) if member.file.waits() && statement.number > 0 => {
            read_planned_body(member.file.as_ref(), &member.head, contents)
        }
        _ => Ok(None),
    };
    let body = match planned {
        Ok(None) => read_body(member.file.as_ref(), &member.head),
        Ok(Some(body)) => Ok(body),
        Err(error) => Err(error),
    };
    let body = match body {
        Ok(body) => body,
        Err(error) => return Standing::Damaged((&error).into()),
    };
    match control {
        // The control chunk itself is not damaged if its annex has not arrived.
        Control::Broken(ContentsError::AnnexMissing { .. }) if statement.number == 0 => Standing::Good(body),
        _ if statement.number == 0
            && let Some(finding) = broken =>
        {
            Standing::Damaged(finding.clone())
        }
        Control::Forked if statement.number == 0 => Standing::Forked,
        Control::Read(contents) if statement.number > 0 => {
            // Check the statement first: a chunk signed by the packer of another stream is no fork.
            if let Err(error) = contents.check_chunk(&member.head, &body) {
                let same =
                    statement.crossing == contents.plan.crossing && statement.last == contents.plan.last;
                let other_sums =
                    contents.sums_of(statement.number).is_some_and(|sums| sums != statement.sums);
                return if same && other_sums {
                    Standing::Forked
                } else {
                    Standing::Damaged((&error).into())
                };
            }
            if contents.sums_of(statement.number) == Some(statement.sums) {
                Standing::Good(body)
            } else {
                Standing::Forked
            }
        }
        _ => Standing::Good(body),
    }
}
