//! What stands for QR codes in the program that only verifies: it writes requests as text.

use std::path::Path;

use carnet::format::resend::ResendRequest;
use clap::Args;

use super::command_error::CommandError;
use super::screen::Screen;

/// The options for codes: none.
#[derive(Args)]
pub(crate) struct CodeArgs {}

#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as in the full program")]
impl CodeArgs {
    /// No codes.
    pub(crate) fn drawn(&self, _: &[&ResendRequest], _: &Screen) -> Result<String, CommandError> {
        Ok(String::new())
    }

    /// No file.
    pub(crate) fn file(&self) -> Option<&Path> {
        None
    }

    /// Writes nothing.
    pub(crate) fn write(&self, _: &[&ResendRequest]) -> Result<(), CommandError> {
        Ok(())
    }
}
