//! `carnet missing`

use std::path::PathBuf;

use carnet::arrival::OpenRequest;
use carnet::medium::collect;
use carnet::missing::MissingReport;
use carnet::observe::Verb;
use clap::Args;
use schemars::{Schema, schema_for};

use crate::command::{Command, Context};
use crate::exit;
use crate::trouble::Trouble;
use crate::trust::TrustArgs;

/// Say which chunks to send again, in a line that a person can carry
#[derive(Args)]
#[command(after_help = "Prints nothing and exits 0 when nothing is missing. Without a trust file only \
    integrity is looked at.\n\nExample:\n  carnet missing /media/disc1 /media/disc2")]
pub(crate) struct Missing {
    /// Files and folders, in any mixture, under any names
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
}

impl Command for Missing {
    const VERB: Option<Verb> = Some(Verb::Missing);

    fn run(self, context: &Context<'_>) -> Result<u8, Trouble> {
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
