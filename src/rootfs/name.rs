//! Components of paths, as places in the names of a layer.

use super::members::Members;

/// One component of a path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    pub(super) start: u32,
    pub(super) layer: u16,
    pub(super) bytes: u16,
}

impl Name {
    /// The name of the root.
    pub(super) const EMPTY: Name = Name { start: 0, layer: 0, bytes: 0 };
}

/// The components of a path, with their places: `text` begins at `start` in the names of layer `layer`. Empty ones and
/// `.` are left out.
pub(super) fn components(text: &[u8], start: u32, layer: u16) -> impl Iterator<Item = (Name, &[u8])> {
    let mut at = start;
    text.split(|&byte| byte == b'/').filter_map(move |part| {
        let bytes = u16::try_from(part.len()).ok()?;
        let name = Name { start: at, layer, bytes };
        at = at.saturating_add(u32::from(bytes)).saturating_add(1);
        (!part.is_empty() && part != b".").then_some((name, part))
    })
}

/// Adds the components of a path to others, without `..`: each takes away the one before it, and at the root it does nothing.
/// Runtimes clean names like this before they look at any link.
pub(super) fn clean(names: &mut Vec<Name>, text: &[u8], start: u32, layer: u16) {
    for (name, part) in components(text, start, layer) {
        if part == b".." {
            names.pop();
        } else {
            names.push(name);
        }
    }
}

/// The bytes of a component.
pub(super) fn bytes<M: AsRef<Members>>(layers: &[M], name: Name) -> &[u8] {
    layers.get(usize::from(name.layer)).map_or(&[], |layer| layer.as_ref().text(name.start, name.bytes))
}
