//! What a merged file system says of its paths.

use super::hidden::MemberId;
use super::members::Member;
use super::table::Rootfs;
use super::tree::{NONE, ROOT};
use crate::content::tar::EntryKind;

/// One path of a merged file system.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    pub(super) rootfs: &'a Rootfs,
    pub(super) id: u32,
}

impl<'a> Entry<'a> {
    /// The entry that made the content and the metadata; `None` for a folder that no layer has an entry for.
    fn made_by(&self) -> Option<Member<'a>> {
        let node = self.rootfs.tree.node(self.id)?;
        let members = self.rootfs.tree.layers.get(usize::from(node.body_layer))?;
        members.get(node.body).map(|placed| placed.member)
    }

    /// The last component of the path; empty for the root.
    pub fn name(&self) -> &'a [u8] {
        self.rootfs.tree.name(self.id)
    }

    /// The path without a slash at its start; empty for the root.
    pub fn path(&self) -> Vec<u8> {
        let tree = &self.rootfs.tree;
        let (mut names, mut id) = (Vec::new(), self.id);
        while id != ROOT {
            names.push(tree.name(id));
            id = tree.node(id).map_or(ROOT, |node| node.parent);
        }
        names.reverse();
        names.join(&b'/')
    }

    /// What it is. Hard links are what they link to.
    pub fn kind(&self) -> EntryKind {
        self.rootfs.tree.kind(self.id)
    }

    /// Permissions with set-uid, set-gid and sticky bit. A folder that no layer has an entry for gets 0755;
    /// that it would inherit the group of a set-gid folder is not followed.
    pub fn mode(&self) -> u32 {
        self.made_by().map_or(0o755, |member| member.mode)
    }

    /// The number of the owner.
    pub fn uid(&self) -> u32 {
        self.made_by().map_or(0, |member| member.uid)
    }

    /// The number of the group.
    pub fn gid(&self) -> u32 {
        self.made_by().map_or(0, |member| member.gid)
    }

    /// The size of a file in bytes; 0 for everything else.
    pub fn size(&self) -> u64 {
        self.made_by().map_or(0, |member| member.size)
    }

    /// Major and minor number of a device.
    pub fn device(&self) -> (u32, u32) {
        self.made_by().map_or((0, 0), |member| member.device)
    }

    /// Time of the last change, in seconds since 1970. `None` for a folder that no layer has an entry for: the runtime
    /// takes the time at which it unpacks.
    pub fn mtime(&self) -> Option<i64> {
        self.made_by().map(|member| member.mtime)
    }

    /// The target of a symbolic link, as it is written; empty for everything else.
    pub fn link(&self) -> &'a [u8] {
        self.made_by().map_or(&[], |member| member.link)
    }

    /// The layer that made this path what it is; the base is 0.
    pub fn layer(&self) -> u16 {
        self.rootfs.tree.node(self.id).map_or(0, |node| node.source_layer)
    }

    /// The entry that made this name; `None` for a folder that no layer has an entry for.
    pub fn member(&self) -> Option<MemberId> {
        let node = self.rootfs.tree.node(self.id)?;
        self.rootfs.member_id(node.source_layer, node.source)
    }

    /// The entry that holds the content. It differs from [`Entry::member`] if the name is a hard link.
    pub fn body(&self) -> Option<MemberId> {
        let node = self.rootfs.tree.node(self.id)?;
        self.rootfs.member_id(node.body_layer, node.body)
    }

    /// Whether a hard link made this name.
    pub fn is_hard_link(&self) -> bool {
        let node = self.rootfs.tree.node(self.id);
        node.is_some_and(|node| {
            node.source != NONE && (node.source, node.source_layer) != (node.body, node.body_layer)
        })
    }

    /// What is in the folder, in the order of bytes.
    pub fn children(&self) -> impl DoubleEndedIterator<Item = Entry<'a>> + use<'a> {
        let rootfs = self.rootfs;
        rootfs.child_ids(self.id).iter().map(move |&id| Entry { rootfs, id })
    }
}

impl Rootfs {
    /// The root folder.
    pub fn root(&self) -> Entry<'_> {
        Entry { rootfs: self, id: ROOT }
    }

    /// All paths but the root: each folder before what is in it, and what is in one folder in the order of bytes.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut stack: Vec<Entry<'_>> = self.root().children().rev().collect();
        std::iter::from_fn(move || {
            let entry = stack.pop()?;
            stack.extend(entry.children().rev());
            Some(entry)
        })
    }
}

impl std::fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("path", &self.path().escape_ascii().to_string())
            .field("kind", &self.kind())
            .field("body", &self.body())
            .finish_non_exhaustive()
    }
}
