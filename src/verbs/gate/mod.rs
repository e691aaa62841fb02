//! What content must pass before it moves: the files of rules that an operator names, and the audit by them.
//!
//! What moves bytes looks into none of them, so this is a step of its own: the content is audited, and only then packed or
//! imported, or not.

mod error;
mod passing;
mod rule_files;
mod stamp;

pub use error::{GateError, RuleFileError};
pub use passing::{Moving, judged};
pub use rule_files::{RuleFiles, Rules};
