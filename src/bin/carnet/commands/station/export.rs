//! `carnet station export`: one run of an export pipeline.

use carnet::artifacts::SourceSpec;
use carnet::format::BundleName;
use carnet::observe::Verb;
use carnet::station::{ExportRequest, export};
use clap::Args;

use super::{no_such_pipeline, show, watched};
use crate::args::place;
use crate::command::Context;
use crate::command_error::CommandError;
use crate::fields::FieldArgs;
use crate::log_lines::LogLines;
use crate::progress::Progress;
use crate::station_args::StationArgs;

/// Run an export pipeline once
#[derive(Args)]
#[command(
    after_help = "If nothing has changed since the last run, the run is skipped, unless --force is given.\n\n\
    Examples:\n  carnet station export release\n  \
    carnet station export release docker://low.example/team/app:1.0 --name app"
)]
pub(super) struct Export {
    /// The pipeline
    #[arg(value_name = "NAME")]
    pipeline: String,
    /// Pack these artifacts instead of those of the pipeline
    #[arg(value_name = "ARTIFACT", value_parser = place::<SourceSpec>())]
    artifacts: Vec<SourceSpec>,
    /// The name of the bundle [default: that of the pipeline and the number of the run]
    #[arg(long, value_name = "NAME")]
    name: Option<BundleName>,
    /// Pack again even if nothing has changed
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    args: StationArgs,
}

impl Export {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let screen = context.screen;
        let loaded = self.args.load(&context.environment)?;
        let pipeline = loaded.station.export_pipeline(&self.pipeline);
        let pipeline = pipeline.ok_or_else(|| no_such_pipeline(&self.pipeline))?;
        let (ledger, signers) = (loaded.ledger(context)?, loaded.signers(context)?);
        let request = ExportRequest {
            artifacts: self.artifacts,
            name: self.name,
            force: self.force,
            fields: self.fields.fields()?,
            schedule: None,
        };
        let log = LogLines::by_hand(screen.json);
        let signer = &signers[&pipeline.name];
        let progress = Progress::new(screen);
        let environment = watched(context, loaded.equipment.clock.as_ref(), &progress, Verb::Pack);
        let record = export(pipeline, &request, &loaded.equipment, &ledger, signer, &environment, &log)?;
        Ok(show(&record, screen))
    }
}
