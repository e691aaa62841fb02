//! What stands for the results of pieces in the program that only verifies: it reads everything itself.

use carnet::arrival::OpenRequest;
use carnet::verify::{Remembered, VerifyReport, verify_remembering};
use clap::Args;

use super::command_error::CommandError;
use super::stores::Stores;

/// The options of `verify` for results: none.
#[derive(Args)]
pub(crate) struct ResultArgs {}

impl ResultArgs {
    /// Verifies.
    #[expect(clippy::unused_self, reason = "as in the full program")]
    pub(crate) fn verify(
        &self,
        request: &OpenRequest<'_>,
        remembered: Option<Remembered>,
        stores: &Stores<'_>,
    ) -> Result<VerifyReport, CommandError> {
        Ok(verify_remembering(request, remembered, stores.environment)?)
    }
}
