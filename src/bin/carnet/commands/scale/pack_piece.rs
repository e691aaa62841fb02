//! `carnet pack-piece`: packs a piece of a plan.

use carnet::diagnosis::count;
use carnet::observe::Verb;
use carnet::pack::{Outcome, PieceReport, Piecework, pack_piece};
use carnet::trust::KeyPlace;
use clap::Args;
use schemars::{Schema, schema_for};

use crate::byte_count::HumanBytes;
use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;
use crate::keys::{KeyAccess, SecondKey, key_place};
use crate::work_folder::WorkArgs;

/// Pack a piece of a plan that `carnet plan` made
#[derive(Args)]
#[command(
    after_help = "Run it again after a failure: what is finished is kept. Two processes may pack the same piece.\n\n\
    Examples:\n  \
    carnet pack-piece --plan /shared/out/mirror.plan --piece 3 --key station.key.pem\n  \
    carnet pack-piece --plan /shared/out/mirror.plan --piece \"$SLURM_ARRAY_TASK_ID\" --unsigned"
)]
pub(crate) struct PackPiece {
    #[command(flatten)]
    work: WorkArgs,
    /// The number of the piece, from 0
    #[arg(long, value_name = "K")]
    piece: u32,
    /// The private key to sign with: a file, ssh-agent:COMMENT, ssh-agent:FINGERPRINT, or pkcs11:… for a token
    #[arg(long, value_name = "KEY", value_parser = key_place(), required_unless_present = "unsigned")]
    key: Option<KeyPlace>,
    #[command(flatten)]
    access: KeyAccess,
    #[command(flatten)]
    second: SecondKey,
    /// Leave the chunks to be signed by `carnet seal`, for keys that may not leave their station. The files end with .unsigned
    #[arg(long, conflicts_with = "key")]
    unsigned: bool,
}

impl Command for PackPiece {
    const VERB: Option<Verb> = Some(Verb::Pack);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let environment = &context.environment;
        let key = match &self.key {
            Some(place) => Some(self.second.beside(self.access.load(place, context)?, context)?),
            None => None,
        };
        let work = self.work.read(environment)?;
        let store = self.work.store(environment)?;
        let piecework = Piecework {
            work: &work,
            sources: self.work.open_sources(&work, environment)?,
            store: store.as_ref(),
        };
        let report = pack_piece(&piecework, self.piece, key.as_deref(), environment)?;
        context.screen.report(&report, || text(&report));
        Ok(exit::DONE)
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("pack-piece", schema_for!(PieceReport))]
    }
}

fn text(report: &PieceReport) -> String {
    let outcome = match report.outcome {
        Outcome::Unchanged => "was packed already",
        _ if report.signed => "packed",
        _ => "packed, not signed",
    };
    let bytes = report.chunks.iter().map(|chunk| chunk.bytes).sum();
    format!(
        "piece {} of {} {outcome}: {}, {}\n",
        report.piece,
        report.pieces,
        count(report.chunks.len() as u64, "chunk", "chunks"),
        HumanBytes(bytes)
    )
}
