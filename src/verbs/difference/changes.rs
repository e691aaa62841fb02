//! The list of changes while it is made.

use std::collections::BTreeSet;

use super::report::{Change, How, Matter};
use crate::verbs::audit::Rule;

/// How many changes of files are listed. Further ones are counted.
const FILES_MAX: usize = 200_000;

/// Changes, in the order in which they were found.
#[derive(Default)]
pub(super) struct Changes {
    list: Vec<Change>,
    files: usize,
    /// Changes of files that were counted only.
    more: u64,
}

/// What is said of a change besides its name.
#[derive(Default)]
pub(super) struct Detail {
    pub before: Option<String>,
    pub after: Option<String>,
    pub rules: BTreeSet<Rule>,
    pub follows: bool,
}

impl Detail {
    /// What something was and is.
    pub(super) fn sides(before: Option<String>, after: Option<String>) -> Detail {
        Detail { before, after, ..Detail::default() }
    }
}

impl Changes {
    /// Adds a change of these images.
    pub(super) fn add(&mut self, matter: Matter, how: How, what: String, detail: Detail, images: &[String]) {
        if matter == Matter::File {
            if self.files >= FILES_MAX {
                self.more += 1;
                return;
            }
            self.files += 1;
        }
        let Detail { before, after, rules, follows } = detail;
        let (images, rules) = (images.to_vec(), rules.into_iter().collect());
        self.list.push(Change { matter, what, how, before, after, images, rules, follows });
    }

    /// How many changes there are that follow from no other.
    pub(super) fn leading(&self) -> usize {
        self.list.iter().filter(|change| !change.follows).count()
    }

    /// Returns the sorted changes, those that are the same in several images as one, and how many were counted only.
    pub(super) fn finish(self) -> (Vec<Change>, u64) {
        let Changes { mut list, more, .. } = self;
        list.sort();
        let mut merged: Vec<Change> = Vec::with_capacity(list.len());
        for change in list {
            let same = |last: &&mut Change| {
                (last.matter, &last.what, last.how, &last.before, &last.after)
                    == (change.matter, &change.what, change.how, &change.before, &change.after)
            };
            let Some(last) = merged.last_mut().filter(same) else {
                merged.push(change);
                continue;
            };
            let images: BTreeSet<String> = last.images.drain(..).chain(change.images).collect();
            last.images = images.into_iter().collect();
            let rules: BTreeSet<Rule> = last.rules.drain(..).chain(change.rules).collect();
            last.rules = rules.into_iter().collect();
            last.follows &= change.follows;
        }
        (merged, more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_change_in_two_images_is_one_and_files_are_bounded() {
        let mut changes = Changes::default();
        for image in ["b", "a"] {
            let detail = Detail { follows: image == "a", ..Detail::sides(None, Some("1".to_owned())) };
            changes.add(Matter::Package, How::New, "p".to_owned(), detail, &[image.to_owned()]);
        }
        for number in 0..FILES_MAX + 2 {
            changes.add(Matter::File, How::Gone, number.to_string(), Detail::default(), &[]);
        }
        let (list, more) = changes.finish();
        assert_eq!((list.len(), more), (FILES_MAX + 1, 2));
        assert_eq!(
            (list[0].images.as_slice(), list[0].follows),
            (&["a".to_owned(), "b".to_owned()][..], false)
        );
    }
}
