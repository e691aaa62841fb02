//! Reading a layer.

use std::io::{Error, Read};
use std::thread;

use sha2::{Digest as _, Sha256};

use super::passing::Passing;
use super::pipe::{Drain, pipe};
use super::problem::{LayerProblem, Problems};
use super::toc;
use super::visitor::{Interest, LayerVisitor};
use crate::content::inflate::{Encoding, InflateError, InflateLimits, Inflater, StreamKind};
use crate::content::name;
use crate::content::tar::{EntryKind, TarEntry, TarReader};
use crate::content::turn::Turn;
use crate::oci::Digest;

/// How much of a layer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerLimits {
    /// How far it may expand.
    pub inflate: InflateLimits,
    /// The most entries that are shown to the visitor. Further ones are counted.
    pub entries_max: u64,
}

impl Default for LayerLimits {
    fn default() -> Self {
        LayerLimits { inflate: InflateLimits::default(), entries_max: 2_000_000 }
    }
}

/// The holes of sparse files that are expanded for a visitor or a digest, in bytes of zeros for the whole layer. Without
/// a limit, a layer of 1 KiB could ask for exabytes.
const HOLES_BYTES_MAX: u64 = 4 << 30;

/// The memory for the content of entries that is kept for the next one, in bytes.
const BODY_BYTES_KEPT: usize = 2 << 20;

/// The entries of a layer by what they create.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct EntryCounts {
    /// Files.
    pub files: u64,
    /// Hard links.
    pub hard_links: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Folders.
    pub folders: u64,
    /// Devices of both kinds.
    pub devices: u64,
    /// Named pipes.
    pub fifos: u64,
    /// Entries whose type runtimes do not know.
    pub others: u64,
}

impl EntryCounts {
    fn add(&mut self, kind: EntryKind) {
        let count = match kind {
            EntryKind::File => &mut self.files,
            EntryKind::HardLink => &mut self.hard_links,
            EntryKind::Symlink => &mut self.symlinks,
            EntryKind::Folder => &mut self.folders,
            EntryKind::CharDevice | EntryKind::BlockDevice => &mut self.devices,
            EntryKind::Fifo => &mut self.fifos,
            EntryKind::Other(_) => &mut self.others,
        };
        *count += 1;
    }

    /// All entries.
    pub fn total(&self) -> u64 {
        self.files + self.hard_links + self.symlinks + self.folders + self.devices + self.fifos + self.others
    }
}

/// What was read of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerRead {
    /// How the blob is encoded.
    pub encoding: Encoding,
    /// The bytes of the blob that were used. All of them, unless the stream could not be read to its end.
    pub bytes_in: u64,
    /// The expanded bytes.
    pub expanded: u64,
    /// The SHA-256 of the expanded bytes: what the image configuration calls diffID. `None` if the stream could not be
    /// read to its end.
    pub diff_id: Option<Digest>,
    /// The entries, with those that were not shown to the visitor.
    pub entries: EntryCounts,
    /// The table of contents (JSON) of eStargz or zstd:chunked, if the layer has one of at most 32 MiB.
    pub toc: Option<Vec<u8>>,
    /// What is wrong or odd.
    pub problems: Problems<LayerProblem>,
}

/// Reads a layer in one pass. This thread walks over the archive, hashes, and calls `visitor`; a second one reads `source`
/// and expands it.
///
/// A layer that is damaged or passes a limit gives what was read before, and the problems say why it ended. Whether the
/// blob has the expected digest, size and media type is for the caller to compare. The source is read to its end unless
/// the stream could not be: the caller who hashes the blob on the way reads the rest.
pub fn read_layer(
    source: &mut (dyn Read + Send),
    limits: &LayerLimits,
    visitor: &mut dyn LayerVisitor,
) -> LayerRead {
    read_expanded(Inflater::new(source, limits.inflate), limits, visitor)
}

/// Reads a layer as [`read_layer`] does, while other layers are read: frames of zstd that need much memory wait for `turn`.
pub fn read_layer_in_turn(
    source: &mut (dyn Read + Send),
    limits: &LayerLimits,
    visitor: &mut dyn LayerVisitor,
    turn: Turn,
) -> LayerRead {
    read_expanded(Inflater::new(source, limits.inflate).in_turn(turn), limits, visitor)
}

