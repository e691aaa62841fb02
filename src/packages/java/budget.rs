//! What reading one Java archive may cost, with all archives in it.

/// The most bytes of members that are read. Archives in an archive are compressed already, so they hardly expand.
const READ_BYTES_MAX: usize = 512 << 20;

/// The most bytes that are in memory at a time: of the archive itself, and decompressed ones of archives in it.
const HELD_BYTES_MAX: usize = 64 << 20;

/// The most members of all archives together. Many archives in an archive may share their bytes.
const MEMBERS_MAX: usize = 400_000;

/// The most archives.
const ARCHIVES_MAX: usize = 10_000;

/// What is left.
#[derive(Debug)]
pub(super) struct Budget {
    read: usize,
    held: usize,
    members: usize,
    archives: usize,
    /// The first limit that was hit.
    hit: Option<&'static str>,
}

impl Budget {
    /// The budget for an archive of so many bytes.
    pub(super) fn new(bytes: usize) -> Budget {
        Budget {
            read: READ_BYTES_MAX,
            held: HELD_BYTES_MAX.saturating_sub(bytes),
            members: MEMBERS_MAX,
            archives: ARCHIVES_MAX,
            hit: None,
        }
    }

    /// Whether one more archive may be read.
    pub(super) fn archive(&mut self) -> bool {
        self.take("10,000 archives", |budget| &mut budget.archives, 1)
    }

    /// Whether one more member may be looked at.
    pub(super) fn member(&mut self) -> bool {
        self.take("400,000 members", |budget| &mut budget.members, 1)
    }

    /// Whether a member of this size may be read.
    pub(super) fn work(&mut self, bytes: usize) -> bool {
        self.take("512 MiB in members", |budget| &mut budget.read, bytes)
    }

    /// Whether this many decompressed bytes may be held.
    pub(super) fn hold(&mut self, bytes: usize) -> bool {
        self.take("64 MiB of archives at a time", |budget| &mut budget.held, bytes)
    }

    /// Bytes are no longer held.
    pub(super) fn release(&mut self, bytes: usize) {
        self.held = self.held.saturating_add(bytes);
    }

    /// The limit that ended the reading of something, if one did.
    pub(super) fn hit(&self) -> Option<&'static str> {
        self.hit
    }

    fn take(&mut self, name: &'static str, field: fn(&mut Budget) -> &mut usize, amount: usize) -> bool {
        let left = field(self);
        if let Some(less) = left.checked_sub(amount) {
            *left = less;
            return true;
        }
        self.hit.get_or_insert(name);
        false
    }
}
