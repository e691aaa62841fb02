//! `carnet sign`

use std::path::PathBuf;

use carnet::medium::collect;
use carnet::observe::Verb;
use carnet::sign::SignReport;
use clap::Args;
use schemars::{Schema, schema_for};

use crate::command::{Command, Context};
use crate::exit;
use crate::keys::KeyArgs;
use crate::plain::plain;
use crate::tables::{artifacts, omissions};
use crate::trouble::Trouble;

/// Release a bundle: add a signature to its control chunk, changing nothing else
#[derive(Args)]
#[command(after_help = "Inspect a bundle before you release it. Examples:\n  \
    carnet inspect out --trust trust.toml\n  carnet sign out --key alice.key.pem")]
pub(crate) struct Sign {
    /// The control chunk, or folders with it
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    key: KeyArgs,
}

impl Command for Sign {
    const VERB: Option<Verb> = Some(Verb::Sign);

    fn run(self, context: &Context<'_>) -> Result<u8, Trouble> {
        let key = self.key.load(context.screen)?;
        let report = carnet::sign::sign(&collect(&self.paths)?, &key, &context.environment)?;
        context.screen.report(&report, || text(&report));
        Ok(exit::DONE)
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("sign", schema_for!(SignReport))]
    }
}

fn text(report: &SignReport) -> String {
    let mut out = String::new();
    for bundle in &report.bundles {
        let done = if bundle.already_signed { "was signed by this key before" } else { "signed" };
        out += &format!("bundle {} {done}: {} artifact(s)\n", bundle.crossing.name, bundle.artifacts.len());
        out += &format!("id     {}\nkey    {}\n", bundle.bundle, bundle.key);
        out += &format!("file   {} ({} signature(s) now)\n", plain(&bundle.file), bundle.signatures);
        out += &artifacts(&bundle.artifacts);
        out += &omissions(&bundle.omitted);
    }
    out
}
