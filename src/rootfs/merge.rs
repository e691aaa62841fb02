//! Merging layers.

use std::collections::HashSet;
use std::sync::Arc;

use super::entry::{Cause, Entry, Hidden, MemberId};
use super::members::{Member, Members};
use super::name::{self, Name};
use super::problem::RootfsProblem;
use super::tree::{NONE, ROOT, Tree};
use crate::content::Problems;
use crate::content::tar::{EntryKind, PATH_BYTES_MAX};

/// What stands before the name in a whiteout (image-spec, "Whiteouts").
const WHITEOUT: &[u8] = b".wh.";

/// The whiteout of everything that lower layers have in a folder.
const OPAQUE: &[u8] = b".wh..wh..opq";

/// The most links on the way to one entry, as in runtimes. They count those of the archive's own paths only, so there are
/// more than a process may follow.
const LINK_HOPS_MAX: usize = 255;

/// How much is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootfsLimits {
    /// The most layers.
    pub layers_max: usize,
    /// The most paths, with those that upper layers removed.
    pub entries_max: usize,
    /// The most steps: components of paths that are looked up, and paths that whiteouts look at. A large image with two
    /// million entries takes some twenty million.
    pub steps_max: u64,
}

impl Default for RootfsLimits {
    fn default() -> Self {
        RootfsLimits { layers_max: 512, entries_max: 2_000_000, steps_max: 200_000_000 }
    }
}

/// A merged file system. It takes at most 60 bytes for each path, besides the tables of its layers.
#[derive(Debug)]
pub struct Rootfs {
    pub(super) tree: Tree,
    /// The children of all folders, one folder after the other.
    order: Vec<u32>,
    hidden: Vec<Hidden>,
    problems: Problems<RootfsProblem>,
}

impl Rootfs {
    /// Merges layers; the first is the base.
    pub fn merge(layers: &[Arc<Members>], limits: &RootfsLimits) -> Rootfs {
        let mut merge = Merge {
            tree: Tree::new(layers.iter().take(limits.layers_max).cloned().collect()),
            hidden: Vec::new(),
            problems: Problems::default(),
            steps_left: limits.steps_max,
            limits: *limits,
            layer: 0,
        };
        if layers.len() > limits.layers_max {
            merge
                .note(RootfsProblem::LayersLimit { layers: layers.len(), limit: limits.layers_max });
        }
        // A limit ends the merging; what was merged stays.
        let _ = merge.all();
        merge.finish()
    }

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

    /// What is carried and not shown: entries whose content no path of the merged file system has any more. Folders are not
    /// among them. The order is that in which they were hidden.
    pub fn hidden(&self) -> &[Hidden] {
        &self.hidden
    }

    /// What is wrong or odd.
    pub fn problems(&self) -> &Problems<RootfsProblem> {
        &self.problems
    }

    /// An entry of one of the layers.
    pub fn member(&self, id: MemberId) -> Option<Member<'_>> {
        self.tree.layers.get(usize::from(id.layer))?.by_number(id.number)
    }

    pub(super) fn child_ids(&self, id: u32) -> &[u32] {
        let Some(node) = self.tree.node(id) else { return &[] };
        let start = node.child as usize;
        self.order.get(start..start.saturating_add(node.next as usize)).unwrap_or_default()
    }

    pub(super) fn member_id(&self, layer: u16, index: u32) -> Option<MemberId> {
        member_id(&self.tree, layer, index)
    }
}

fn member_id(tree: &Tree, layer: u16, index: u32) -> Option<MemberId> {
    let number = tree.layers.get(usize::from(layer))?.get(index)?.number;
    Some(MemberId { layer, number })
}

/// A limit was passed.
struct Exceeded;

/// Why a path leads to no folder.
enum Astray {
    /// Links lead in a circle, or too far.
    Links,
    /// Something on the way is no folder.
    NoFolder,
    /// A limit was passed.
    Exceeded,
}

/// The deepest node on the way to a folder that exists, and the names that do not exist below it.
struct Way {
    node: u32,
    missing: Vec<Name>,
}

struct Merge {
    tree: Tree,
    hidden: Vec<Hidden>,
    problems: Problems<RootfsProblem>,
    steps_left: u64,
    limits: RootfsLimits,
    layer: u16,
}

