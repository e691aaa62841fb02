//! The entries of one layer, packed.

use super::number::{read_number, with_sign, without_sign, write_number};
use super::recent::Recent;
use crate::content::tar::{EntryKind, TarEntry};

/// What an entry takes at least besides its record: the place where that begins.
const PLACE_BYTES: usize = size_of::<u32>();

/// The entries of one layer in their order: usually some 15 bytes for each, and its name. The folder that an entry is in, and its
/// kind with owner and mode, are written once for many entries. Images that share a layer share this.
///
/// A record has the distance back to the text of its folder, the place of its attributes, size, time, name, and the target if
/// it is a link. The texts are written before the record that needs them first.
#[derive(Debug, Default)]
pub struct Members {
    bytes: Vec<u8>,
    /// Where the record of each entry begins.
    records: Vec<u32>,
    /// The first entry after each gap in the numbers: its place in the table, and its number.
    gaps: Vec<(u32, u32)>,
    /// The time that all times are written from: that of the first entry.
    epoch: i64,
    recent: Recent,
}

/// One entry of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// The path up to the last component, with the slash at its end; empty if there is only one component.
    pub folder: &'a [u8],
    /// The last component of the path, with slashes at its end if it has some.
    pub name: &'a [u8],
    /// What it creates.
    pub kind: EntryKind,
    /// The target of a link; empty for everything else.
    pub link: &'a [u8],
    /// Permissions with set-uid, set-gid and sticky bit: 12 bits.
    pub mode: u32,
    /// The number of the owner. Linux has no more than 32 bits; larger ones are the largest here.
    pub uid: u32,
    /// The number of the group, as for the owner.
    pub gid: u32,
    /// The size of a file in bytes; 0 for everything else.
    pub size: u64,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Time of the last change, in seconds since 1970.
    pub mtime: i64,
    /// [`TarEntry::number`].
    pub number: u32,
}

impl Member<'_> {
    /// The path, as the layer has it.
    pub fn path(&self) -> Vec<u8> {
        [self.folder, self.name].concat()
    }
}

/// An entry with the places of its texts, for [`Members::text`].
pub(super) struct Placed<'a> {
    pub(super) member: Member<'a>,
    pub(super) folder: u32,
    pub(super) name: u32,
    pub(super) link: u32,
}

impl Members {
    /// An empty table.
    pub fn new() -> Members {
        Members::default()
    }

    /// Adds the next entry of the layer. Returns `false` if the table is full: it has 4 GiB.
    pub fn push(&mut self, entry: &TarEntry) -> bool {
        self.push_if(entry, |_| true)
    }

    /// Adds the next entry of the layer if there is room for so many bytes more. Returns whether it was added.
    pub fn push_if(&mut self, entry: &TarEntry, has_room: impl FnOnce(usize) -> bool) -> bool {
        let (Ok(at), Ok(number), Ok(start)) =
            (u32::try_from(self.records.len()), u32::try_from(entry.number), u32::try_from(self.bytes.len()))
        else {
            return false;
        };
        let first = self.records.is_empty();
        let epoch = if first { entry.mtime } else { self.epoch };
        let new = self.write(entry, epoch);
        let end = self.bytes.len();
        let gap = if first { number != 0 } else { self.number(at) != Some(number) };
        let taken = (end - start as usize).saturating_add(PLACE_BYTES).saturating_add(if gap {
            size_of::<(u32, u32)>()
        } else {
            0
        });
        let Some(new) = new.filter(|_| u32::try_from(end).is_ok() && has_room(taken)) else {
            self.bytes.truncate(start as usize);
            return false;
        };
        for (slot, place) in new.pieces.into_iter().flatten() {
            self.recent.remember(slot, place);
        }
        if gap {
            self.gaps.push((at, number));
        }
        self.epoch = epoch;
        self.records.push(new.record);
        true
    }

