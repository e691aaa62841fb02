//! `carnet plan`, `carnet pack-piece` and `carnet seal`: packing by several processes. `carnet verify-piece`: verifying by several.

mod jobs;
pub(super) mod pack_piece;
pub(super) mod plan;
pub(super) mod seal;
pub(super) mod verify_piece;
