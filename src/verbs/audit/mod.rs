//! Tells what is in bundles, or in sources before they are packed, down to files and packages. Nothing is unpacked to disk,
//! run or fetched.
//!
//! ```text
//! survey → read each layer once → merge the layers of each image → compare → report
//! ```

mod attached;
mod auditing;
pub mod browse;
mod budget;
mod captured;
mod carried;
mod coverage;
mod error;
mod finding;
mod gathered;
mod image;
mod image_facts;
mod judging;
mod known_flaws;
mod layer_facts;
mod reading;
mod report;
mod request;
mod subjects;
mod survey;
mod tree;

pub use auditing::{Audited, audit};
pub use error::AuditError;
pub use finding::{Finding, Place, Rule, Severity, path_text};
pub use judging::{IgnoreFile, PolicyFile};
pub use report::*;
pub use request::{AuditRequest, layer_limits};
pub use subjects::{Offered, Subject};
pub use tree::{TreeReport, tree};