    /// Writes an entry behind all others. `None` if a place has no number of 32 bits.
    fn write(&mut self, entry: &TarEntry, epoch: i64) -> Option<Written> {
        let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let (folder, name) = split(&entry.path);
        let (folder_at, new_folder) = match folder {
            [] => (None, None),
            folder => self.piece(folder).map(|(at, new)| (Some(at), new))?,
        };
        let (kind, flag) = code(entry.kind);
        let mut attributes = vec![kind, flag];
        for number in [entry.mode & 0o7777, narrow(entry.uid), narrow(entry.gid)] {
            write_number(&mut attributes, number.into());
        }
        let (attributes_at, new_attributes) = self.piece(&attributes)?;
        let record = u32::try_from(self.bytes.len()).ok()?;
        let (major, minor) = entry.device;
        let size = match entry.kind {
            EntryKind::CharDevice | EntryKind::BlockDevice => u64::from(major) << 32 | u64::from(minor),
            _ => entry.size,
        };
        let numbers = [
            folder_at.map_or(0, |at| u64::from(record - at)),
            attributes_at.into(),
            size,
            without_sign(entry.mtime.wrapping_sub(epoch)),
            name.len() as u64,
        ];
        for number in numbers {
            write_number(&mut self.bytes, number);
        }
        self.bytes.extend_from_slice(name);
        if is_link(entry.kind) {
            write_number(&mut self.bytes, entry.link.len() as u64);
            self.bytes.extend_from_slice(&entry.link);
        }
        Some(Written { record, pieces: [new_folder, new_attributes] })
    }

    /// Returns where a piece is. Writes it unless it was written lately; then it has a slot to be remembered with.
    fn piece(&mut self, piece: &[u8]) -> Option<(u32, Option<(usize, u32)>)> {
        let (slot, known) = self.recent.find(piece);
        if let Some(known) = known
            && self.piece_at(known).is_some_and(|(_, found)| found == piece)
        {
            return Some((known, None));
        }
        let at = u32::try_from(self.bytes.len()).ok()?;
        write_number(&mut self.bytes, piece.len() as u64);
        self.bytes.extend_from_slice(piece);
        Some((at, Some((slot, at))))
    }

    /// The piece that begins at a place, and where its text begins.
    fn piece_at(&self, at: u32) -> Option<(u32, &[u8])> {
        let mut rest = self.bytes.get(at as usize..)?;
        let piece = take(&mut rest)?;
        Some((self.place_before(rest, piece), piece))
    }

    /// The place of a text that stands before `rest`.
    fn place_before(&self, rest: &[u8], text: &[u8]) -> u32 {
        u32::try_from(self.bytes.len() - rest.len() - text.len()).unwrap_or(u32::MAX)
    }

    /// Gives back memory that only further entries would need.
    pub fn complete(&mut self) {
        self.recent = Recent::default();
        self.bytes.shrink_to_fit();
        self.records.shrink_to_fit();
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// The bytes that the table takes in memory.
    pub fn weight(&self) -> usize {
        let gaps = self.gaps.len().saturating_mul(size_of::<(u32, u32)>());
        self.bytes.len().saturating_add(self.records.len().saturating_mul(PLACE_BYTES)).saturating_add(gaps)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// All entries in their order.
    pub fn iter(&self) -> impl Iterator<Item = Member<'_>> {
        self.placed().map(|placed| placed.member)
    }

    /// All entries in their order, with the places of their texts.
    pub(super) fn placed(&self) -> impl Iterator<Item = Placed<'_>> {
        (0..).map_while(|index| self.get(index))
    }

