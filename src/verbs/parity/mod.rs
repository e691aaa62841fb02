//! Makes parity chunks for a bundle that is complete. They change neither its id nor any of its files.
//!
//! `design` decides how chunks are dealt into groups, `making` makes the files of one group, and
//! `computing` does the work on its rows.

mod amount;
mod computing;
mod design;
mod error;
mod making;
mod report;
mod request;

pub use amount::Amount;
pub use error::ParityError;
pub use report::{ParityFileReport, ParityReport};
pub use request::{ParityRequest, add_parity};
