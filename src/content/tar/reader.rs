//! The reader of archives.

use std::io::{BufRead, ErrorKind, Result};

use super::block::{BLOCK_BYTES, Block, Fields, checksum_holds};
use super::entry::{EntryKind, TarEntry};
use super::extension::{Extension, Pax, SparseMap, XATTRS_BYTES_MAX, global_keys};
use super::number;
use super::problem::TarProblem;
use super::sparse::{self, Extents, Lines};

/// The longest path and the longest target of a link, in bytes. Linux has the same limit (`PATH_MAX`).
pub const PATH_BYTES_MAX: usize = 4096;

/// The largest header that extends an entry, in bytes. Go's reader has the same limit.
const EXTENSION_BYTES_MAX: u64 = 1 << 20;

/// The problems that wait to be taken. One entry has fewer.
const PROBLEMS_MAX: usize = 64;

const ZEROS: [u8; 8192] = [0; 8192];

/// Why the walk ends here.
enum Stop {
    /// The source cannot be read.
    Source(std::io::Error),
    /// The archive cannot be read further.
    Archive(TarProblem),
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Stop::Source(error)
    }
}

impl From<TarProblem> for Stop {
    fn from(problem: TarProblem) -> Self {
        Stop::Archive(problem)
    }
}

/// Walks over an archive in one pass. It keeps one entry's headers and no bodies.
///
/// [`TarReader::next_entry`] gives one entry after the other. Until the next call, [`TarReader::content`] gives its
/// content. What readers would disagree about, and why the walk ended early, is taken with
/// [`TarReader::take_problems`] after each call.
pub struct TarReader<R> {
    source: R,
    at: u64,
    number: u64,
    body_left: u64,
    padding: u64,
    done: bool,
    problems: Vec<TarProblem>,
}

impl<R: BufRead> TarReader<R> {
    /// Begins to read `source`, which must be at the start of an archive.
    pub fn new(source: R) -> TarReader<R> {
        TarReader { source, at: 0, number: 0, body_left: 0, padding: 0, done: false, problems: Vec::new() }
    }

    /// The problems since the last call.
    pub fn take_problems(&mut self) -> Vec<TarProblem> {
        std::mem::take(&mut self.problems)
    }

    /// The source, e.g. to read what is left of it.
    pub fn into_source(self) -> R {
        self.source
    }

    /// The next entry; `None` at the end of the archive, or where it cannot be read further. After the end marker, the
    /// rest of the source was looked at.
    ///
    /// # Errors
    /// The source cannot be read.
    pub fn next_entry(&mut self) -> Result<Option<TarEntry>> {
        if self.done {
            return Ok(None);
        }
        match self.walk() {
            Ok(Some(entry)) => Ok(Some(entry)),
            Ok(None) => {
                self.done = true;
                Ok(None)
            }
            Err(Stop::Archive(problem)) => {
                self.done = true;
                self.note(problem);
                Ok(None)
            }
            Err(Stop::Source(error)) => {
                self.done = true;
                Err(error)
            }
        }
    }

    /// Passes the content of `entry`, the one that was returned last, to `sink`, piece by piece and at most `limit`
    /// bytes of it. Holes of a sparse file are zeros. Returns whether all bytes up to the limit were there.
    ///
    /// # Errors
    /// The source cannot be read.
    pub fn content(&mut self, entry: &TarEntry, limit: u64, sink: &mut dyn FnMut(&[u8])) -> Result<bool> {
        let whole = [(0, entry.size)];
        let extents = entry.sparse.as_deref().unwrap_or(&whole);
        let limit = limit.min(entry.size);
        let mut at = 0;
        for &(offset, bytes) in extents {
            if at >= limit {
                break;
            }
            zeros(offset.min(limit).saturating_sub(at), sink);
            at = at.max(offset.min(limit));
            let end = offset.saturating_add(bytes).min(limit);
            while at < end {
                let piece = self.body(end - at)?;
                if piece == 0 {
                    return Ok(false);
                }
                let buffer = self.source.fill_buf()?;
                sink(buffer.get(..piece).unwrap_or(buffer));
                self.consume(piece);
                at += piece as u64;
            }
        }
        zeros(limit.saturating_sub(at), sink);
        Ok(true)
    }

    /// Reads stored bytes of the body, as many as there are at once. 0 at its end.
    pub(super) fn read_body(&mut self, out: &mut [u8]) -> Result<usize> {
        let piece = self.body(out.len() as u64)?;
        let buffer = self.source.fill_buf()?;
        if let (Some(to), Some(from)) = (out.get_mut(..piece), buffer.get(..piece)) {
            to.copy_from_slice(from);
        }
        self.consume(piece);
        Ok(piece)
    }

