//! Transfers between blobs and chunks. All threads of the library are started here.
//!
//! A [`flow::Flow`] is the transfer of one blob, and [`digests::Digests`] are its hashes. [`pump::pump`] moves many
//! flows at once and passes their blocks to [`hash`] together.

pub mod ahead;
pub mod buffer;
pub mod digesting;
pub mod digests;
pub mod flow;
pub mod hash;
pub mod pump;
pub mod segments;
#[cfg(feature = "full")]
pub(crate) mod share;
pub mod transfers;
pub mod workers;
