//! Packs artifacts into a signed bundle of chunks, none larger than the limit.
//!
//! ```text
//! sources ─ gather → Gathered ─ place → Placement ─ Blueprint    prepare: the place of every byte
//!                                                       │
//! blobs ─ load ──────────────────────────────────── Sealer → chunks    load: data chunks
//!                                                       │
//!                                         control → control chunk, last    conclude
//! ```
//!
//! Each byte is read once, hashed once and written once, directly to its place; nothing is staged. (`room` has the one
//! exception, for small chunks in object stores.) An interrupted run
//! leaves finished chunks, and if a source is a registry, a hidden folder with unfinished ones. The next run reuses the
//! intact parts of both (`resume`).

mod base_error;
mod bases;
mod blueprint;
mod confirmation;
mod control;
mod error;
mod failure;
mod file_sums;
mod gather;
mod hand;
mod load;
mod loading;
mod moving;
mod packing;
mod part;
mod piecework;
mod place;
mod prepared;
mod probe;
mod report;
mod request;
mod resume;
mod room;
mod seal_queue;
mod sealer;
mod work_plan;

pub use base_error::BaseError;
pub(crate) use bases::mark;
pub use bases::{BaseRules, Bases};
pub use error::PackError;
pub use failure::ArtifactFailure;
pub use packing::{pack, plan};
pub use report::{AgainReport, ChunkReport, Outcome, PackReport, VolumeReport};
pub use request::{Expiry, PackRequest, Splitting, Wanted};

// For the program and the tests (docs/decisions/0073-the-library-is-what-it-shows.md).
#[doc(hidden)]
pub use self::{
    bases::confirmed,
    confirmation::Confirmation,
    part::Part,
    piecework::{PieceReport, Piecework, PlannedPiece, Sealing, WorkReport, pack_piece, plan_work, seal},
    work_plan::{PIECES_MAX, WORK_BYTES_MAX, WorkKey, WorkPlan},
};
