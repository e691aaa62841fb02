//! A bundle that was opened: which of its files are accepted, what its control chunk says, whether it is
//! released. No payload was looked at yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Contents, ContentsError, Documents, Lot, Member, read_body};
use crate::format::body::{Body, BodyEntry};
use crate::format::entry::EntryName;
use crate::format::head::Head;
use crate::format::plan::PlannedBlob;
use crate::format::statement::Statement;
use crate::format::{BundleName, Sum, Timestamp};
use crate::medium::ChunkFile;
use crate::stream::segments::Segment;
use crate::trust::{AcceptedChunk, Release, TrustPolicy, Unreleased, Untrusted, accept, release};

/// Who decides what is accepted.
#[derive(Clone, Copy)]
pub enum Gate<'a> {
    /// A trust policy, at this time.
    Policy(&'a TrustPolicy, Timestamp),
    /// Nobody: only integrity is looked at, and nothing may be used.
    Unverified,
}

/// What is known of a file of the bundle before its payload is hashed.
#[derive(Debug)]
pub enum Standing {
    /// Accepted, and as the control chunk has it where that is known.
    Good(Body),
    /// Not accepted by the policy.
    Untrusted(Untrusted),
    /// Not what its own statement, or the plan, says.
    Damaged(String),
    /// Accepted, but not the chunk that the control chunk names under this number.
    Forked,
}

/// A file of the bundle.
pub struct Opened {
    /// The file.
    pub file: Arc<dyn ChunkFile>,
    /// What it says of itself.
    pub statement: Statement,
    /// The token of its acceptance; `None` if it was refused or nobody was asked.
    pub accepted: Option<AcceptedChunk>,
    /// What is known of it.
    pub standing: Standing,
}

impl Opened {
    /// Its structure, if it is good.
    pub fn body(&self) -> Option<&Body> {
        match &self.standing {
            Standing::Good(body) => Some(body),
            _ => None,
        }
    }

    /// Its entry of this name, as a stretch of the file.
    pub fn segment(&self, entry: &BodyEntry) -> Segment {
        Segment { file: Arc::clone(&self.file), offset: entry.offset, bytes: entry.bytes }
    }
}

/// What is known of the control chunk.
#[derive(Debug)]
pub enum Control {
    /// It is there and says what the bundle is.
    Read(Box<Contents>),
    /// None arrived, or none is accepted.
    Absent,
    /// It cannot be read.
    Broken(ContentsError),
    /// Two were accepted that differ.
    Forked,
}

/// A bundle that was opened.
pub struct Bundle {
    /// Its id.
    pub id: Sum,
    /// Its files, by number.
    pub files: Vec<Opened>,
    /// What its control chunk says.
    pub control: Control,
    /// Whether it is released; `None` without a policy or an accepted control chunk.
    pub release: Option<Result<Release, Unreleased>>,
}

/// A bundle that an accepted packer made and enough people released. What is missing or damaged in it is
/// another matter. Only [`Bundle::released`] makes one.
pub struct ReleasedBundle<'a> {
    contents: &'a Contents,
    release: &'a Release,
    /// Every good file of each chunk: some arrive twice.
    files: BTreeMap<u32, Vec<&'a Opened>>,
}

impl<'a> ReleasedBundle<'a> {
    /// What it holds.
    pub fn contents(&self) -> &'a Contents {
        self.contents
    }

    /// Who released it.
    pub fn release(&self) -> &'a Release {
        self.release
    }

    /// The accepted file of a chunk; the first, where it arrived twice.
    pub fn file(&self, number: u32) -> Option<&'a Opened> {
        self.files.get(&number)?.first().copied()
    }

    /// All accepted files, by chunk.
    pub fn files(&self) -> &BTreeMap<u32, Vec<&'a Opened>> {
        &self.files
    }

    /// All accepted files of a chunk.
    pub fn copies(&self, number: u32) -> &[&'a Opened] {
        self.files.get(&number).map_or(&[], Vec::as_slice)
    }

    /// Where the bytes of a blob are, in order, with the sum of each entry; `None` if a chunk of it is missing.
    pub fn segments(&self, blob: &PlannedBlob) -> Option<Vec<(Segment, Sum)>> {
        segments(blob, &|number| self.file(number))
    }
}

