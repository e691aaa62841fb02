//! Lists of images, each kept once. A bundle may have thousands of images that share layers with a hundred thousand packages,
//! and most packages of a layer are in the same images.

use std::collections::HashMap;
use std::sync::Arc;

use crate::oci::Digest;

/// The number of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct ImageList(u32);

/// The lists.
#[derive(Default)]
pub(super) struct ImageLists {
    /// For each list but the empty one: the list without its last image, and that image.
    lists: Vec<(ImageList, Digest)>,
    known: HashMap<(ImageList, Digest), ImageList>,
    /// Those that were asked for.
    whole: HashMap<ImageList, Arc<[Digest]>>,
}

impl ImageLists {
    /// Returns the list with one more image, or the same list if this image is its last one.
    pub(super) fn with(&mut self, list: ImageList, image: Digest) -> ImageList {
        if self.last(list).is_some_and(|(_, last)| last == image) {
            return list;
        }
        *self.known.entry((list, image)).or_insert_with(|| {
            self.lists.push((list, image));
            ImageList(u32::try_from(self.lists.len()).expect("packages and images are bounded"))
        })
    }

    /// Returns the images of a list, in the order in which they were added.
    pub(super) fn images(&mut self, list: ImageList) -> Arc<[Digest]> {
        if let Some(images) = self.whole.get(&list) {
            return Arc::clone(images);
        }
        let mut images = Vec::new();
        let mut rest = list;
        while let Some((before, image)) = self.last(rest) {
            images.push(image);
            rest = before;
        }
        images.reverse();
        let images: Arc<[Digest]> = images.into();
        self.whole.insert(list, Arc::clone(&images));
        images
    }

    /// Returns a list without its last image, and that image; `None` for the empty list.
    fn last(&self, list: ImageList) -> Option<(ImageList, Digest)> {
        let at = usize::try_from(list.0).ok()?.checked_sub(1)?;
        self.lists.get(at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lists_are_kept_once() {
        let [a, b] = [b"a", b"b"].map(|text| Digest::sha256(text));
        let mut lists = ImageLists::default();
        let empty = ImageList::default();
        let one = lists.with(empty, a);
        assert_eq!(lists.with(one, a), one);
        let two = lists.with(one, b);
        let again = lists.with(empty, a);
        assert_eq!(two, lists.with(again, b));
        assert_ne!(two, lists.with(empty, b));
        assert_eq!(*lists.images(two), [a, b]);
        assert_eq!(*lists.images(one), [a]);
        assert!(lists.images(empty).is_empty());
        assert!(Arc::ptr_eq(&lists.images(two), &lists.images(two)));
    }
}
