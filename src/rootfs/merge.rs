//! Merging layers.

use std::sync::Arc;

use super::hidden::{Cause, Gone};
use super::members::{Member, Members, Placed};
use super::name::{self, Name};
use super::problem::RootfsProblem;
use super::steps::{Exceeded, Steps};
use super::table::Rootfs;
use super::tree::{NONE, Place, ROOT, Tree};
use super::way::{Astray, Way, find_way};
use crate::content::Problems;
use crate::content::tar::EntryKind;

/// What stands before the name in a whiteout (image-spec, "Whiteouts").
const WHITEOUT: &[u8] = b".wh.";

/// The whiteout of everything that lower layers have in a folder.
const OPAQUE: &[u8] = b".wh..wh..opq";

/// How much is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootfsLimits {
    /// The most layers.
    pub layers_max: usize,
    /// The most paths, with those that upper layers removed; and the most entries that upper layers hide.
    pub entries_max: usize,
    /// The most steps: components of paths that are looked up, and paths that whiteouts look at. A large image with two
    /// million entries takes some twenty million.
    pub steps_max: u64,
}

impl Default for RootfsLimits {
    fn default() -> Self {
        // Two million entries, and the folders that no entry makes.
        RootfsLimits { layers_max: 512, entries_max: 1 << 21, steps_max: 200_000_000 }
    }
}

impl Rootfs {
    /// Merges layers; the first is the base.
    pub fn merge(layers: &[Arc<Members>], limits: &RootfsLimits) -> Rootfs {
        let mut merge = Merge {
            tree: Tree::new(layers.iter().take(limits.layers_max).cloned().collect()),
            gone: Vec::new(),
            problems: Problems::default(),
            steps: Steps::new(limits.steps_max),
            limits: *limits,
            layer: 0,
        };
        // A limit ends the merging; what was merged stays.
        let mut exceeded = merge.all().err();
        if layers.len() > limits.layers_max {
            exceeded = exceeded.or(Some(Exceeded::Layers));
        }
        if let Some(exceeded) = exceeded {
            merge.note(match exceeded {
                Exceeded::Entries => RootfsProblem::EntriesLimit { limit: limits.entries_max },
                Exceeded::Steps => RootfsProblem::StepsLimit { limit: limits.steps_max },
                Exceeded::Layers => {
                    RootfsProblem::LayersLimit { layers: layers.len(), limit: limits.layers_max }
                }
            });
        }
        Rootfs::complete(merge.tree, merge.gone, merge.problems)
    }
}

struct Merge {
    tree: Tree,
    gone: Vec<Gone>,
    problems: Problems<RootfsProblem>,
    steps: Steps,
    limits: RootfsLimits,
    layer: u16,
}

impl Merge {
    fn note(&mut self, problem: RootfsProblem) {
        self.problems.add(problem.rule(), problem);
    }

