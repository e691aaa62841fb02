//! Packing: artifacts become a signed bundle of chunks no larger than the limit.
//!
//! ```text
//! sources ─ gather → Cargo ─ place → Placement ─ Blueprint       prepare: where every byte goes
//!                                                   │
//! blobs ─ load ──────────────────────────────── Sealer → chunks   load: data chunk by data chunk
//!                                                   │
//!                                          control → control chunk, the last    conclude
//! ```
//!
//! Each byte is read once, hashed once and written once, straight to its place; nothing is staged. An
//! interrupted run leaves finished chunks, and from a registry a hidden folder with unfinished ones; the next run
//! keeps what is whole of both (`resume`).

mod blueprint;
mod control;
mod error;
mod failure;
mod file_sums;
mod gather;
mod load;
mod loading;
mod moving;
mod packing;
mod place;
mod probe;
mod report;
mod request;
mod resume;
mod sealer;

pub use error::PackError;
pub use failure::ArtifactFailure;
pub use packing::{pack, plan};
pub use report::{ChunkReport, Outcome, PackReport};
pub use request::{Expiry, PackRequest, Splitting, Wanted};
