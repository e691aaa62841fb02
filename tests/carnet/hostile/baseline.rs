//! That the forgery of these tests is good: what is forged without a lie is accepted.

use super::support::forge::Forged;
use super::support::run::{Expect, deliver};
use super::support::{named, packed};

#[test]
fn what_was_packed_is_accepted() {
    deliver("as packed", &named(&packed().chunks), Expect::Complete);
}

#[test]
fn a_bundle_resealed_without_a_lie_is_the_same() {
    assert_eq!(Forged::new().seal(), packed().chunks);
}
