//! File lists of images, packed: some 30 bytes for a file instead of hundreds. Paths share what they begin with.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::{Entry, KINDS, order};
use crate::oci::Digest;
use crate::rootfs::{read_number, write_number};
use crate::verbs::audit::FileLine;

/// The room for the lists of one side, in bytes. A list that does not fit is not kept.
pub(super) const BYTES_MAX: usize = 256 << 20;

/// The file lists of some images.
pub(super) struct Packed {
    wanted: BTreeSet<Digest>,
    bytes: Vec<u8>,
    bytes_max: usize,
    layers: Vec<Digest>,
    lists: BTreeMap<Digest, List>,
    /// The images whose lists did not fit.
    dropped: BTreeSet<Digest>,
    /// The path before, of the image that is under way.
    last: (Option<Digest>, Vec<u8>),
}

struct List {
    start: usize,
    end: usize,
    is_sorted: bool,
}

impl Packed {
    /// Room for the lists of these images.
    pub(super) fn new(wanted: BTreeSet<Digest>, bytes_max: usize) -> Packed {
        Packed {
            wanted,
            bytes: Vec::new(),
            bytes_max,
            layers: Vec::new(),
            lists: BTreeMap::new(),
            dropped: BTreeSet::new(),
            last: (None, Vec::new()),
        }
    }

    /// Adds the next entry of an image. Those of one image follow each other.
    pub(super) fn push(&mut self, line: &FileLine) {
        let image = line.image;
        if !self.wanted.contains(&image) || self.dropped.contains(&image) {
            return;
        }
        if self.last.0 != Some(image) {
            self.last = (Some(image), Vec::new());
            let at = self.bytes.len();
            self.lists.insert(image, List { start: at, end: at, is_sorted: true });
        }
        let path = line.path.as_bytes();
        let shared = path.iter().zip(&self.last.1).take_while(|(a, b)| a == b).count();
        let is_after = self.last.1.is_empty() || order(&self.last.1, path).is_lt();
        let layer = line.layer.map_or(0, |layer| self.layer(layer));
        let kind = KINDS.iter().position(|kind| *kind == line.kind).unwrap_or(0);
        let target = if line.kind == "symlink" { line.target.as_deref().unwrap_or("") } else { "" };
        let numbers = [
            shared as u64,
            (path.len() - shared) as u64,
            kind as u64,
            line.mode.into(),
            line.uid.into(),
            line.gid.into(),
            line.size,
            layer as u64,
            target.len() as u64,
        ];
        for number in numbers {
            write_number(&mut self.bytes, number);
        }
        self.bytes.extend_from_slice(path.get(shared..).unwrap_or_default());
        self.bytes.extend_from_slice(target.as_bytes());
        let sum = line.sha256.map(|sum| sum.0);
        self.bytes.push(u8::from(sum.is_some()));
        self.bytes.extend(sum.into_iter().flatten());
        self.last.1.truncate(shared);
        self.last.1.extend_from_slice(path.get(shared..).unwrap_or_default());
        let end = self.bytes.len();
        let Some(list) = self.lists.get_mut(&image) else { return };
        list.end = end;
        list.is_sorted &= is_after;
        if end > self.bytes_max {
            let start = list.start;
            self.lists.remove(&image);
            self.bytes.truncate(start);
            self.dropped.insert(image);
        }
    }

    /// The number of a layer, from 1. An image has few, and they follow each other.
    fn layer(&mut self, layer: Digest) -> usize {
        if let Some(at) = self.layers.iter().rposition(|known| *known == layer) {
            return at + 1;
        }
        self.layers.push(layer);
        self.layers.len()
    }

    /// The entries of an image in the order of [`order`]; `None` if they were not kept.
    pub(super) fn list(&self, image: &Digest) -> Option<Box<dyn Iterator<Item = Entry> + '_>> {
        if self.dropped.contains(image) {
            return None;
        }
        let list = self.lists.get(image)?;
        let bytes = self.bytes.get(list.start..list.end)?;
        let entries = Entries { bytes, layers: &self.layers, path: Vec::new() };
        if list.is_sorted {
            return Some(Box::new(entries));
        }
        // Escaped bytes in paths stand elsewhere than the bytes themselves.
        let mut entries: Vec<Entry> = entries.collect();
        entries.sort_by(|a, b| order(a.path.as_bytes(), b.path.as_bytes()));
        Some(Box::new(entries.into_iter()))
    }
}