/// Where the bytes of a blob are, in order, with the sum of each entry; `None` if a chunk of it is missing.
pub fn segments<'a>(
    blob: &PlannedBlob,
    file: &dyn Fn(u32) -> Option<&'a Opened>,
) -> Option<Vec<(Segment, Sum)>> {
    let mut offset = 0;
    let piece = |piece: &crate::format::plan::Piece| {
        let name = match blob.pieces.len() {
            1 => EntryName::Blob(blob.digest),
            _ => EntryName::Slice(blob.digest, offset),
        };
        offset += piece.bytes;
        let opened = file(piece.chunk)?;
        let entry = opened.body()?.entry(name)?;
        Some((opened.segment(entry), entry.sum))
    };
    blob.pieces.iter().map(piece).collect()
}

impl Bundle {
    /// Opens the files of a lot, in the order of docs/format.md, "Reading order".
    pub fn open(id: Sum, lot: Lot, gate: Gate<'_>) -> Bundle {
        let mut accepted = Vec::new();
        let mut refused = Vec::new();
        for Member { file, head } in lot.members {
            match gate {
                Gate::Unverified => accepted.push((Member { file, head }, None)),
                Gate::Policy(policy, now) => match accept(policy, head, now) {
                    Ok(chunk) => accepted.push((Member { file, head: chunk.head().clone() }, Some(chunk))),
                    Err((head, reason)) => refused.push(Opened {
                        file,
                        statement: head.statement,
                        accepted: None,
                        standing: Standing::Untrusted(reason),
                    }),
                },
            }
        }
        let Controls { control, release, broken } = read_controls(&accepted, gate);
        let mut files = refused;
        for (place, (member, token)) in accepted.into_iter().enumerate() {
            let standing = standing(&member, &control, broken.get(&place));
            let Member { file, head: Head { statement, .. } } = member;
            files.push(Opened { file, statement, accepted: token, standing });
        }
        files.sort_by_key(|opened| opened.statement.number);
        Bundle { id, files, control, release }
    }

    /// What the bundle holds, if its control chunk could be read.
    pub fn contents(&self) -> Option<&Contents> {
        match &self.control {
            Control::Read(contents) => Some(contents),
            _ => None,
        }
    }

    /// The first good file of each number.
    pub fn good(&self) -> BTreeMap<u32, &Opened> {
        let mut good = BTreeMap::new();
        for opened in self.files.iter().filter(|opened| opened.body().is_some()) {
            good.entry(opened.statement.number).or_insert(opened);
        }
        good
    }

    /// The highest chunk number: of the control chunk, or as any accepted file says.
    pub fn last(&self) -> u32 {
        let said = self.files.iter().filter(|opened| !matches!(opened.standing, Standing::Untrusted(_)));
        let said = said.map(|opened| opened.statement.last).max();
        self.contents().map(|contents| contents.plan.last).or(said).unwrap_or(0)
    }

    /// Whether two different chunks were validly signed under one number.
    pub fn is_forked(&self) -> bool {
        matches!(self.control, Control::Forked)
            || self.files.iter().any(|opened| matches!(opened.standing, Standing::Forked))
    }

    /// Every good file of each chunk: some arrive twice.
    pub fn copies(&self) -> BTreeMap<u32, Vec<&Opened>> {
        let mut copies: BTreeMap<u32, Vec<&Opened>> = BTreeMap::new();
        for opened in self.files.iter().filter(|opened| opened.body().is_some()) {
            copies.entry(opened.statement.number).or_default().push(opened);
        }
        copies
    }

    /// What its manifests say and its plan does not; see [`Documents::unsound`].
    pub fn unsound(&self) -> Vec<String> {
        let Some(contents) = self.contents() else { return Vec::new() };
        Documents::new(&contents.plan, &self.copies()).unsound()
    }

    /// Its name: as the control chunk has it, or an accepted file, or else any.
    pub fn name(&self) -> &BundleName {
        let trusted = self.files.iter().find(|opened| opened.accepted.is_some());
        let any = || &trusted.or(self.files.first()).expect("a bundle has a file").statement.crossing.name;
        self.contents().map_or_else(any, |contents| &contents.plan.crossing.name)
    }

