//! Bytes on their way between blobs and chunks. The only threads of the program are here.
//!
//! A [`flow::Flow`] is one blob on its way, and [`digests::Digests`] what is computed of it; [`pump::pump`] moves
//! many at once and hands their blocks to [`hash`] together.

pub mod ahead;
pub mod buffer;
pub mod digesting;
pub mod digests;
pub mod flow;
pub mod hash;
pub mod pump;
pub mod segments;
pub mod transfers;
pub mod workers;
