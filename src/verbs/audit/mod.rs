//! Tells what is in bundles, or in sources before they are packed, down to files and packages. Nothing is unpacked to disk,
//! run or fetched.
//!
//! ```text
//! survey → read each layer once → merge the layers of each image → compare → report
//! ```

mod attached;
mod auditing;
mod bounded;
pub mod browse;
mod budget;
mod captured;
mod carried;
mod contents_table;
mod coverage;
mod descriptors;
mod error;
mod finding;
mod foreseen;
mod gathered;
mod image;
mod image_facts;
mod image_lists;
mod judging;
mod known_flaws;
mod layer_facts;
mod nested;
mod proving;
mod read_layer;
mod read_options;
mod reading;
mod report;
mod request;
mod searching;
mod second_look;
mod signatures;
mod subjects;
mod survey;
mod suspects;
mod tree;
mod vex_files;

pub use auditing::{Audited, audit};
pub use error::AuditError;
pub use finding::{Finding, Place, Rule, Severity, path_text};
pub use judging::{IgnoreFile, PolicyFile, PolicyRules};
pub use report::*;
pub use request::{AuditRequest, DEPTH_MAX, layer_limits};
pub use signatures::CargoKeyFiles;
pub use subjects::{Offered, Subject};
pub use tree::{TreeReport, tree};
pub use vex_files::VexFiles;
