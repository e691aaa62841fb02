//! The way to the folder of an entry.

use super::name::{self, Name};
use super::steps::{Exceeded, Steps};
use super::tree::{NONE, ROOT, Tree};
use crate::content::tar::{EntryKind, PATH_BYTES_MAX};

/// The most links on the way to one entry. Runtimes follow as many when they unpack; a process may follow only 40.
const LINK_HOPS_MAX: usize = 255;

/// Why a path leads to no folder.
pub(super) enum Astray {
    /// Links lead in a circle, or too far.
    Links,
    /// Something on the way is no folder.
    NoFolder,
    /// A limit was passed.
    Exceeded(Exceeded),
}

/// The deepest node on the way to a folder that exists, and the names that do not exist below it.
pub(super) struct Way {
    pub(super) node: u32,
    pub(super) missing: Vec<Name>,
}

/// Follows the names of folders, and links among them, inside the root. What does not exist is taken for a folder to be
/// made, as in runtimes.
pub(super) fn find_way(tree: &Tree, steps: &mut Steps, names: &[Name]) -> Result<Way, Astray> {
    let mut left: Vec<Name> = names.iter().rev().copied().collect();
    // The way so far: names with their nodes, if they exist.
    let mut done: Vec<(Name, Option<u32>)> = Vec::new();
    let (mut hops, mut bytes) = (0, 0_usize);
    while let Some(name) = left.pop() {
        steps.take().map_err(Astray::Exceeded)?;
        let text = name::bytes(&tree.layers, name);
        if text == b".." {
            if let Some((gone, _)) = done.pop() {
                bytes = bytes.saturating_sub(usize::from(gone.bytes) + 1);
            }
            continue;
        }
        let parent = done.last().map_or(Some(ROOT), |&(_, node)| node);
        let node = parent.and_then(|parent| tree.child(parent, text));
        let link = node.and_then(|id| tree.node(id)).filter(|node| node.body != NONE).and_then(|node| {
            let members = tree.layers.get(usize::from(node.body_layer))?;
            if members.kind(node.body)? != EntryKind::Symlink {
                return None;
            }
            let placed = members.get(node.body)?;
            Some((placed.member.link, placed.link, node.body_layer))
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
