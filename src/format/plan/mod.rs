//! `plan.txt`: the contents of the bundle, and the location of every byte (docs/format.md, "plan.txt").
//!
//! The plan depends only on descriptors and options. Its SHA-256 is the bundle's id, which is known before any
//! payload is read. With the plan, each chunk can be built independently.

mod check;
mod dealing;
mod delta;
mod model;
mod origin;
mod text;

pub use delta::{BundleMark, Elsewhere};
pub use model::{Artifact, Carriage, Piece, Placed, Plan, PlannedBlob, PlannedOmission, PlannedReferrer};
pub use origin::Origin;