struct Entries<'a> {
    bytes: &'a [u8],
    layers: &'a [Digest],
    path: Vec<u8>,
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let mut numbers = [0; 9];
        for number in &mut numbers {
            *number = read_number(&mut self.bytes)?;
        }
        let [shared, suffix, kind, mode, uid, gid, size, layer, target] = numbers;
        let take = |bytes: &mut &[u8], count: u64| -> Option<Vec<u8>> {
            let (part, rest) = bytes.split_at_checked(usize::try_from(count).ok()?)?;
            *bytes = rest;
            Some(part.to_vec())
        };
        self.path.truncate(usize::try_from(shared).ok()?);
        self.path.extend(take(&mut self.bytes, suffix)?);
        let target = take(&mut self.bytes, target)?;
        let sum = match take(&mut self.bytes, 1)?.first() {
            Some(1) => take(&mut self.bytes, 32)?.try_into().ok(),
            _ => None,
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some(Entry {
            path: text(&self.path),
            kind: KINDS.get(usize::try_from(kind).ok()?)?,
            mode: u32::try_from(mode).ok()?,
            uid: u32::try_from(uid).ok()?,
            gid: u32::try_from(gid).ok()?,
            size,
            target: text(&target),
            layer: usize::try_from(layer).ok()?.checked_sub(1).and_then(|at| self.layers.get(at)).copied(),
            sum,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(image: Digest, path: &str, size: u64, layer: Option<u8>) -> FileLine {
        FileLine {
            image,
            path: path.to_owned(),
            kind: "symlink".to_owned(),
            mode: 0o777,
            uid: u32::MAX,
            gid: 3,
            size,
            mtime: Some(-1),
            target: Some(format!("to {path}")),
            layer: layer.map(|byte| Digest::sha256(&[byte])),
            sha256: layer.map(|byte| crate::format::Sum([byte; 32])),
        }
    }

    proptest! {
           #[test]
           fn what_is_packed_comes_out(
               paths in proptest::collection::vec(("[a-c./é]{0,9}", any::<u64>(), proptest::option::of(0_u8..3)), 0..40),
           ) {
               let (one, other) = (Digest::sha256(b"one"), Digest::sha256(b"other"));
               let mut packed = Packed::new([one, other].into(), BYTES_MAX);
               for image in [one, other] {
                   for (path, size, layer) in &paths {
    packed.push(&line(image, path, *size, *layer));
    }
               }
               for image in [one, other] {
                   let list: Vec<Entry> = packed.list(&image).into_iter().flatten().collect();
                   let mut expected = paths.clone();
                   expected.sort_by(|a, b| order(a.0.as_bytes(), b.0.as_bytes()));
                   prop_assert_eq!(list.len(), expected.len());
                   for (entry, (path, size, layer)) in list.iter().zip(&expected) {
                       prop_assert_eq!((&entry.path, entry.size), (path, *size));
                       prop_assert_eq!(&entry.target, &format!("to {path}"));
                       prop_assert_eq!(entry.sum, layer.map(|byte| [byte; 32]));
                       prop_assert_eq!(entry.layer, layer.map(|byte| Digest::sha256(&[byte])));
                       prop_assert_eq!((entry.kind, entry.mode, entry.uid, entry.gid), ("symlink", 0o777, u32::MAX, 3));
                   }
               }
           }
       }

    #[test]
    fn a_list_that_does_not_fit_is_dropped_whole_and_hides_no_other() {
        let (one, other, third) =
            (Digest::sha256(b"one"), Digest::sha256(b"other"), Digest::sha256(b"third"));
        let mut packed = Packed::new([one, other].into(), 200);
        packed.push(&line(one, "a", 1, None));
        (0..100).for_each(|number| packed.push(&line(other, &format!("file{number}"), 1, None)));
        packed.push(&line(third, "a", 1, None));
        assert_eq!(packed.list(&one).map(Iterator::count), Some(1));
        assert!(packed.list(&other).is_none() && packed.list(&third).is_none());
    }
}
