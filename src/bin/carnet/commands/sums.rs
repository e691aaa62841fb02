//! `carnet sums`: prints coreutils sums of the chunk files.

use carnet::medium::ChunkPlace;
use carnet::observe::Verb;
use carnet::sums::{SumFunction, SumsReport};
use clap::Args;

use crate::bundle::chunk_files;
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context, documents};
use crate::command_error::CommandError;
use crate::exit;
use crate::stores::{SUMMED, StoreArgs};

/// Print coreutils sums of the chunk files, for guards and transfer forms
#[derive(Args)]
#[command(
    after_help = "Examples:\n  carnet sums out --sha256 > sums.txt && (cd out && sha256sum -c ../sums.txt)\n  \
    carnet sums out --sha256 --md5 --json"
)]
pub(crate) struct Sums {
    #[arg(value_name = "PLACE", help = SUMMED, required = true, value_parser = chunk_place())]
    places: Vec<ChunkPlace>,
    /// Print SHA-256 sums, as sha256sum does (the default)
    #[arg(long)]
    sha256: bool,
    /// Print MD5 sums, as md5sum does
    #[arg(long)]
    md5: bool,
    #[command(flatten)]
    stores: StoreArgs,
}

impl Command for Sums {
    const VERB: Option<Verb> = Some(Verb::Sums);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let stores = self.stores.open(&context.environment);
        let mut functions = Vec::new();
        if self.sha256 || !self.md5 {
            functions.push(SumFunction::Sha256);
        }
        if self.md5 {
            functions.push(SumFunction::Md5);
        }
        let report =
            carnet::sums::sums(&chunk_files(&self.places, &stores)?, &functions, &context.environment)?;
        // The lines are in the format of coreutils, which has its own escaping of file names.
        let lines = || functions.iter().map(|&function| report.lines(function)).collect();
        context.screen.answer(&report, lines);
        Ok(exit::DONE)
    }

    documents!["sums": SumsReport];
}
