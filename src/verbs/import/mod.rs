//! Imports a released bundle: pushes it into a registry, directly from the chunk files.
//!
//! Names, existing tags and existing content are checked before anything is sent. Then the blobs are pushed, the
//! manifests and indexes (children first), their referrers, and last the tags: a tag never points at an incomplete
//! artifact.

mod blob_feed;
mod delivery;
mod error;
mod graph;
mod importing;
mod mounting;
mod naming;
mod progress;
mod push_plan;
mod pushing;
mod receipt;
mod referrers;
mod report;
mod request;
mod run;
mod tags;

pub use error::{ImportError, TagConflict};
pub use importing::import;
pub use naming::{RenameError, RenameRule};
pub use report::{DeliveryReport, ImportReport, Outcome, Problem, RemovedReferrer, Traffic};
pub use request::{ImportRequest, Sending, Stopped, TagPolicy};

// For the program and the tests (docs/decisions/0073-the-library-is-what-it-shows.md).
#[doc(hidden)]
pub use self::{
    importing::{import_piece, push_nondistributable},
    receipt::{Receipt, ReceiptFiles},
    report::ImportedPiece,
};
