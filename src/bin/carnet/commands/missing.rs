//! `carnet missing`: lists the chunks to send again.

use std::path::PathBuf;

use carnet::arrival::OpenRequest;
use carnet::medium::collect;
use carnet::missing::MissingReport;
use carnet::observe::Verb;
use clap::Args;
use schemars::{Schema, schema_for};

use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;
use crate::trust::TrustArgs;

/// List the chunks to send again, in one short line per bundle
#[derive(Args)]
#[command(
    after_help = "If no chunk is missing, it prints nothing and exits with 0. Without --trust or --pub\n\
    it checks integrity only.\n\nExample:\n  carnet missing /media/disc1 /media/disc2"
)]
pub(crate) struct Missing {
    /// Chunk files, or folders that hold them; file names do not matter
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
}

impl Command for Missing {
    const VERB: Option<Verb> = Some(Verb::Missing);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let policy = self.trust.policy()?;
        let request = OpenRequest { files: &collect(&self.paths)?, policy: policy.as_ref() };
        let report = carnet::missing::missing(&request, &context.environment)?;
        let text = || report.bundles.iter().map(|bundle| format!("{bundle}\n")).collect();
        context.screen.answer(&report, text);
        Ok(if report.bundles.is_empty() { exit::DONE } else { exit::DAMAGED })
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("missing", schema_for!(MissingReport))]
    }
}