impl Merge {
    fn note(&mut self, problem: RootfsProblem) {
        self.problems.add(problem.rule(), problem);
    }

    fn step(&mut self) -> Result<(), Exceeded> {
        if let Some(left) = self.steps_left.checked_sub(1) {
            self.steps_left = left;
            return Ok(());
        }
        self.note(RootfsProblem::StepsLimit { limit: self.limits.steps_max });
        Err(Exceeded)
    }

    fn all(&mut self) -> Result<(), Exceeded> {
        for (layer, members) in self.tree.layers.clone().iter().enumerate() {
            self.layer = u16::try_from(layer).map_err(|_| Exceeded)?;
            for (index, member) in (0..).zip(members.iter()) {
                self.entry(members, index, member)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, members: &Members, index: u32, member: Member<'_>) -> Result<(), Exceeded> {
        let layer = usize::from(self.layer);
        let path = || member.path.to_vec();
        if matches!(member.kind, EntryKind::Other(_)) {
            // Runtimes refuse the layer. The reader of the archive has said so.
            return Ok(());
        }
        let start = members.path_start(index).unwrap_or_default();
        let mut names = name::clean(member.path, start, self.layer);
        let Some(base) = names.pop() else {
            if member.kind == EntryKind::Folder {
                self.set(ROOT, index, (self.layer, index));
            } else {
                self.note(RootfsProblem::RootReplaced { layer, path: path() });
            }
            return Ok(());
        };
        let way = match self.way(&names) {
            Ok(way) => way,
            Err(Astray::Exceeded) => return Err(Exceeded),
            Err(Astray::Links | Astray::NoFolder) => {
                self.note(RootfsProblem::LinkCycle { layer, path: path() });
                return Ok(());
            }
        };
        let base_bytes = members.text(base.start, base.bytes);
        if base_bytes.starts_with(WHITEOUT) {
            return self.whiteout(&way, base_bytes, member);
        }
        let folder = match self.make_folders(&way) {
            Ok(folder) => folder,
            Err(Astray::Exceeded) => return Err(Exceeded),
            Err(Astray::Links | Astray::NoFolder) => {
                self.note(RootfsProblem::NotInFolder { layer, path: path() });
                return Ok(());
            }
        };
        if let Some(old) = self.tree.child(folder, base_bytes) {
            let both_folders = self.kind(old) == EntryKind::Folder && member.kind == EntryKind::Folder;
            let is_double =
                self.tree.node(old).is_some_and(|node| node.source != NONE && node.source_layer == self.layer);
            if is_double && !both_folders {
                self.note(RootfsProblem::DuplicateMember { layer, path: path() });
            }
            if !both_folders {
                self.remove(old, Cause::Replaced)?;
            }
        }
        let mut body = (self.layer, index);
        if member.kind == EntryKind::HardLink {
            let Some(target) = self.hard_link(members, index, member)? else {
                let target = member.link.to_vec();
                self.note(RootfsProblem::BrokenHardLink { layer, path: path(), target });
                return Ok(());
            };
            body = target;
        }
        self.make(folder, base).map(|id| self.set(id, index, body))
    }

    /// The entry that holds what a hard link links to.
    fn hard_link(
        &mut self,
        members: &Members,
        index: u32,
        member: Member<'_>,
    ) -> Result<Option<(u16, u32)>, Exceeded> {
        let start = members.link_start(index).unwrap_or_default();
        let mut names = name::clean(member.link, start, self.layer);
        let Some(base) = names.pop() else { return Ok(None) };
        let way = match self.way(&names) {
            Ok(way) if way.missing.is_empty() => way,
            Err(Astray::Exceeded) => return Err(Exceeded),
            _ => return Ok(None),
        };
        let target = self.tree.child(way.node, members.text(base.start, base.bytes));
        let target = target.filter(|&id| self.kind(id) != EntryKind::Folder);
        Ok(target.and_then(|id| self.tree.node(id)).map(|node| (node.body_layer, node.body)))
    }

    fn kind(&self, id: u32) -> EntryKind {
        self.made_by(id).map_or(EntryKind::Folder, |member| member.kind)
    }

    fn made_by(&self, id: u32) -> Option<Member<'_>> {
        let node = self.tree.node(id)?;
        self.tree.layers.get(usize::from(node.body_layer))?.get(node.body)
    }

    /// Follows the names of folders, and links among them, inside the root. What does not exist is taken for a folder to be
    /// made, as in runtimes.
    fn way(&mut self, names: &[Name]) -> Result<Way, Astray> {
        let mut left: Vec<Name> = names.iter().rev().copied().collect();
        // The way so far: names with their nodes, if they exist.
        let mut done: Vec<(Name, Option<u32>)> = Vec::new();
        let (mut hops, mut bytes) = (0, 0_usize);
        while let Some(name) = left.pop() {
            self.step().map_err(|Exceeded| Astray::Exceeded)?;
            let text = name::bytes(&self.tree.layers, name);
            if text == b".." {
                if let Some((gone, _)) = done.pop() {
                    bytes = bytes.saturating_sub(usize::from(gone.bytes) + 1);
                }
                continue;
            }
            let parent = done.last().map_or(Some(ROOT), |&(_, node)| node);
            let node = parent.and_then(|parent| self.tree.child(parent, text));
            let link = node.and_then(|id| self.tree.node(id)).filter(|node| node.body != NONE).and_then(|node| {
                let members = self.tree.layers.get(usize::from(node.body_layer))?;
                let member = members.get(node.body).filter(|member| member.kind == EntryKind::Symlink)?;
                Some((member.link, members.link_start(node.body)?, node.body_layer))
            });
            if let Some((target, start, layer)) = link {
                hops += 1;
                if hops > LINK_HOPS_MAX {
                    return Err(Astray::Links);
                }
                if target.starts_with(b"/") {
                    done.clear();
                    bytes = 0;
                }
                let at = left.len();
                left.extend(name::components(target, start, layer).map(|(name, _)| name));
                if let Some(new) = left.get_mut(at..) {
                    new.reverse();
                }
                continue;
            }
            bytes = bytes.saturating_add(usize::from(name.bytes) + 1);
            if bytes > PATH_BYTES_MAX {
                return Err(Astray::Links);
            }
            done.push((name, node));
        }
        let node = done.iter().map_while(|&(_, node)| node).last().unwrap_or(ROOT);
        let missing = done.iter().filter(|(_, node)| node.is_none()).map(|&(name, _)| name).collect();
        Ok(Way { node, missing })
    }

    /// Makes the folders of a way that are missing.
    fn make_folders(&mut self, way: &Way) -> Result<u32, Astray> {
        let mut at = way.node;
        if self.kind(at) != EntryKind::Folder {
            return Err(Astray::NoFolder);
        }
        for &name in &way.missing {
            at = self.make(at, name).map_err(|Exceeded| Astray::Exceeded)?;
            self.touch(at);
        }
        Ok(at)
    }

    fn make(&mut self, parent: u32, name: Name) -> Result<u32, Exceeded> {
        if self.tree.nodes.len() >= self.limits.entries_max {
            self.note(RootfsProblem::EntriesLimit { limit: self.limits.entries_max });
            return Err(Exceeded);
        }
        Ok(self.tree.make(parent, name, self.layer))
    }

    /// Says which entries made a node.
    fn set(&mut self, id: u32, index: u32, body: (u16, u32)) {
        let layer = self.layer;
        if let Some(node) = self.tree.node_mut(id) {
            (node.source, node.source_layer) = (index, layer);
            (node.body_layer, node.body) = body;
        }
        self.touch(id);
    }

    /// Marks a node and all above it as changed by this layer, so that its whiteouts leave them alone.
    fn touch(&mut self, mut id: u32) {
        let layer = self.layer;
        let mut first = true;
        while let Some(node) = self.tree.node_mut(id) {
            // What is above a node that this layer has touched was touched with it. A new node is marked before that.
            if node.touched == layer && !first {
                return;
            }
            node.touched = layer;
            first = false;
            if id == ROOT {
                return;
            }
            id = node.parent;
        }
    }

    fn whiteout(&mut self, way: &Way, base: &[u8], member: Member<'_>) -> Result<(), Exceeded> {
        if !way.missing.is_empty() {
            return Ok(());
        }
        if base == OPAQUE {
            return self.clear(way.node);
        }
        let name = base.get(WHITEOUT.len()..).unwrap_or_default();
        if matches!(name, b"" | b"." | b"..") {
            let (layer, path) = (usize::from(self.layer), member.path.to_vec());
            self.note(RootfsProblem::OddWhiteout { layer, path });
            return Ok(());
        }
        let Some(id) = self.tree.child(way.node, name) else { return Ok(()) };
        if self.tree.node(id).is_some_and(|node| node.touched == self.layer) {
            self.clear(id)
        } else {
            self.remove(id, Cause::Whiteout)
        }
    }

    /// Removes everything below a folder that this layer has not touched.
    fn clear(&mut self, folder: u32) -> Result<(), Exceeded> {
        let mut folders = vec![folder];
        while let Some(folder) = folders.pop() {
            let Some(node) = self.tree.node_mut(folder) else { continue };
            if node.cleared == self.layer {
                continue;
            }
            node.cleared = self.layer;
            let mut next = std::mem::replace(&mut node.child, NONE);
            // The list is made again of those that stay.
            while let Some(&child) = self.tree.node(next) {
                let id = std::mem::replace(&mut next, child.next);
                self.step()?;
                let stays = child.alive && child.touched == self.layer;
                if child.alive && !stays {
                    self.remove(id, Cause::Whiteout)?;
                }
                if stays {
                    folders.push(id);
                    let first = self.tree.node_mut(folder).map(|node| std::mem::replace(&mut node.child, id));
                    if let (Some(node), Some(first)) = (self.tree.node_mut(id), first) {
                        node.next = first;
                    }
                } else if let Some(node) = self.tree.node_mut(id) {
                    node.listed = false;
                }
            }
        }
        Ok(())
    }

    /// Removes a node with everything below it.
    fn remove(&mut self, id: u32, cause: Cause) -> Result<(), Exceeded> {
        let mut left = vec![id];
        while let Some(id) = left.pop() {
            self.step()?;
            let hides = self.kind(id) != EntryKind::Folder;
            let Some(node) = self.tree.node_mut(id) else { continue };
            node.alive = false;
            let (layer, body) = (node.body_layer, node.body);
            let mut next = std::mem::replace(&mut node.child, NONE);
            if hides && let Some(member) = member_id(&self.tree, layer, body) {
                self.hidden.push(Hidden { member, by_layer: self.layer, cause });
            }
            while let Some(child) = self.tree.node_mut(next) {
                let id = std::mem::replace(&mut next, child.next);
                child.listed = false;
                if child.alive {
                    left.push(id);
                }
            }
        }
        Ok(())
    }

    /// Puts the children of each folder in order, and drops from the hidden what another name still shows.
    fn finish(mut self) -> Rootfs {
        let mut order = Vec::with_capacity(self.tree.nodes.len());
        let mut shown = HashSet::new();
        let hidden: HashSet<MemberId> = self.hidden.iter().map(|hidden| hidden.member).collect();
        for id in 0..u32::try_from(self.tree.nodes.len()).unwrap_or(NONE) {
            let Some(node) = self.tree.node(id).filter(|node| node.alive).copied() else { continue };
            if let Some(body) = member_id(&self.tree, node.body_layer, node.body).filter(|id| hidden.contains(id)) {
                shown.insert(body);
            }
            let start = order.len();
            let mut next = node.child;
            while let Some(child) = self.tree.node(next) {
                if child.alive {
                    order.push(next);
                }
                next = child.next;
            }
            if let Some(children) = order.get_mut(start..) {
                children.sort_unstable_by(|&a, &b| self.tree.name(a).cmp(self.tree.name(b)));
            }
        }
        // Only now the links between nodes are no longer needed. Each list in the order belongs to one parent.
        for node in &mut self.tree.nodes {
            (node.child, node.next) = (0, 0);
        }
        for (place, &id) in (0..).zip(&order) {
            let parent = self.tree.node(id).map_or(ROOT, |node| node.parent);
            if let Some(parent) = self.tree.node_mut(parent) {
                if parent.next == 0 {
                    parent.child = place;
                }
                parent.next += 1;
            }
        }
        // One content can have had several names.
        self.hidden.retain(|hidden| shown.insert(hidden.member));
        Rootfs { tree: self.tree, order, hidden: self.hidden, problems: self.problems }
    }
}
