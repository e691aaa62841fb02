//! `carnet guard`: what a guard will count in chunk files.

use std::path::PathBuf;

use carnet::forecast::{ForecastRequest, GuardReport, forecast};
use carnet::medium::ChunkPlace;
use carnet::observe::Verb;
use clap::{Args, ValueEnum};
use schemars::{Schema, schema_for};

use crate::bundle::chunk_files;
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;
use crate::guard_profile::guard_profile;
use crate::outputs::{Output, output, outputs};
use crate::plain::plain_json;
use crate::render::guard_text::guard_text;
use crate::stores::StoreArgs;

/// Tell what a guard between two networks will count in the chunk files, before they are sent
#[derive(Args)]
#[command(
    after_help = "No keys are needed, and nothing is written. Each chunk file is opened as the guard opens it: archives\n\
    in it, and archives in these. The profile is an Azure FlowProfile (JSON) or carnet's own form (TOML).\n\n\
    FORMAT is text (the default) or json.\n\n\
    Exit codes: 0 every chunk file is within the limits, 4 not all was opened that the guard may open, 5 one is over a limit.\n\n\
    Examples:\n  \
    carnet guard out --profile profile.json\n  \
    carnet guard s3://transfers/release --profile guard.toml --json\n  \
    carnet guard out --profile guard.toml -o text -o json=guard.json"
)]
pub(crate) struct Guard {
    /// Chunk files, or folders or places in object stores that hold them; other files are ignored
    #[arg(value_name = "PLACE", required = true, value_parser = chunk_place())]
    places: Vec<ChunkPlace>,
    /// The limits of the guard
    #[arg(long, value_name = "FILE")]
    profile: PathBuf,
    /// Write the report in FORMAT to FILE, or to stdout; repeatable
    #[arg(short = 'o', long = "output", value_name = "FORMAT[=FILE]", value_parser = output::<Format>())]
    outputs: Vec<Output<Format>>,
    #[command(flatten)]
    stores: StoreArgs,
}

/// A form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Command for Guard {
    const VERB: Option<Verb> = Some(Verb::Guard);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let text_or_json = if context.screen.json { Format::Json } else { Format::Text };
        let outputs = outputs(&self.outputs, text_or_json)?;
        let profile = guard_profile(&self.profile)?;
        let stores = self.stores.open(&context.environment);
        let files = chunk_files(&self.places, &stores)?;
        let request = ForecastRequest { files: &files, profile: &profile };
        let report = forecast(&request, &context.environment)?;
        for output in &outputs {
            let text = match output.format {
                Format::Json => json(&report),
                Format::Text => guard_text(&report),
            };
            output.put(context.screen, None, |out| out.write_all(text.as_bytes()))?;
        }
        Ok(match (report.allowed, report.foreseen) {
            (false, _) => exit::DENIED,
            (true, false) => exit::DAMAGED,
            (true, true) => exit::DONE,
        })
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("guard", schema_for!(GuardReport))]
    }
}

fn json(report: &GuardReport) -> String {
    let mut text = plain_json(&serde_json::to_string_pretty(report).expect("a report serialises"));
    text.push('\n');
    text
}
