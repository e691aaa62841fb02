//! Parity groups: computing parity, finding what is lost, and computing it again (docs/format.md, "Parity").
//!
//! A *shard* is the sealed part of a chunk, a *row* one stripe of every shard. A few rows are a `Band`, which is
//! in memory at one time.
//!
//! ```text
//! make    shards ─ Band ─ RowEncoder → parity files
//! repair  files that arrived ─ groups → GroupFiles ─ survey → Survey ─ rebuild → chunks, or Patch → blocks ─ prove → files
//! ```

pub(crate) mod band;
pub(crate) mod code;
mod decode;
mod group_files;
mod patch;
pub(crate) mod proof;
mod rebuild;
mod restore;
pub(crate) mod rows;
pub(crate) mod slice_sums;
mod solve;
mod survey;

pub(crate) use group_files::groups;
pub use rebuild::RebuildError;
pub(crate) use restore::{Restored, Restoring};
pub(crate) use survey::{Knowledge, Survey, survey};
