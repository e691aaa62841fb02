//! Finding paths, as a process inside the container would.

use super::entry::Entry;
use super::table::Rootfs;
use super::tree::{ROOT, Tree};
use crate::content::tar::EntryKind;

/// The most links that are followed on the way to one path; Linux has the same limit.
const LINK_HOPS_MAX: usize = 40;

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// A component does not exist, or is below something that is no folder.
    #[error("there is no such file")]
    Missing,
    /// More than 40 links.
    #[error("links lead in a circle")]
    LinkCycle,
}

/// Whether the last component is followed if it is a link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LastLink {
    Followed,
    Kept,
}

impl Rootfs {
    /// The entry at a path, with or without a slash at its start. Links are followed inside the root, the last one, too.
    ///
    /// # Errors
    /// The path leads nowhere.
    pub fn resolve(&self, path: &[u8]) -> Result<Entry<'_>, Unresolved> {
        self.walk(path, LastLink::Followed)
    }

    /// The same, but a link at the end of the path is returned itself.
    ///
    /// # Errors
    /// The path leads nowhere.
    pub fn resolve_link(&self, path: &[u8]) -> Result<Entry<'_>, Unresolved> {
        self.walk(path, LastLink::Kept)
    }

    fn walk(&self, path: &[u8], last: LastLink) -> Result<Entry<'_>, Unresolved> {
        let tree = &self.tree;
        let mut left: Vec<&[u8]> = parts(path);
        let (mut at, mut hops) = (ROOT, 0);
        while let Some(part) = left.pop() {
            let entry = Entry { rootfs: self, id: at };
            if entry.kind() != EntryKind::Folder {
                return Err(Unresolved::Missing);
            }
            if part == b".." {
                at = parent(tree, at);
                continue;
            }
            let next = tree.child(at, part).ok_or(Unresolved::Missing)?;
            let found = Entry { rootfs: self, id: next };
            if found.kind() == EntryKind::Symlink && (last == LastLink::Followed || !left.is_empty()) {
                hops += 1;
                if hops > LINK_HOPS_MAX {
                    return Err(Unresolved::LinkCycle);
                }
                if found.link().starts_with(b"/") {
                    at = ROOT;
                }
                left.extend(parts(found.link()));
            } else {
                at = next;
            }
        }
        Ok(Entry { rootfs: self, id: at })
    }
}

/// The components of a path, the last one first.
fn parts(path: &[u8]) -> Vec<&[u8]> {
    path.rsplit(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect()
}

fn parent(tree: &Tree, id: u32) -> u32 {
    tree.node(id).map_or(ROOT, |node| node.parent)
}