fn read_expanded(
    mut inflater: Inflater<&mut (dyn Read + Send)>,
    limits: &LayerLimits,
    visitor: &mut dyn LayerVisitor,
) -> LayerRead {
    let (filler, drain) = pipe();
    let kind = inflater.recognise();
    let (mut walk, bytes, diff_id, error) = thread::scope(|scope| {
        let inflater = &mut inflater;
        scope.spawn(move || filler.fill(inflater));
        let mut walk = Walk {
            limits,
            visitor,
            entries: EntryCounts::default(),
            holes: 0,
            toc: None,
            body: Vec::new(),
            problems: Problems::default(),
        };
        let (drain, walk_error) = match kind {
            Ok(kind) => walk.all(kind, drain),
            Err(error) => (drain, Some(error)),
        };
        let (bytes, diff_id, rest_error) = drain.finish();
        (walk, bytes, diff_id, walk_error.or(rest_error))
    });
    let encoding = inflater.encoding();
    if let Some(error) = error {
        walk.add(cause(&error));
    }
    if encoding.trailing_bytes > 0 {
        walk.add(LayerProblem::TrailingData {
            bytes: encoding.trailing_bytes,
            zeros: encoding.trailing_zeros,
        });
    }
    if encoding.skippable_frames > 0 {
        walk.add(LayerProblem::SkippableFrame {
            frames: encoding.skippable_frames,
            bytes: encoding.skippable_bytes,
        });
    }
    LayerRead {
        encoding,
        bytes_in: inflater.bytes_in(),
        expanded: bytes,
        diff_id,
        entries: walk.entries,
        toc: walk.toc.or_else(|| toc::chunked(inflater.skipped())),
        problems: walk.problems,
    }
}

/// The problem that an error of the source stands for.
fn cause(error: &Error) -> LayerProblem {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<InflateError>()) {
        Some(error) => LayerProblem::Stream(error.clone()),
        None => LayerProblem::Unreadable { problem: error.to_string() },
    }
}

/// What an opaque stream looks like, by its first bytes.
fn looks_like(head: &[u8]) -> &'static str {
    match head {
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => "it is compressed twice",
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => "it is compressed with xz",
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => "it is compressed with bzip2",
        [0x04, 0x22, 0x4d, 0x18, ..] => "it is compressed with lz4",
        [b'P', b'K', 3, 4, ..] => "it is a zip archive",
        [b'-', b'-', b'-', b'-', b'-', b'B', ..] => "it is a PEM text, perhaps encrypted",
        _ => "it is neither a tar archive nor compressed with gzip or zstd, and may be encrypted",
    }
}

struct Walk<'a> {
    limits: &'a LayerLimits,
    visitor: &'a mut dyn LayerVisitor,
    entries: EntryCounts,
    holes: u64,
    toc: Option<Vec<u8>>,
    /// The content of one entry after the other, so that not each of them takes new memory.
    body: Vec<u8>,
    problems: Problems<LayerProblem>,
}

