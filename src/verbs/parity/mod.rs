//! Makes parity chunks for a bundle that is complete. They change neither its id nor any of its files.
//!
//! `design` decides how chunks are dealt into groups, `making` computes and writes one group.

mod amount;
mod design;
mod error;
mod making;
mod report;
mod request;

pub use amount::Amount;
pub use error::ParityError;
pub use report::{ParityFileReport, ParityReport};
pub use request::{ParityRequest, add_parity};