    /// The entry at a place of the table, which is not its number if entries before it were skipped.
    pub(super) fn get(&self, index: u32) -> Option<Placed<'_>> {
        let at = *self.records.get(index as usize)?;
        let mut rest = self.bytes.get(at as usize..)?;
        let mut number = || read_number(&mut rest);
        let (back, attributes, size, time) = (number()?, number()?, number()?, number()?);
        let name = take(&mut rest)?;
        let name_at = self.place_before(rest, name);
        let (kind, mut attributes) = self.attributes(attributes)?;
        let mut number = || u32::try_from(read_number(&mut attributes)?).ok();
        let (mode, uid, gid) = (number()?, number()?, number()?);
        let link = if is_link(kind) { take(&mut rest)? } else { &[] };
        let link_at = self.place_before(rest, link);
        let (folder_at, folder) = match u32::try_from(back).ok()? {
            0 => (0, &[][..]),
            back => self.piece_at(at.checked_sub(back)?)?,
        };
        let is_device = matches!(kind, EntryKind::CharDevice | EntryKind::BlockDevice);
        let half = |number: u64| u32::try_from(number & u64::from(u32::MAX)).unwrap_or_default();
        let member = Member {
            folder,
            name,
            kind,
            link,
            mode,
            uid,
            gid,
            size: if is_device { 0 } else { size },
            device: if is_device { (half(size >> 32), half(size)) } else { (0, 0) },
            mtime: with_sign(time).wrapping_add(self.epoch),
            number: self.number(index)?,
        };
        Some(Placed { member, folder: folder_at, name: name_at, link: link_at })
    }

    /// What the entry at a place of the table creates.
    pub(super) fn kind(&self, index: u32) -> Option<EntryKind> {
        let at = *self.records.get(index as usize)?;
        let mut rest = self.bytes.get(at as usize..)?;
        read_number(&mut rest)?;
        self.attributes(read_number(&mut rest)?).map(|(kind, _)| kind)
    }

    /// The kind at a place, and what is written behind it.
    fn attributes(&self, at: u64) -> Option<(EntryKind, &[u8])> {
        let (_, piece) = self.piece_at(u32::try_from(at).ok()?)?;
        let (&[kind, flag], rest) = piece.split_first_chunk()?;
        Some((kind_of(kind, flag)?, rest))
    }

    /// The entry with that number.
    pub fn by_number(&self, number: u32) -> Option<Member<'_>> {
        let gap = self.gaps.partition_point(|(_, first)| *first <= number).checked_sub(1);
        let (at, first) = gap.and_then(|gap| self.gaps.get(gap)).copied().unwrap_or((0, 0));
        let member = self.get((number - first).checked_add(at)?)?.member;
        (member.number == number).then_some(member)
    }

    /// The number of the entry at a place of the table.
    pub(super) fn number_at(&self, index: u32) -> Option<u32> {
        self.number(index).filter(|_| (index as usize) < self.records.len())
    }

    /// The number of the entry at a place of the table, or what that of the next one would be.
    fn number(&self, index: u32) -> Option<u32> {
        let gap = self.gaps.partition_point(|(at, _)| *at <= index).checked_sub(1);
        let (at, first) = gap.and_then(|gap| self.gaps.get(gap)).copied().unwrap_or((0, 0));
        (index - at).checked_add(first)
    }

    /// A part of the names.
    pub(super) fn text(&self, start: u32, bytes: u16) -> &[u8] {
        let start = start as usize;
        self.bytes.get(start..start.saturating_add(bytes.into())).unwrap_or_default()
    }
}

/// What was written of an entry.
struct Written {
    /// Where its record begins.
    record: u32,
    /// The slots and places of pieces that are new.
    pieces: [Option<(usize, u32)>; 2],
}

/// Takes a length and as many bytes.
fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let bytes = usize::try_from(read_number(rest)?).ok()?;
    let (taken, left) = rest.split_at_checked(bytes)?;
    *rest = left;
    Some(taken)
}

/// A path up to its last component, and that. Slashes at the end belong to it.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let end = path.iter().rposition(|byte| *byte != b'/').unwrap_or(0);
    let slash = path.get(..end).and_then(|path| path.iter().rposition(|byte| *byte == b'/'));
    path.split_at(slash.map_or(0, |slash| slash + 1))
}

fn is_link(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::HardLink | EntryKind::Symlink)
}

const KINDS: [EntryKind; 7] = [
    EntryKind::File,
    EntryKind::HardLink,
    EntryKind::Symlink,
    EntryKind::CharDevice,
    EntryKind::BlockDevice,
    EntryKind::Folder,
    EntryKind::Fifo,
];

/// A kind as two bytes: its place among [`KINDS`], or behind them, and the type flag of an unknown one.
fn code(kind: EntryKind) -> (u8, u8) {
    let at = KINDS.iter().position(|known| *known == kind).unwrap_or(KINDS.len());
    let flag = if let EntryKind::Other(flag) = kind { flag } else { 0 };
    (u8::try_from(at).unwrap_or(u8::MAX), flag)
}

