//! Transfers between blobs and chunks. All threads of the library are started here.
//!
//! A [`flow::Flow`] is the transfer of one blob, and [`digests::Digests`] are its hashes. [`pump::pump`] moves many
//! flows at once and passes their blocks to [`hash`] together.

#[doc(hidden)]
pub mod ahead;
#[doc(hidden)]
pub mod buffer;
#[cfg(feature = "full")]
pub(crate) mod checked;
#[doc(hidden)]
pub mod digesting;
#[doc(hidden)]
pub mod digests;
#[doc(hidden)]
pub mod flow;
pub mod hash;
#[doc(hidden)]
pub mod pump;
#[doc(hidden)]
pub mod segments;
#[cfg(feature = "full")]
pub(crate) mod share;
pub(crate) mod strong_sums;
#[doc(hidden)]
pub mod transfers;
pub mod workers;
