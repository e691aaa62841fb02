//! `carnet seal`: ends a bundle whose pieces are packed.

use carnet::medium::ChunkPlace;
use carnet::observe::Verb;
use carnet::pack::{PackReport, Piecework, Sealing, seal};
use clap::Args;
use schemars::{Schema, schema_for};

use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::commands::pack::show;
use crate::exit;
use crate::keys::ChunkKeyArgs;
use crate::plain::plain_path;
use crate::screen::say;
use crate::work_folder::WorkArgs;

/// Seal a bundle whose pieces are packed: check and sign its chunks, and write the control chunk last
#[derive(Args)]
#[command(
    after_help = "Exit code 4 if pieces are missing. The message names them as `sbatch --array=` takes them.\n\n\
    Examples:\n  \
    carnet seal --plan /shared/out/mirror.plan --key station.key.pem\n  \
    carnet seal --plan /shared/out/mirror.plan --key station.key.pem --verify"
)]
pub(crate) struct Seal {
    #[command(flatten)]
    work: WorkArgs,
    #[command(flatten)]
    key: ChunkKeyArgs,
    /// Also read all chunks and check their content, if the machines that packed them are not trusted
    #[arg(long)]
    verify: bool,
}

impl Command for Seal {
    const VERB: Option<Verb> = Some(Verb::Pack);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let environment = &context.environment;
        let key = self.key.load(context)?;
        let work = self.work.read(environment)?;
        let store = self.work.store(environment)?;
        let piecework = Piecework {
            work: &work,
            sources: self.work.open_sources(&work, environment)?,
            store: store.as_ref(),
        };
        let sealing = if self.verify { Sealing::OfEverything } else { Sealing::OfHeads };
        let report = seal(&piecework, key.as_ref(), sealing, environment)?;
        let place = match self.work.place() {
            ChunkPlace::Path(path) => ChunkPlace::Path(path.parent().unwrap_or(path).to_owned()),
            ChunkPlace::Store(_) => self.work.chunks()?,
        };
        show::show(&report, &place, context.screen);
        if !context.screen.json && !context.screen.quiet {
            say(&match self.work.place() {
                ChunkPlace::Path(path) => {
                    format!("the plan is not needed any more: rm -r {}", plain_path(path))
                }
                ChunkPlace::Store(location) => {
                    format!("the plan is not needed any more: delete the objects in {location}")
                }
            });
        }
        Ok(exit::DONE)
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("seal", schema_for!(PackReport))]
    }
}