fn kind_of(code: u8, flag: u8) -> Option<EntryKind> {
    match usize::from(code) {
        at if at == KINDS.len() => Some(EntryKind::Other(flag)),
        at => KINDS.get(at).copied(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn entry()(
            path in "(\\./|/)?(([ab]{1,3}|\\.\\.)/{1,2}){0,4}[abc]{0,3}/{0,2}",
            kind in 0..8_usize,
            flag: u8,
            link in "[ab/]{0,8}",
            mode in 0..0o10000_u32,
            (uid, gid) in (0..3_u64, any::<u64>()),
            (size, mtime) in (any::<u64>(), any::<i64>()),
            device: (u32, u32),
            gap in 0..2_u64,
        ) -> (TarEntry, u64) {
            let kind = KINDS.get(kind).copied().unwrap_or(EntryKind::Other(flag));
            let is_device = matches!(kind, EntryKind::CharDevice | EntryKind::BlockDevice);
            let mut entry = TarEntry::of(path.into_bytes(), kind);
            entry.link = if is_link(kind) { link.into_bytes() } else { Vec::new() };
            (entry.mode, entry.uid, entry.gid, entry.mtime) = (mode, uid, gid, mtime);
            if is_device {
                entry.device = device;
            } else {
                entry.size = size;
            }
            (entry, gap)
        }
    }

    proptest! {
        #[test]
        fn what_is_pushed_comes_out(entries in prop::collection::vec(entry(), 0..40)) {
            let mut members = Members::new();
            let mut number = 0;
            let mut pushed = Vec::new();
            for (mut entry, gap) in entries {
                number += gap;
                entry.number = number;
                number += 1;
                // What finds no room leaves no trace.
                let has_room = |_| false;
                prop_assert!(!members.push_if(&entry, has_room));
                let before = members.weight();
                let mut said = 0;
                let is_pushed = members.push_if(&entry, |bytes| {
                    said = bytes;
                    true
                });
                prop_assert!(is_pushed);
                prop_assert_eq!(members.weight() - before, said);
                pushed.push(entry);
            }
            prop_assert_eq!(members.len(), pushed.len());
            for (index, (member, entry)) in members.iter().zip(&pushed).enumerate() {
                prop_assert_eq!(member.path(), &entry.path[..]);
                prop_assert!(!member.name.strip_suffix(b"/").unwrap_or_default().contains(&b'/')
                    || member.name.ends_with(b"//") || entry.path.iter().all(|byte| *byte == b'/'));
                prop_assert_eq!((member.kind, member.link), (entry.kind, &entry.link[..]));
                prop_assert_eq!((member.mode, u64::from(member.uid)), (entry.mode, entry.uid));
                prop_assert_eq!(member.gid, u32::try_from(entry.gid).unwrap_or(u32::MAX));
                prop_assert_eq!((member.size, member.device), (entry.size, entry.device));
                prop_assert_eq!((member.mtime, u64::from(member.number)), (entry.mtime, entry.number));
                let index = u32::try_from(index).unwrap();
                let placed = members.get(index).unwrap();
                let text = |start, text: &[u8]| members.text(start, u16::try_from(text.len()).unwrap()).to_vec();
                prop_assert_eq!(text(placed.folder, member.folder), member.folder);
                prop_assert_eq!(text(placed.name, member.name), member.name);
                prop_assert_eq!(text(placed.link, member.link), member.link);
                prop_assert_eq!(members.kind(index), Some(entry.kind));
                prop_assert_eq!(members.by_number(member.number), Some(member));
            }
            let numbers: Vec<u64> = pushed.iter().map(|entry| entry.number).collect();
            for number in (0..number + 2).filter(|number| !numbers.contains(number)) {
                prop_assert_eq!(members.by_number(u32::try_from(number).unwrap()), None);
            }
        }
    }

    #[test]
    fn a_usual_entry_takes_little_more_than_its_name() {
        let mut members = Members::new();
        for number in 0..100_000_u32 {
            let path = format!(
                "usr/lib/python3/dist-packages/p{:03}/m{:05}/file{number:07}.py",
                number / 5000,
                number / 50
            );
            let mut entry = TarEntry::of(path.into_bytes(), EntryKind::File);
            (entry.number, entry.mode, entry.size) = (number.into(), 0o644, u64::from(number) % 50_000);
            entry.mtime = 1_700_000_000 + i64::from(number % 1000);
            assert!(members.push(&entry));
        }
        // A name of 14 bytes, and a part of the text of the folder.
        let each = members.weight() / members.len();
        assert!((25..=32).contains(&each), "{each}");
    }

    #[test]
    fn paths_are_split_at_their_last_component() {
        for (path, folder) in [
            ("a", ""),
            ("a/", ""),
            ("a/b", "a/"),
            ("a//b//", "a//"),
            ("/", ""),
            ("//", ""),
            ("/a", "/"),
            ("", ""),
            ("./", ""),
        ] {
            let (found, name) = split(path.as_bytes());
            assert_eq!(
                (found, [found, name].concat()),
                (folder.as_bytes(), path.as_bytes().to_vec()),
                "{path}"
            );
        }
    }
}
