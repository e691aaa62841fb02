//! What stands for recovery from parity in the program that only verifies: bundles are used as they arrived.

use clap::Args;

use super::bundle::{Attempt, Chosen, Opening, chunk_files};
use super::command_error::CommandError;

/// The options of the commands that would recover chunks: none.
#[derive(Args)]
pub(crate) struct RecoveryArgs {}

impl Opening<'_> {
    /// Opens one bundle, judges it by what is remembered of its stream, and works on it.
    pub(crate) fn with_repair<T>(
        &self,
        _: &RecoveryArgs,
        mut work: impl FnMut(Chosen<'_>) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let opened = self.open(&chunk_files(self.places, self.stores)?)?;
        work(self.choose(&opened, Attempt::Last)?)
    }
}
