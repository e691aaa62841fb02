//! Verifies bundles: reaches a verdict on every file and on every bundle. It only reads, and works the same on both
//! sides of the air gap.
//!
//! `verifying` hashes what [`crate::arrival::open()`] has not hashed yet; `report` turns what was found into a verdict for
//! each file and each bundle, and `protection` says what its parity files allow. `piece` does one of several parts of the work, and
//! leaves its result; `joined` reaches the verdict from the results of all.

mod damage;
#[cfg(feature = "full")]
mod joined;
#[cfg(feature = "full")]
mod piece;
#[cfg(feature = "full")]
mod piece_result;
mod protection;
mod report;
mod run;
mod verifying;
mod volumes;

pub use protection::{GroupReport, ProtectionReport};
pub use report::{
    BundleReport, BundleVerdict, ChunkVerdict, FileReport, ReleaseReport, UnreadableChunk, VerifyReport,
};
pub use verifying::verify;
pub use volumes::LackingVolume;

// For the program and the tests (docs/decisions/0073-the-library-is-what-it-shows.md).
#[cfg(feature = "full")]
#[doc(hidden)]
pub use self::{
    joined::{JoinError, verify_joined},
    piece::{BundlePiece, PieceError, PieceReport, verify_piece},
    piece_result::{PieceResult, RESULT_BYTES_MAX, ResultMalformed},
};
#[doc(hidden)]
pub use verifying::{Remembered, verify_remembering};
