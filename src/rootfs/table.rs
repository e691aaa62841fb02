//! The merged table.

use super::hidden::{Gone, Hidden, MemberId};
use super::marks::Marks;
use super::members::Member;
use super::problem::RootfsProblem;
use super::tree::{NONE, ROOT, Tree};
use crate::content::Problems;

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
    /// Puts the children of each folder in order, and drops from what is gone what another name still shows.
    pub(super) fn complete(mut tree: Tree, mut gone: Vec<Gone>, problems: Problems<RootfsProblem>) -> Rootfs {
        let mut order = Vec::with_capacity(tree.nodes.len());
        let mut shown = Marks::for_layers(&tree.layers, &gone);
        for id in 0..u32::try_from(tree.nodes.len()).unwrap_or(NONE) {
            let Some(node) = tree.node(id).filter(|node| node.alive).copied() else { continue };
            shown.mark(node.body_layer, node.body);
            let start = order.len();
            let mut next = node.child;
            while let Some(child) = tree.node(next) {
                if child.alive {
                    order.push(next);
                }
                next = child.next;
            }
            if let Some(children) = order.get_mut(start..) {
                children.sort_unstable_by(|&a, &b| tree.name(a).cmp(tree.name(b)));
            }
        }
        // Only now the links between nodes are no longer needed. Each list in the order belongs to one parent.
        for node in &mut tree.nodes {
            (node.child, node.next) = (0, 0);
        }
        for (place, &id) in (0..).zip(&order) {
            let parent = tree.node(id).map_or(ROOT, |node| node.parent);
            if let Some(parent) = tree.node_mut(parent) {
                if parent.next == 0 {
                    parent.child = place;
                }
                parent.next += 1;
            }
        }
        // One content can have had several names.
        gone.retain(|gone| shown.mark(gone.layer, gone.index));
        let hidden = gone.iter().filter_map(|gone| {
            let member = tree.member_id(gone.layer, gone.index)?;
            Some(Hidden { member, by_layer: gone.by_layer, cause: gone.cause })
        });
        let hidden = hidden.collect();
        Rootfs { tree, order, hidden, problems }
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
        self.tree.member_id(layer, index)
    }
}
