//! `carnet inspect`: arguments and run. `show` renders the report.

mod show;

use carnet::arrival::OpenRequest;
use carnet::inspect::InspectReport;
use carnet::medium::ChunkPlace;
use carnet::observe::Verb;
use clap::Args;

use crate::bundle::chunk_files;
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context, documents};
use crate::command_error::CommandError;
use crate::exit;
use crate::stores::{PLACES, StoreArgs};
use crate::trust::TrustArgs;

/// Show what a bundle holds, without unpacking it
#[derive(Args)]
#[command(after_help = "The control chunk (NAME_00000.tar) is enough. -v lists every blob.\n\n\
    Examples:\n  carnet inspect out --pub station.pub.pem\n  carnet inspect out/release42_00000.tar")]
pub(crate) struct Inspect {
    #[arg(value_name = "PLACE", help = PLACES, required = true, value_parser = chunk_place())]
    places: Vec<ChunkPlace>,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    stores: StoreArgs,
}

impl Command for Inspect {
    const VERB: Option<Verb> = Some(Verb::Inspect);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let stores = self.stores.open(&context.environment);
        let policy = self.trust.policy()?;
        let request = OpenRequest { files: &chunk_files(&self.places, &stores)?, policy: policy.as_ref() };
        let report = carnet::inspect::inspect(&request, &context.environment)?;
        context.screen.answer(&report, || show::text(&report, context.screen));
        Ok(if report.unknown.iter().any(|bundle| bundle.untrusted) {
            exit::UNTRUSTED
        } else if report.unknown.iter().any(|bundle| bundle.unreadable) {
            exit::FAILED
        } else if report.unknown.is_empty() {
            exit::DONE
        } else {
            exit::DAMAGED
        })
    }

    documents!["inspect": InspectReport];
}
