//! Parity groups: computing parity, finding what is lost, and computing it again (docs/format.md, "Parity").
//!
//! A *shard* is the sealed part of a chunk, a *row* one stripe of every shard. A few rows are a `Band`, which is
//! in memory at one time.
//!
//! ```text
//! make    shards ─ Band ─ RowEncoder → parity files
//! repair  files that arrived ─ groups → GroupFiles ─ survey → Survey ─ rebuild → chunks, or Patch → blocks ─ prove → files
//! ```

#[cfg(feature = "full")]
pub(crate) mod band;
#[cfg(feature = "full")]
pub(crate) mod code;
#[cfg(feature = "full")]
mod decode;
mod group_files;
#[cfg(feature = "full")]
mod patch;
#[cfg(feature = "full")]
pub(crate) mod proof;
#[cfg(feature = "full")]
mod rebuild;
#[cfg(feature = "full")]
mod restore;
#[cfg(feature = "full")]
pub(crate) mod rows;
#[cfg(feature = "full")]
pub(crate) mod slice_sums;
#[cfg(feature = "full")]
mod solve;
mod survey;

pub(crate) use group_files::groups;
pub(crate) use survey::{Knowledge, Survey, survey};

#[cfg(feature = "full")]
pub use rebuild::RebuildError;
#[cfg(feature = "full")]
pub(crate) use restore::{Restored, Restoring};