    fn all(&mut self) -> Result<(), Exceeded> {
        for (layer, members) in self.tree.layers.clone().iter().enumerate() {
            self.layer = u16::try_from(layer).map_err(|_| Exceeded::Layers)?;
            for (index, placed) in (0..).zip(members.placed()) {
                self.entry(members, index, &placed)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, members: &Members, index: u32, placed: &Placed<'_>) -> Result<(), Exceeded> {
        let layer = usize::from(self.layer);
        let member = &placed.member;
        let path = || member.path();
        if matches!(member.kind, EntryKind::Other(_)) {
            // Runtimes refuse the layer. The reader of the archive has said so.
            return Ok(());
        }
        let mut names = Vec::new();
        name::clean(&mut names, member.folder, placed.folder, self.layer);
        name::clean(&mut names, member.name, placed.name, self.layer);
        let Some(base) = names.pop() else {
            if member.kind == EntryKind::Folder {
                self.set(ROOT, index, (self.layer, index));
            } else {
                self.note(RootfsProblem::RootReplaced { layer, path: path() });
            }
            return Ok(());
        };
        let way = match find_way(&self.tree, &mut self.steps, &names) {
            Ok(way) => way,
            Err(Astray::Exceeded(limit)) => return Err(limit),
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
            Err(Astray::Exceeded(limit)) => return Err(limit),
            Err(Astray::Links | Astray::NoFolder) => {
                self.note(RootfsProblem::NotInFolder { layer, path: path() });
                return Ok(());
            }
        };
        let place = self.tree.find(folder, base_bytes);
        if let Some(old) = self.tree.alive(place) {
            let both_folders = self.tree.kind(old) == EntryKind::Folder && member.kind == EntryKind::Folder;
            let is_double = self
                .tree
                .node(old)
                .is_some_and(|node| node.source != NONE && node.source_layer == self.layer);
            if is_double && !both_folders {
                self.note(RootfsProblem::DuplicateMember { layer, path: path() });
            }
            if !both_folders {
                self.remove(old, Cause::Replaced)?;
            }
        }
        let mut body = (self.layer, index);
        if member.kind == EntryKind::HardLink {
            let Some(target) = self.hard_link(members, placed)? else {
                let target = member.link.to_vec();
                self.note(RootfsProblem::BrokenHardLink { layer, path: path(), target });
                return Ok(());
            };
            body = target;
        }
        self.make(place, folder, base).map(|id| self.set(id, index, body))
    }

    /// The entry that holds what a hard link links to.
    fn hard_link(&mut self, members: &Members, placed: &Placed<'_>) -> Result<Option<(u16, u32)>, Exceeded> {
        let mut names = Vec::new();
        name::clean(&mut names, placed.member.link, placed.link, self.layer);
        let Some(base) = names.pop() else { return Ok(None) };
        let way = match find_way(&self.tree, &mut self.steps, &names) {
            Ok(way) if way.missing.is_empty() => way,
            Err(Astray::Exceeded(limit)) => return Err(limit),
            _ => return Ok(None),
        };
        let target = self.tree.child(way.node, members.text(base.start, base.bytes));
        let target = target.filter(|&id| self.tree.kind(id) != EntryKind::Folder);
        Ok(target.and_then(|id| self.tree.node(id)).map(|node| (node.body_layer, node.body)))
    }

    /// Makes the folders of a way that are missing.
    fn make_folders(&mut self, way: &Way) -> Result<u32, Astray> {
        let mut at = way.node;
        if self.tree.kind(at) != EntryKind::Folder {
            return Err(Astray::NoFolder);
        }
        for &name in &way.missing {
            let place = self.tree.find(at, name::bytes(&self.tree.layers, name));
            at = self.make(place, at, name).map_err(Astray::Exceeded)?;
            self.touch(at);
        }
        Ok(at)
    }

    fn make(&mut self, place: Place, parent: u32, name: Name) -> Result<u32, Exceeded> {
        if self.tree.nodes.len() >= self.limits.entries_max {
            return Err(Exceeded::Entries);
        }
        Ok(self.tree.make(place, parent, name, self.layer))
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

    fn whiteout(&mut self, way: &Way, base: &[u8], member: &Member<'_>) -> Result<(), Exceeded> {
        if !way.missing.is_empty() {
            return Ok(());
        }
        if base == OPAQUE {
            return self.clear(way.node);
        }
        let name = base.get(WHITEOUT.len()..).unwrap_or_default();
        if matches!(name, b"" | b"." | b"..") {
            let (layer, path) = (usize::from(self.layer), member.path());
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
                self.steps.take()?;
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
            self.steps.take()?;
            let hides = self.tree.kind(id) != EntryKind::Folder;
            let Some(node) = self.tree.node_mut(id) else { continue };
            node.alive = false;
            let (layer, index) = (node.body_layer, node.body);
            let mut next = std::mem::replace(&mut node.child, NONE);
            if hides {
                if self.gone.len() >= self.limits.entries_max {
                    return Err(Exceeded::Entries);
                }
                self.gone.push(Gone { layer, by_layer: self.layer, index, cause });
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
}
