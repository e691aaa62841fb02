//! Files of chained lines: each line names the sum of the line before it, so one that was changed, removed or moved shows.
//! And the locks of the folders with such files.
//!
//! What a line says is left to others: [`crate::runs`] signs its lines, [`crate::logbook`] does not.

mod error;
mod file;
mod lines;
mod lock;

pub use error::ChainError;
pub use file::Chain;
pub use lines::Lines;
pub use lock::HeldLock;

/// What stands for the line before the first one.
pub const NOTHING_BEFORE: &str = "0000000000000000000000000000000000000000000000000000000000000000";
