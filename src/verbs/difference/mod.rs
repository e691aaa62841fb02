//! Tells what differs between two sets of artifacts: the last bundle and this one, a bundle and a registry, two images.
//!
//! ```text
//! pair the artifacts → audit both sides, keeping file lists packed → compare each pair → say what follows from what
//! ```
//!
//! Both sides are audited as always; this compares what the audits say.

mod attached;
mod changes;
mod comparing;
mod entry;
mod files;
mod findings;
mod join;
mod packages;
mod packed;
mod pairing;
mod report;
mod settings;

pub use comparing::{Differed, difference};
pub use report::{Change, DifferenceReport, How, Matter, Side};
