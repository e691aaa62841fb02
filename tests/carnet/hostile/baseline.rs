//! The forgery of these tests works: a bundle that was taken apart and sealed again unchanged is accepted.

use super::support::forge::Forged;
use super::support::run::{Expect, deliver};
use super::support::{named, packed};

#[test]
fn an_unchanged_bundle_is_accepted() {
    deliver("as packed", &named(&packed().chunks), Expect::Complete);
}

#[test]
fn a_bundle_resealed_without_changes_is_identical() {
    assert_eq!(Forged::new().seal(), packed().chunks);
}
