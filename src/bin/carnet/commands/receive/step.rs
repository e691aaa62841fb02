//! The step that `carnet receive` runs for each bundle.

use std::ffi::OsString;

use carnet::artifacts::{DestinationSpec, RegistryDestination};
use carnet::diagnosis::Code;

use crate::command_error::CommandError;
use crate::plain::plain;

/// What is done with a bundle after it was verified.
pub(super) enum Step {
    /// Nothing more.
    Verify,
    /// It is unpacked.
    Unpack(DestinationSpec),
    /// It is pushed into a registry.
    Import(RegistryDestination),
}

impl Step {
    /// Reads the words after `--then`.
    pub(super) fn parse(words: &[OsString]) -> Result<Step, CommandError> {
        let wrong = |message: String| CommandError::new(Code::BadPlace, message);
        let Some((verb, destination)) = words.split_first() else { return Ok(Step::Verify) };
        match (verb.to_str(), destination) {
            (Some("verify"), []) => Ok(Step::Verify),
            (Some("unpack"), [destination]) => Ok(Step::Unpack(destination.as_os_str().try_into()?)),
            (Some("import"), [destination]) => {
                let text = destination.to_str();
                let text =
                    text.ok_or_else(|| wrong("the destination of an import is not UTF-8".to_owned()))?;
                Ok(Step::Import(text.parse()?))
            }
            (Some("unpack" | "import"), _) => {
                Err(wrong(format!("after {} comes one destination", plain(&verb.to_string_lossy()))))
            }
            _ => Err(wrong(format!(
                "expected verify, unpack DEST or import DEST, found {}",
                plain(&words.join(std::ffi::OsStr::new(" ")).to_string_lossy())
            ))),
        }
    }
}
