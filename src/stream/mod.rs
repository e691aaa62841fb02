//! Bytes on their way between blobs and chunks. The only threads of the program are here.
//!
//! A [`pump::Flow`] is one blob on its way; [`pump::pump`] moves many at once and hands their blocks to
//! [`hash`] together.

pub mod ahead;
pub mod buffer;
pub mod digesting;
pub mod hash;
pub mod pump;
pub mod segments;
pub mod transfers;
