//! Foresees what a guard will count in chunk files, before a transfer is tried. It needs no keys: a guard has none either.

mod counting;
mod report;

pub use counting::{ForecastError, ForecastRequest, ProfileFile, forecast};
pub use report::{GuardReport, GuardedFile};
