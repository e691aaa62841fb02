//! The damage that hashing found in the files of a bundle.

use std::collections::BTreeMap;

use crate::arrival::{Finding, Opened};

/// What is wrong with the payload of a bundle's files, by the index of the file in the bundle.
pub(super) type Damage = BTreeMap<usize, Vec<Finding>>;

/// Whether a file is good and none of its payload is damaged.
pub(super) fn is_intact(opened: &Opened, damage: Option<&Vec<Finding>>) -> bool {
    opened.body().is_some() && damage.is_none()
}
