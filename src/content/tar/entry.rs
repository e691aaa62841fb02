//! One entry of an archive.

use super::sparse::Extents;

/// What an entry creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A file with content.
    File,
    /// A second name for a file that exists already.
    HardLink,
    /// A symbolic link.
    Symlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A folder.
    Folder,
    /// A named pipe.
    Fifo,
    /// A type that runtimes do not know; the type flag is kept. They refuse the layer.
    Other(u8),
}

impl EntryKind {
    /// Whether entries of this kind never have a body, whatever their size field says.
    pub(super) const fn is_header_only(self) -> bool {
        !matches!(self, EntryKind::File | EntryKind::Other(_))
    }

    /// The name, as reports have it.
    pub const fn name(self) -> &'static str {
        match self {
            EntryKind::File => "file",
            EntryKind::HardLink => "hard-link",
            EntryKind::Symlink => "symlink",
            EntryKind::CharDevice => "char-device",
            EntryKind::BlockDevice => "block-device",
            EntryKind::Folder => "folder",
            EntryKind::Fifo => "fifo",
            EntryKind::Other(_) => "other",
        }
    }
}

/// One entry of an archive, as runtimes read it. Names are bytes, exactly as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarEntry {
    /// The number of the entry in its archive; the first is 0. Headers that only extend an entry do not count.
    pub number: u64,
    /// Where its first header begins, in bytes from the start of the archive.
    pub offset: u64,
    /// The path, with a leading `./` or `/` if it has one.
    pub path: Vec<u8>,
    /// What it creates.
    pub kind: EntryKind,
    /// The target of a link; empty for everything else.
    pub link: Vec<u8>,
    /// Permissions with set-uid, set-gid and sticky bit: 12 bits.
    pub mode: u32,
    /// The number of the owner.
    pub uid: u64,
    /// The number of the group.
    pub gid: u64,
    /// The size of the file in bytes, holes of a sparse file included. 0 for everything that has no content.
    pub size: u64,
    /// The bytes of the body in the archive.
    pub stored: u64,
    /// Time of the last change, in seconds since 1970; parts of a second are cut off.
    pub mtime: i64,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Extended attributes, e.g. `security.capability`, in the order of the archive. A later one of the same name wins.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// The parts of a sparse file that have data; `None` if it is not sparse.
    pub(super) sparse: Option<Extents>,
}

impl TarEntry {
    /// An entry that has nothing but a path and a kind.
    #[cfg(test)]
    pub(crate) fn of(path: Vec<u8>, kind: EntryKind) -> TarEntry {
        TarEntry {
            number: 0,
            offset: 0,
            path,
            kind,
            link: Vec::new(),
            mode: 0,
            uid: 0,
            gid: 0,
            size: 0,
            stored: 0,
            mtime: 0,
            device: (0, 0),
            xattrs: Vec::new(),
            sparse: None,
        }
    }

    /// Whether the file has holes, which the archive does not hold.
    pub fn is_sparse(&self) -> bool {
        self.sparse.is_some()
    }

    /// The last component of the path, without slashes at its end. Empty for the root.
    pub fn base_name(&self) -> &[u8] {
        let path = self.path.strip_suffix(b"/").unwrap_or(&self.path);
        path.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
    }
}
