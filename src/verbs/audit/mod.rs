//! Tells what is in bundles, or in sources before they are packed, down to files and packages. Nothing is unpacked to disk,
//! run or fetched.

mod carried;
mod error;
mod finding;
mod report;
mod subjects;
mod survey;
mod tree;

pub use error::AuditError;
pub use finding::{Finding, Place, Rule, Severity, path_text};
pub use report::*;
pub use subjects::Subject;
pub use tree::{TreeReport, tree};
