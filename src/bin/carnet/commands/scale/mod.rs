//! `carnet plan`, `carnet pack-piece` and `carnet seal`: packing by several processes.

mod jobs;
pub(super) mod pack_piece;
pub(super) mod plan;
pub(super) mod seal;
