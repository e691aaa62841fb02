//! `carnet runs show`: shows the record of a run.

use carnet::diagnosis::Code;
use carnet::runs::{Ledger, SignatureCheck, TransferRecord};
use clap::Args;

use super::keys;
use crate::command::Context;
use crate::command_error::CommandError;
use crate::commands::station;
use crate::exit;
use crate::screen::say;
use crate::state_args::StateArgs;
use crate::transfer_record::Form;
use crate::trust::TrustArgs;

/// Show the record of a run
#[derive(Args)]
#[command(after_help = "Examples:\n  carnet runs show 20261126T120000Z-0000-mirror --json\n  \
    carnet runs show 20261126T120000Z-0000-mirror --transfer-record --pub station.pub.pem > transfer.txt")]
pub(super) struct Show {
    /// The name of the run
    #[arg(value_name = "RUN")]
    run: String,
    /// Print the transfer record to file: what a security officer needs, with lines for two people to sign
    #[arg(long)]
    transfer_record: bool,
    /// The form of the transfer record
    #[arg(long, value_enum, default_value_t = Form::Text, requires = "transfer_record")]
    format: Form,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    state: StateArgs,
}

impl Show {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        if self.transfer_record {
            return self.transfer_record(context);
        }
        let record = Ledger::record(&self.state.folder(), &self.run)?;
        context.screen.answer(&record, || station::text(&record));
        Ok(exit::DONE)
    }

    fn transfer_record(&self, context: &Context<'_>) -> Result<u8, CommandError> {
        let record = TransferRecord::of(&self.state.folder(), &self.run, &keys(&self.trust)?)?;
        match self.format {
            Form::Json => context.screen.document(&record),
            form => context.screen.answer(&record, || form.render(&record)),
        }
        if record.chain.as_ref().is_some_and(|chain| chain.signature == SignatureCheck::Wrong) {
            let code = Code::RunUnsigned;
            say(&format!("error[{code}]: none of the keys signed the run {}", self.run));
            return Ok(exit::code(code.failure()));
        }
        Ok(exit::DONE)
    }
}
