//! `carnet missing`: lists the chunks to send again.

use carnet::arrival::OpenRequest;
use carnet::diagnosis::{Code, count};
use carnet::medium::ChunkPlace;
use carnet::missing::{ExpiredBundle, MissingBundle, MissingReport};
use carnet::observe::Verb;
use carnet::verify::UnreadableChunk;
use clap::Args;
use schemars::{Schema, schema_for};

use crate::advice;
use crate::bundle::chunk_files;
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;
use crate::screen::say;
use crate::stores::StoreArgs;
use crate::trust::TrustArgs;

/// List the chunks to send again, in one short line per bundle
#[derive(Args)]
#[command(
    after_help = "If no chunk is missing, it prints nothing and exits with 0. Without --trust or --pub\n\
    it checks integrity only.\n\nExample:\n  carnet missing /media/disc1 /media/disc2"
)]
pub(crate) struct Missing {
    /// Chunk files, or folders or places in object stores that hold them; file names do not matter
    #[arg(value_name = "PLACE", required = true, value_parser = chunk_place())]
    places: Vec<ChunkPlace>,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    stores: StoreArgs,
}

impl Command for Missing {
    const VERB: Option<Verb> = Some(Verb::Missing);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let stores = self.stores.open(&context.environment);
        let policy = self.trust.policy()?;
        let request = OpenRequest { files: &chunk_files(&self.places, &stores)?, policy: policy.as_ref() };
        let report = carnet::missing::missing(&request, &context.environment)?;
        let to_send = report.bundles.iter().filter(|bundle| !bundle.missing.is_empty());
        context.screen.answer(&report, || to_send.map(|bundle| format!("{bundle}\n")).collect());
        say_failures(&report);
        Ok(report.failure().map_or(exit::DONE, exit::code))
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("missing", schema_for!(MissingReport))]
    }
}

/// Prints one line to stderr for each failure, so that a log without the report has it.
fn say_failures(report: &MissingReport) {
    for ExpiredBundle { name, bundle, expired } in &report.expired {
        let code = Code::BundleExpired;
        say(&format!("error[{code}]: bundle {name} ({bundle}) expired at {expired}: nothing to send again"));
    }
    for MissingBundle { name, bundle, chunks, missing, .. } in &report.bundles {
        if !missing.is_empty() {
            let (code, all) = (Code::BundleIncomplete, count((*chunks).into(), "chunk", "chunks"));
            let missing = missing.len();
            say(&format!("error[{code}]: bundle {name} ({bundle}): {missing} of {all} to send again"));
        }
    }
    let code = Code::ChunkUnreadable;
    let chunks = report.bundles.iter().flat_map(|bundle| &bundle.unreadable);
    for UnreadableChunk { number, file, reason } in chunks.clone() {
        say(&format!("error[{code}]: chunk {number} arrived, but cannot be read: {file}: {reason}"));
    }
    for file in &report.unreadable {
        let problem = file.problems.first().map_or_else(String::new, ToString::to_string);
        say(&format!("error[{code}]: {} may be a chunk, but {problem}", file.file));
    }
    if chunks.count() + report.unreadable.len() > 0 {
        say(&format!("  hint: {}", advice::next_step(code)));
    }
}