    /// The bundle as something that may be used: accepted, released, and not forked.
    pub fn released(&self) -> Option<ReleasedBundle<'_>> {
        if self.is_forked() {
            return None;
        }
        let (Some(contents), Some(Ok(release))) = (self.contents(), &self.release) else { return None };
        let mut files: BTreeMap<u32, Vec<&Opened>> = BTreeMap::new();
        for opened in self.files.iter().filter(|opened| opened.body().is_some() && opened.accepted.is_some())
        {
            files.entry(opened.statement.number).or_default().push(opened);
        }
        Some(ReleasedBundle { contents, release, files })
    }
}

type Admitted = (Member<Head>, Option<AcceptedChunk>);

/// What the control chunks among the accepted files come to.
struct Controls {
    control: Control,
    release: Option<Result<Release, Unreleased>>,
    /// What is wrong with each that does not hold together, by its place among the accepted files.
    broken: BTreeMap<usize, String>,
}

/// Reads the control chunks among what was accepted. One counts only if it holds together with the plan whose
/// SHA-256 the bundle's id is: its statement's name, stream and label are the plan's then, and so its
/// signatures, also those that release, are for this bundle.
fn read_controls(accepted: &[Admitted], gate: Gate<'_>) -> Controls {
    let mut controls = Controls { control: Control::Absent, release: None, broken: BTreeMap::new() };
    let mut read: Option<(Sum, Box<Contents>)> = None;
    let mut forked = false;
    for (place, (member, token)) in accepted.iter().enumerate() {
        let statement = &member.head.statement;
        if statement.number != 0 {
            continue;
        }
        let copy_of = read.as_ref().filter(|(sums, _)| *sums == statement.sums).map(|(_, contents)| contents);
        let found = match copy_of {
            Some(contents) => check_copy(member, contents).map(|()| None),
            None => Contents::read(member, accepted.iter().map(|(member, _)| member)).map(Some),
        };
        match found {
            Err(error) => {
                controls.broken.insert(place, error.to_string());
                if read.is_none() {
                    controls.control = Control::Broken(error);
                }
                continue;
            }
            Ok(Some(contents)) if read.is_none() => read = Some((statement.sums, Box::new(contents))),
            Ok(Some(_)) => forked = true,
            Ok(None) => {}
        }
        if let (Gate::Policy(policy, now), Some(token)) = (gate, token) {
            let released = release(policy, token, now);
            if controls.release.is_none() || released.is_ok() {
                controls.release = Some(released);
            }
        }
    }
    if forked {
        controls.release = None;
        controls.control = Control::Forked;
    } else if let Some((_, contents)) = read {
        controls.control = Control::Read(contents);
    }
    controls
}

fn check_copy(member: &Member<Head>, contents: &Contents) -> Result<(), ContentsError> {
    let failed = |source| ContentsError::Chunk { file: member.file.name().to_owned(), source };
    let body = read_body(member.file.as_ref(), &member.head).map_err(failed)?;
    contents.check_copy(&member.head, &body).map_err(|error| failed(error.into()))
}

fn standing(member: &Member<Head>, control: &Control, broken: Option<&String>) -> Standing {
    let body = match read_body(member.file.as_ref(), &member.head) {
        Ok(body) => body,
        Err(error) => return Standing::Damaged(error.to_string()),
    };
    let statement = &member.head.statement;
    match control {
        // A control chunk that waits for its annex is not to blame.
        Control::Broken(ContentsError::AnnexMissing { .. }) if statement.number == 0 => Standing::Good(body),
        _ if statement.number == 0 && broken.is_some() => {
            Standing::Damaged(broken.cloned().unwrap_or_default())
        }
        Control::Forked if statement.number == 0 => Standing::Forked,
        Control::Read(contents) if statement.number > 0 => {
            // First the statement: what another stream's packer signed is no fork of this bundle.
            if let Err(error) = contents.check_chunk(&member.head, &body) {
                let same =
                    statement.crossing == contents.plan.crossing && statement.last == contents.plan.last;
                let other_sums =
                    contents.sums_of(statement.number).is_some_and(|sums| sums != statement.sums);
                return if same && other_sums {
                    Standing::Forked
                } else {
                    Standing::Damaged(error.to_string())
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
