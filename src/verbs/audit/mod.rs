//! Tells what is in bundles, or in sources before they are packed, down to files and packages. Nothing is unpacked to disk,
//! run or fetched.

mod finding;
mod report;

pub use finding::{Finding, Place, Rule, Severity, path_text};
pub use report::*;
