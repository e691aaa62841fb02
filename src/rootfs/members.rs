//! The entries of one layer, packed.

use crate::content::tar::{EntryKind, PATH_BYTES_MAX, TarEntry};

/// The entries of one layer in their order: 40 bytes for each, and its names. Images that share a layer share this.
#[derive(Debug, Default)]
pub struct Members {
    names: Vec<u8>,
    records: Vec<Record>,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    /// Size of a file; major and minor number of a device.
    size: u64,
    mtime: i64,
    /// Where the path begins in the names. The target of a link follows it.
    name: u32,
    uid: u32,
    gid: u32,
    number: u32,
    path_bytes: u16,
    link_bytes: u16,
    mode: u16,
    kind: EntryKind,
}

const _: () = assert!(size_of::<Record>() == 40 && PATH_BYTES_MAX <= u16::MAX as usize);

/// One entry of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// The path, as the layer has it.
    pub path: &'a [u8],
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

impl Members {
    /// An empty table.
    pub fn new() -> Members {
        Members::default()
    }

    /// Adds the next entry of the layer. Returns `false` if the table is full: it holds names of 4 GiB.
    pub fn push(&mut self, entry: &TarEntry) -> bool {
        let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let (Ok(path_bytes), Ok(link_bytes)) =
            (u16::try_from(entry.path.len()), u16::try_from(entry.link.len()))
        else {
            return false;
        };
        let end = self.names.len().saturating_add(entry.path.len()).saturating_add(entry.link.len());
        let (Ok(name), Ok(_), Ok(number)) =
            (u32::try_from(self.names.len()), u32::try_from(end), u32::try_from(entry.number))
        else {
            return false;
        };
        let (major, minor) = entry.device;
        let is_device = matches!(entry.kind, EntryKind::CharDevice | EntryKind::BlockDevice);
        self.names.extend_from_slice(&entry.path);
        self.names.extend_from_slice(&entry.link);
        self.records.push(Record {
            size: if is_device { u64::from(major) << 32 | u64::from(minor) } else { entry.size },
            mtime: entry.mtime,
            name,
            uid: narrow(entry.uid),
            gid: narrow(entry.gid),
            number,
            path_bytes,
            link_bytes,
            mode: u16::try_from(entry.mode & 0o7777).unwrap_or_default(),
            kind: entry.kind,
        });
        true
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// All entries in their order.
    pub fn iter(&self) -> impl Iterator<Item = Member<'_>> {
        self.records.iter().map(|record| self.view(record))
    }

    /// The entry at a place of the table, which is not its number if entries before it were skipped.
    pub(super) fn get(&self, index: u32) -> Option<Member<'_>> {
        self.records.get(index as usize).map(|record| self.view(record))
    }

    /// The entry with that number.
    pub fn by_number(&self, number: u32) -> Option<Member<'_>> {
        let index = self.records.binary_search_by_key(&number, |record| record.number).ok()?;
        self.records.get(index).map(|record| self.view(record))
    }

    /// Where the path of an entry begins in the names.
    pub(super) fn path_start(&self, index: u32) -> Option<u32> {
        self.records.get(index as usize).map(|record| record.name)
    }

    /// Where the target of a link begins in the names.
    pub(super) fn link_start(&self, index: u32) -> Option<u32> {
        self.records.get(index as usize).map(|record| record.name.saturating_add(record.path_bytes.into()))
    }

    /// A part of the names.
    pub(super) fn text(&self, start: u32, bytes: u16) -> &[u8] {
        let start = start as usize;
        self.names.get(start..start.saturating_add(bytes.into())).unwrap_or_default()
    }

    fn view(&self, record: &Record) -> Member<'_> {
        let is_device = matches!(record.kind, EntryKind::CharDevice | EntryKind::BlockDevice);
        let half = |number: u64| u32::try_from(number & u64::from(u32::MAX)).unwrap_or_default();
        Member {
            path: self.text(record.name, record.path_bytes),
            kind: record.kind,
            link: self.text(record.name.saturating_add(record.path_bytes.into()), record.link_bytes),
            mode: record.mode.into(),
            uid: record.uid,
            gid: record.gid,
            size: if is_device { 0 } else { record.size },
            device: if is_device { (half(record.size >> 32), half(record.size)) } else { (0, 0) },
            mtime: record.mtime,
            number: record.number,
        }
    }
}
