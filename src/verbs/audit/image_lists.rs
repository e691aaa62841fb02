//! Lists of images, each kept once. A bundle may have thousands of images that share layers with a hundred thousand packages,
//! and most packages of a layer are in the same images.

use std::collections::HashMap;
use std::sync::Arc;

use crate::oci::Digest;

/// The bytes of the lists that are handed out. The lists of usual bundles take much less: there are about as many as layers.
const BYTES_MAX: usize = 24 << 20;

/// What a step to a longer list takes in memory, in bytes.
pub(super) const STEP_BYTES: u64 = size_of::<Step>() as u64;

/// The number of a list. The first is the empty one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct ImageList(u32);

/// A list, and one more image.
#[derive(Clone, Copy)]
struct Step {
    before: ImageList,
    /// Which of the images.
    image: u32,
}

/// The lists. Images are added one after the other.
#[derive(Default)]
pub(super) struct ImageLists {
    images: Vec<Digest>,
    /// How each list but the empty one came about.
    steps: Vec<Step>,
    /// The lists with the last of the images, by what they were before.
    with_last: HashMap<ImageList, ImageList>,
    /// Those that were asked for, and what they take in memory.
    whole: HashMap<ImageList, Arc<[Digest]>>,
    bytes: usize,
}

impl ImageLists {
    /// Returns the list with this image at its end, which may be there already. `None` if there is no room for one more list;
    /// `has_room` is asked for [`STEP_BYTES`].
    pub(super) fn with(
        &mut self,
        list: ImageList,
        image: Digest,
        has_room: impl FnOnce() -> bool,
    ) -> Option<ImageList> {
        if self.images.last() != Some(&image) {
            self.images.push(image);
            self.with_last.clear();
        }
        let image = u32::try_from(self.images.len()).ok()?.checked_sub(1)?;
        if self.step(list).is_some_and(|step| step.image == image) {
            return Some(list);
        }
        if let Some(known) = self.with_last.get(&list) {
            return Some(*known);
        }
        let next = ImageList(u32::try_from(self.steps.len()).ok()?.checked_add(1)?);
        if !has_room() {
            return None;
        }
        self.steps.push(Step { before: list, image });
        self.with_last.insert(list, next);
        Some(next)
    }

    /// Returns the images of a list, in the order in which they were added, and whether these are all: there is no room for
    /// many long lists that differ, and then a list has its first image only.
    pub(super) fn images(&mut self, list: ImageList) -> (Arc<[Digest]>, bool) {
        let count = std::iter::successors(self.step(list), |step| self.step(step.before)).count();
        if let Some(images) = self.whole.get(&list) {
            return (Arc::clone(images), images.len() == count);
        }
        let places = std::iter::successors(self.step(list), |step| self.step(step.before));
        let place = |step: Step| usize::try_from(step.image).ok().and_then(|at| self.images.get(at)).copied();
        let mut images: Vec<Digest> = places.filter_map(place).collect();
        images.reverse();
        let bytes = self.bytes.saturating_add(images.len().saturating_mul(size_of::<Digest>()));
        if bytes > BYTES_MAX {
            images.truncate(1);
        } else {
            self.bytes = bytes;
        }
        let images: Arc<[Digest]> = images.into();
        self.whole.insert(list, Arc::clone(&images));
        let is_whole = images.len() == count;
        (images, is_whole)
    }

    /// Returns how a list came about; `None` for the empty one.
    fn step(&self, list: ImageList) -> Option<Step> {
        let at = usize::try_from(list.0).ok()?.checked_sub(1)?;
        self.steps.get(at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(count: u32) -> Vec<Digest> {
        (0..count).map(|number| Digest::sha256(&number.to_le_bytes())).collect()
    }

    #[test]
    fn equal_lists_are_kept_once() {
        let images = digests(2);
        let mut lists = ImageLists::default();
        let empty = ImageList::default();
        let one = lists.with(empty, images[0], || true).unwrap();
        assert_eq!(lists.with(empty, images[0], || false), Some(one));
        assert_eq!(lists.with(one, images[0], || false), Some(one));
        let two = lists.with(one, images[1], || true).unwrap();
        assert_eq!(lists.with(one, images[1], || false), Some(two));
        let other = lists.with(empty, images[1], || true).unwrap();
        assert_eq!(lists.with(ImageList(7), images[1], || false), None);
        let mut of = |list| lists.images(list).0.to_vec();
        assert_eq!(of(two), images);
        assert_eq!(of(one), images[..1]);
        assert_eq!(of(other), images[1..]);
        assert!(of(empty).is_empty());
        assert!(Arc::ptr_eq(&lists.images(two).0, &lists.images(two).0));
    }

    #[test]
    fn many_long_lists_that_differ_have_their_first_image() {
        let images = digests(2_000);
        let mut lists = ImageLists::default();
        let mut all = vec![ImageList::default(); 1_000];
        // Each list lacks one image.
        for (at, image) in images.iter().enumerate() {
            for (_, list) in all.iter_mut().enumerate().filter(|(number, _)| *number != at) {
                *list = lists.with(*list, *image, || true).unwrap();
            }
        }
        let handed: Vec<(Arc<[Digest]>, bool)> = all.iter().map(|list| lists.images(*list)).collect();
        let whole = handed.iter().filter(|(images, is_whole)| *is_whole && images.len() == 1_999).count();
        let cut = handed.iter().filter(|(images, is_whole)| !is_whole && images.len() == 1).count();
        assert_eq!(whole, BYTES_MAX / (1_999 * size_of::<Digest>()));
        assert_eq!(whole + cut, 1_000);
        assert_eq!(*handed[999].0, images[..1]);
    }
}