    /// How many bytes of the body are in the buffer, at most `wanted`. 0 at the end of the body.
    fn body(&mut self, wanted: u64) -> Result<usize> {
        let wanted = wanted.min(self.body_left);
        if wanted == 0 {
            return Ok(0);
        }
        let found = self.fill()?;
        if found == 0 {
            self.done = true;
            self.note(TarProblem::Truncated { at: self.at });
        }
        Ok(found.min(usize::try_from(wanted).unwrap_or(usize::MAX)))
    }

    /// Fills the buffer if it is empty. The bytes in it; 0 at the end.
    fn fill(&mut self) -> Result<usize> {
        loop {
            match self.source.fill_buf() {
                Ok(buffer) => return Ok(buffer.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Uses bytes of the buffer that belong to the body, if there is one.
    fn consume(&mut self, count: usize) {
        self.source.consume(count);
        self.at = self.at.saturating_add(count as u64);
        self.body_left = self.body_left.saturating_sub(count as u64);
    }

    fn note(&mut self, problem: TarProblem) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }

    fn skip(&mut self, mut count: u64) -> std::result::Result<(), Stop> {
        while count > 0 {
            let found = self.fill()?;
            if found == 0 {
                return Err(TarProblem::Truncated { at: self.at }.into());
            }
            let piece = found.min(usize::try_from(count).unwrap_or(usize::MAX));
            self.consume(piece);
            count -= piece as u64;
        }
        Ok(())
    }

    /// Reads as many bytes of a block as there are.
    fn block(&mut self, block: &mut Block) -> Result<usize> {
        let mut filled = 0;
        while filled < BLOCK_BYTES {
            if self.fill()? == 0 {
                break;
            }
            let buffer = self.source.fill_buf()?;
            let Some(room) = block.get_mut(filled..) else { break };
            let count = buffer.len().min(room.len());
            if let (Some(to), Some(from)) = (room.get_mut(..count), buffer.get(..count)) {
                to.copy_from_slice(from);
            }
            self.consume(count);
            filled += count;
        }
        Ok(filled)
    }

    /// Reads a whole block.
    fn whole_block(&mut self) -> std::result::Result<Block, Stop> {
        let mut block = [0; BLOCK_BYTES];
        if self.block(&mut block)? < BLOCK_BYTES {
            return Err(TarProblem::Truncated { at: self.at }.into());
        }
        Ok(block)
    }

    fn begin_body(&mut self, bytes: u64) {
        self.body_left = bytes;
        self.padding = bytes.wrapping_neg() % BLOCK_BYTES as u64;
    }

    fn finish_body(&mut self) -> std::result::Result<(), Stop> {
        let rest = self.body_left.saturating_add(std::mem::take(&mut self.padding));
        self.skip(rest)
    }

    fn walk(&mut self) -> std::result::Result<Option<TarEntry>, Stop> {
        let mut extension = Extension::default();
        loop {
            self.finish_body()?;
            let at = self.at;
            let mut block = [0; BLOCK_BYTES];
            let found = self.block(&mut block)?;
            let is_end = found == 0 || (found == BLOCK_BYTES && is_zero(&block));
            if is_end {
                if let Some(at) = extension.start {
                    self.note(TarProblem::NothingExtended { at });
                }
                self.end(found == 0, at)?;
                return Ok(None);
            }
            if found < BLOCK_BYTES {
                return Err(TarProblem::Truncated { at: self.at }.into());
            }
            if !checksum_holds(&block) {
                return Err(TarProblem::Checksum { at }.into());
            }
            let fields = Fields::new(&block);
            let size = fields.size().ok_or(TarProblem::Number { at, field: "size" })?;
            match fields.flag() {
                flag @ (b'x' | b'g' | b'L' | b'K') => self.extend(at, flag, size, &mut extension)?,
                _ => {
                    if let Some(entry) = self.entry(at, &fields, size, std::mem::take(&mut extension))? {
                        return Ok(Some(entry));
                    }
                }
            }
        }
    }

    /// Reads the body of a header that extends the next entry.
    fn extend(
        &mut self,
        at: u64,
        flag: u8,
        size: u64,
        extension: &mut Extension,
    ) -> std::result::Result<(), Stop> {
        if size > EXTENSION_BYTES_MAX {
            return Err(TarProblem::ExtensionTooLarge { at, bytes: size, limit: EXTENSION_BYTES_MAX }.into());
        }
        self.begin_body(size);
        let mut body = Vec::new();
        while self.body_left > 0 {
            let piece = self.body(self.body_left)?;
            if piece == 0 {
                self.problems.pop();
                return Err(TarProblem::Truncated { at: self.at }.into());
            }
            let buffer = self.source.fill_buf()?;
            body.extend_from_slice(buffer.get(..piece).unwrap_or(buffer));
            self.consume(piece);
        }
        match flag {
            b'g' => {
                let keys = global_keys(&body).ok_or(TarProblem::Pax { at })?;
                if !keys.is_empty() {
                    self.note(TarProblem::GlobalHeader { at, keys: keys.join(", ") });
                }
                return Ok(());
            }
            b'x' => extension.pax(&body).ok_or(TarProblem::Pax { at })?,
            flag => extension.gnu(flag, body),
        }
        extension.start.get_or_insert(at);
        Ok(())
    }

    /// Makes an entry of a header and what extends it. `None` if the entry must be skipped.
    fn entry(
        &mut self,
        at: u64,
        fields: &Fields<'_>,
        stated: u64,
        mut extension: Extension,
    ) -> std::result::Result<Option<TarEntry>, Stop> {
        let number = self.number;
        self.number += 1;
        let pax = extension.pax.take().unwrap_or_default();
        let wrong = |field| TarProblem::Number { at, field };
        let mode = fields.mode().ok_or(wrong("mode"))?;
        let uid = fields.uid().ok_or(wrong("uid"))?;
        let gid = fields.gid().ok_or(wrong("gid"))?;
        let negative_owner = pax.negative_owner || uid < 0 || gid < 0;
        let (uid, gid) = (number::owner(uid), number::owner(gid));
        let mtime = fields.mtime().ok_or(wrong("mtime"))?;
        let (major, minor) = fields.device().ok_or(wrong("device number"))?;
        let (mut path, path_hides) = fields.path();
        let (link, link_hides) = fields.link();
        let mut link = link.to_vec();
        let replace = |from: &Option<Vec<u8>>, to: &mut Vec<u8>| {
            if let Some(name) = from {
                to.clone_from(name);
            }
        };
        replace(&pax.path, &mut path);
        replace(&extension.gnu_path, &mut path);
        replace(&pax.link, &mut link);
        replace(&extension.gnu_link, &mut link);
        let flag = fields.flag();
        let kind = kind(flag, &path);
        if let Some(sparse) = &pax.sparse {
            replace(&sparse.path, &mut path);
        }
        let stored = pax.size.unwrap_or(stated);
        if kind.is_header_only() && stored > 0 {
            let (path, kind) = (named(&path), kind.name());
            self.note(TarProblem::SizeWithoutBody { path, kind, size: stored });
        }
        self.begin_body(if kind.is_header_only() { 0 } else { stored });
        for field in extension.contradictions(&pax, (stated, uid, gid)) {
            self.note(TarProblem::Contradiction { path: named(&path), field });
        }
        if negative_owner {
            self.note(TarProblem::NegativeOwner { path: named(&path) });
        }
        if pax.xattrs_cut {
            self.note(TarProblem::XattrsTooLarge { path: named(&path), limit: XATTRS_BYTES_MAX });
        }
        if flag == b'0' && path.ends_with(b"/") {
            self.note(TarProblem::FileLikeFolder { path: named(&path) });
        }
        if matches!(kind, EntryKind::Other(_)) || flag == b'S' {
            self.note(TarProblem::UnknownType { path: named(&path), flag });
        }
        if path_hides || link_hides || extension.zero_byte {
            self.note(TarProblem::ZeroByte { path: named(&path) });
        }
        let map = self.sparse_map(fields, flag, &pax, &path)?;
        let longest = path.len().max(link.len());
        if longest > PATH_BYTES_MAX {
            path.truncate(80);
            let limit = PATH_BYTES_MAX;
            self.note(TarProblem::NameTooLong { at, bytes: longest as u64, limit, start: path });
            return Ok(None);
        }
        let (size, sparse) = match map {
            Some((size, extents)) => (size, Some(extents)),
            None => (self.body_left, None),
        };
        if let Some(extents) = &sparse
            && (kind.is_header_only() || !sparse::is_valid(extents, size, self.body_left))
        {
            return Err(TarProblem::SparseMap { path }.into());
        }
        let narrow = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
        let is_link = matches!(kind, EntryKind::HardLink | EntryKind::Symlink);
        Ok(Some(TarEntry {
            number,
            offset: extension.start.unwrap_or(at),
            kind,
            link: if is_link { link } else { Vec::new() },
            mode: u32::try_from(mode & 0o7777).unwrap_or_default(),
            uid: pax.uid.unwrap_or(uid),
            gid: pax.gid.unwrap_or(gid),
            size,
            stored: self.body_left,
            mtime: pax.mtime.unwrap_or(mtime),
            device: (narrow(major), narrow(minor)),
            xattrs: pax.xattrs,
            sparse,
            path,
        }))
    }

    /// The real size and the map of a sparse file. Maps that stand in front of or in the body are read.
    fn sparse_map(
        &mut self,
        fields: &Fields<'_>,
        flag: u8,
        pax: &Pax,
        path: &[u8],
    ) -> std::result::Result<Option<(u64, Extents)>, Stop> {
        let wrong = || Stop::Archive(TarProblem::SparseMap { path: named(path) });
        if flag == b'S' {
            let mut extents = Extents::new();
            let size = number::field(fields.raw(483, 12)).and_then(|size| u64::try_from(size).ok());
            sparse::old_pairs(fields.raw(386, 96), &mut extents).ok_or_else(wrong)?;
            let mut goes_on = fields.raw(482, 1) != [0];
            // These blocks stand before the body and are not part of its size.
            let (body, padding) = (self.body_left, self.padding);
            while goes_on {
                let block = self.whole_block()?;
                let before = extents.len();
                sparse::old_pairs(block.get(..504).unwrap_or_default(), &mut extents).ok_or_else(wrong)?;
                goes_on = block.get(504) != Some(&0) && extents.len() > before;
            }
            (self.body_left, self.padding) = (body, padding);
            return Ok(Some((size.ok_or_else(wrong)?, extents)));
        }
        let Some(sparse) = &pax.sparse else { return Ok(None) };
        let extents = match &sparse.map {
            SparseMap::Here(extents) => extents.clone(),
            SparseMap::InBody => {
                let mut lines = Lines::default();
                loop {
                    if self.body_left < BLOCK_BYTES as u64 {
                        return Err(wrong());
                    }
                    let block = self.whole_block()?;
                    if let Some(extents) = lines.block(&block).map_err(|()| wrong())? {
                        break extents;
                    }
                }
            }
        };
        Ok(Some((sparse.size.unwrap_or(self.body_left), extents)))
    }

    /// Looks at what follows a block of zeros, or the end of the source.
    fn end(&mut self, source_ended: bool, at: u64) -> std::result::Result<(), Stop> {
        let mut block = [0; BLOCK_BYTES];
        if source_ended || self.block(&mut block)? == 0 {
            return Err(TarProblem::NoEndMarker.into());
        }
        if !is_zero(&block) {
            return Err(TarProblem::LoneZeroBlock { at }.into());
        }
        let (mut first, mut last, mut path) = (None, 0, None);
        loop {
            let start = self.at;
            let found = self.block(&mut block)?;
            let bytes = block.get(..found).unwrap_or_default();
            if let Some(end) = bytes.iter().rposition(|&byte| byte != 0) {
                let begin = bytes.iter().position(|&byte| byte != 0).unwrap_or(0) as u64;
                first.get_or_insert(start + begin);
                last = start + end as u64 + 1;
                if path.is_none() && found == BLOCK_BYTES && checksum_holds(&block) {
                    path = Some(Fields::new(&block).path().0);
                }
            }
            if found < BLOCK_BYTES {
                break;
            }
        }
        match first {
            Some(first) => Err(TarProblem::DataAfterEnd { bytes: last - first, path }.into()),
            None => Ok(()),
        }
    }
}

/// A path for a problem: it may be longer than any that is kept.
fn named(path: &[u8]) -> Vec<u8> {
    path.get(..PATH_BYTES_MAX).unwrap_or(path).to_vec()
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}

fn zeros(mut count: u64, sink: &mut dyn FnMut(&[u8])) {
    while count > 0 {
        let piece = ZEROS.get(..usize::try_from(count).unwrap_or(ZEROS.len())).unwrap_or(&ZEROS);
        sink(piece);
        count -= piece.len() as u64;
    }
}

/// What a type flag creates. A name with a slash at its end is a folder in archives of the seventh edition.
fn kind(flag: u8, path: &[u8]) -> EntryKind {
    match flag {
        0 if path.ends_with(b"/") => EntryKind::Folder,
        0 | b'0' | b'S' => EntryKind::File,
        b'1' => EntryKind::HardLink,
        b'2' => EntryKind::Symlink,
        b'3' => EntryKind::CharDevice,
        b'4' => EntryKind::BlockDevice,
        b'5' => EntryKind::Folder,
        b'6' => EntryKind::Fifo,
        flag => EntryKind::Other(flag),
    }
}
