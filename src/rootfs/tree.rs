//! The nodes of the merged tree, and the index that finds them by parent and name.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;

use super::hidden::MemberId;
use super::members::Members;
use super::name::{self, Name};
use crate::content::tar::EntryKind;

/// No node, and no entry.
pub(super) const NONE: u32 = u32::MAX;

/// The root.
pub(super) const ROOT: u32 = 0;

/// A path of the merged tree. A node that is removed stays in the table, dead, and comes back to life if the path does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) name: Name,
    pub(super) parent: u32,
    /// The first child; when the tree is complete, the place of the first child in the order.
    pub(super) child: u32,
    /// The next child of the parent; when the tree is complete, the number of own children.
    pub(super) next: u32,
    /// The entry that made the name, in the table of its layer. `NONE` for a folder that no entry made.
    pub(super) source: u32,
    /// The entry that made the content and the metadata: another one if the name is a hard link.
    pub(super) body: u32,
    pub(super) source_layer: u16,
    pub(super) body_layer: u16,
    /// The layer that made or changed it, or something below it, last.
    pub(super) touched: u16,
    /// The last layer in which everything below that lower layers hold was removed.
    pub(super) cleared: u16,
    pub(super) alive: bool,
    /// Whether it is in the list of its parent's children.
    pub(super) listed: bool,
}

const _: () = assert!(size_of::<Node>() <= 40);

/// A node with a name in a folder, or the slot of the index that one would have.
pub(super) type Place = Result<u32, usize>;

/// No layer.
pub(super) const NO_LAYER: u16 = u16::MAX;

/// The nodes with their index.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) layers: Vec<Arc<Members>>,
    pub(super) nodes: Vec<Node>,
    /// An open hash table of nodes; its length is a power of two and at most half of it is used.
    slots: Vec<u32>,
    /// With a random key, so that nobody can choose names that collide.
    key: RandomState,
}

impl Tree {
    pub(super) fn new(layers: Vec<Arc<Members>>) -> Tree {
        let root = Node {
            name: Name::EMPTY,
            parent: ROOT,
            child: NONE,
            next: NONE,
            source: NONE,
            body: NONE,
            source_layer: 0,
            body_layer: 0,
            touched: NO_LAYER,
            cleared: NO_LAYER,
            alive: true,
            listed: true,
        };
        Tree { layers, nodes: vec![root], slots: vec![NONE; 64], key: RandomState::new() }
    }

    pub(super) fn node(&self, id: u32) -> Option<&Node> {
        self.nodes.get(id as usize)
    }

    pub(super) fn node_mut(&mut self, id: u32) -> Option<&mut Node> {
        self.nodes.get_mut(id as usize)
    }

    pub(super) fn name(&self, id: u32) -> &[u8] {
        self.node(id).map_or(&[], |node| name::bytes(&self.layers, node.name))
    }

    /// The child that is alive.
    pub(super) fn child(&self, parent: u32, name: &[u8]) -> Option<u32> {
        self.alive(self.find(parent, name))
    }

    /// The node of a place, if it is alive.
    pub(super) fn alive(&self, place: Place) -> Option<u32> {
        place.ok().filter(|&id| self.node(id).is_some_and(|node| node.alive))
    }

    /// The entry at a place of the table of its layer.
    pub(super) fn member_id(&self, layer: u16, index: u32) -> Option<MemberId> {
        let number = self.layers.get(usize::from(layer))?.number_at(index)?;
        Some(MemberId { layer, number })
    }

    /// What a node is. Hard links are what they link to.
    pub(super) fn kind(&self, id: u32) -> EntryKind {
        let made_by = self.node(id).and_then(|node| {
            let members = self.layers.get(usize::from(node.body_layer))?;
            members.kind(node.body)
        });
        made_by.unwrap_or(EntryKind::Folder)
    }

    fn slot(&self, parent: u32, name: &[u8]) -> usize {
        let mut hasher = self.key.build_hasher();
        hasher.write_u32(parent);
        hasher.write(name);
        let mask = self.slots.len().saturating_sub(1);
        // Only the lower bits matter.
        usize::try_from(hasher.finish() & mask as u64).unwrap_or_default()
    }

    /// The place of a child, alive or dead. It holds until a node is added.
    pub(super) fn find(&self, parent: u32, name: &[u8]) -> Place {
        let mut slot = self.slot(parent, name);
        loop {
            // An empty slot ends the search; there is always one.
            let id = self.slots.get(slot).copied().unwrap_or(NONE);
            let Some(node) = self.node(id) else { return Err(slot) };
            if node.parent == parent && id != ROOT && self.name(id) == name {
                return Ok(id);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    /// Puts all nodes into an index of twice the size.
    fn grow(&mut self) {
        self.slots = vec![NONE; self.slots.len() * 2];
        for (id, node) in (0..).zip(&self.nodes).skip(1) {
            let mut slot = self.slot(node.parent, name::bytes(&self.layers, node.name));
            while self.slots.get(slot).is_some_and(|&found| found != NONE) {
                slot = (slot + 1) & (self.slots.len() - 1);
            }
            if let Some(place) = self.slots.get_mut(slot) {
                *place = id;
            }
        }
    }

    /// Adds a dead node, with an empty slot for it.
    fn add(&mut self, parent: u32, name: Name, layer: u16, slot: usize) -> u32 {
        let id = u32::try_from(self.nodes.len()).unwrap_or(NONE);
        self.nodes.push(Node {
            name,
            parent,
            child: NONE,
            next: NONE,
            source: NONE,
            body: NONE,
            source_layer: layer,
            body_layer: layer,
            touched: layer,
            cleared: NO_LAYER,
            alive: false,
            listed: false,
        });
        if self.nodes.len() * 2 > self.slots.len() {
            self.grow();
        } else if let Some(place) = self.slots.get_mut(slot) {
            *place = id;
        }
        id
    }

    /// Makes the child at a place alive, a new one or one that was there before, as a folder that no entry made.
    pub(super) fn make(&mut self, place: Place, parent: u32, name: Name, layer: u16) -> u32 {
        let id = place.unwrap_or_else(|slot| self.add(parent, name, layer, slot));
        let first = self.node(parent).map_or(NONE, |node| node.child);
        let mut list = false;
        if let Some(node) = self.node_mut(id)
            && !node.alive
        {
            (node.source, node.body, node.source_layer, node.body_layer) = (NONE, NONE, layer, layer);
            (node.alive, node.touched, node.cleared) = (true, layer, NO_LAYER);
            list = !node.listed;
            if list {
                (node.listed, node.next) = (true, first);
            }
        }
        if list && let Some(node) = self.node_mut(parent) {
            node.child = id;
        }
        id
    }
}