impl Walk<'_> {
    fn add(&mut self, problem: LayerProblem) {
        self.problems.add(problem.rule(), problem);
    }

    /// Walks over all entries. Returns what is left of the source, and why it cannot be read if that is so.
    fn all(&mut self, kind: StreamKind, mut drain: Drain) -> (Drain, Option<Error>) {
        // What a compressed stream expands to may be no archive either.
        if kind != StreamKind::Tar {
            match drain.head() {
                Ok(head) if StreamKind::of(head) != StreamKind::Tar => {
                    let looks_like = looks_like(head);
                    self.add(LayerProblem::Opaque { looks_like });
                    return (drain, None);
                }
                Ok(_) => {}
                Err(error) => return (drain, Some(error)),
            }
        }
        let mut tar = TarReader::new(drain);
        loop {
            let entry = tar.next_entry();
            for problem in tar.take_problems() {
                self.add(problem.into());
            }
            let result = match entry {
                Ok(None) => return (tar.into_source(), None),
                Ok(Some(entry)) => self.entry(&entry, &mut tar),
                Err(error) => Err(error),
            };
            for problem in tar.take_problems() {
                self.add(problem.into());
            }
            if let Err(error) = result {
                return (tar.into_source(), Some(error));
            }
        }
    }

    fn entry(&mut self, entry: &TarEntry, tar: &mut TarReader<Drain>) -> std::io::Result<()> {
        self.entries.add(entry.kind);
        if self.entries.total() > self.limits.entries_max {
            if self.entries.total() == self.limits.entries_max.saturating_add(1) {
                self.add(LayerProblem::EntriesLimit { limit: self.limits.entries_max });
            }
            return Ok(());
        }
        self.names(entry);
        let interest = self.visitor.entry(entry);
        let digests = self.visitor.wants_digests() && entry.kind == EntryKind::File;
        let kept = match interest {
            Interest::Head(bytes) => Some(bytes as u64),
            Interest::Whole(max) if entry.size <= max as u64 => Some(entry.size),
            Interest::Skip | Interest::Whole(_) | Interest::Stream => None,
        };
        let is_toc = toc::is_estargz(entry);
        let is_stream = interest == Interest::Stream && !is_toc;
        let wanted = if digests || is_toc { entry.size } else { kept.unwrap_or(0) };
        let expanded = if is_stream { entry.size } else { wanted };
        if kept.is_none() && !digests && !is_toc && !is_stream {
            return Ok(());
        }
        if entry.is_sparse() {
            self.holes = self.holes.saturating_add(expanded.min(entry.size));
            if self.holes > HOLES_BYTES_MAX {
                let (path, size, stored) = (entry.path.clone(), entry.size, entry.stored);
                self.add(LayerProblem::SparseTooLarge { path, size, stored });
                return Ok(());
            }
        }
        if is_stream {
            let mut content = Passing::new(tar, entry, digests);
            self.visitor.content(entry, &mut content);
            if let Some(digest) = content.finish()? {
                self.visitor.digest(entry, digest);
            }
            return Ok(());
        }
        if is_toc {
            return self.table(entry, tar, kept, digests);
        }
        let end = kept.and_then(|bytes| usize::try_from(bytes).ok());
        let (visitor, body, mut hash) = (&mut *self.visitor, &mut self.body, Sha256::new());
        body.clear();
        let mut missing = end;
        let complete = tar.content(entry, wanted, &mut |bytes| {
            if digests {
                hash.update(bytes);
            }
            let Some(end) = missing else { return };
            // Most files lie in the buffer in one piece, and are not copied.
            if let (true, Some(all)) = (body.is_empty(), bytes.get(..end)) {
                visitor.body(entry, all);
                missing = None;
                return;
            }
            let is_head = body.is_empty();
            body.extend_from_slice(bytes.get(..end.saturating_sub(body.len())).unwrap_or(bytes));
            if is_head && !visitor.goes_on(entry, body) {
                missing = None;
            }
        })?;
        if complete {
            if missing.is_some() {
                visitor.body(entry, body);
            }
            if digests {
                visitor.digest(entry, Digest::Sha256(hash.finalize().into()));
            }
        }
        if body.capacity() > BODY_BYTES_KEPT {
            *body = Vec::new();
        }
        Ok(())
    }

    /// Keeps a table of contents, which the visitor may want, too.
    fn table(
        &mut self,
        entry: &TarEntry,
        tar: &mut TarReader<Drain>,
        kept: Option<u64>,
        digests: bool,
    ) -> std::io::Result<()> {
        let mut table = Vec::new();
        if !tar.content(entry, entry.size, &mut |bytes| table.extend_from_slice(bytes))? {
            return Ok(());
        }
        if let Some(kept) = kept {
            let end = usize::try_from(kept).unwrap_or(usize::MAX).min(table.len());
            self.visitor.body(entry, table.get(..end).unwrap_or_default());
        }
        if digests {
            self.visitor.digest(entry, Digest::sha256(&table));
        }
        self.toc = Some(table);
        Ok(())
    }

    /// Notes names that readers or people could take for something else.
    fn names(&mut self, entry: &TarEntry) {
        let leads_up = |path: &[u8]| path.split(|&byte| byte == b'/').any(|part| part == b"..");
        if entry.path.starts_with(b"/") {
            self.add(LayerProblem::AbsolutePath { path: entry.path.clone() });
        }
        if leads_up(&entry.path) || (entry.kind == EntryKind::HardLink && leads_up(&entry.link)) {
            self.add(LayerProblem::ParentPath { path: entry.path.clone() });
        }
        if name::is_odd(&entry.path) || name::is_odd(&entry.link) {
            self.add(LayerProblem::OddName { path: entry.path.clone() });
        }
    }
}
