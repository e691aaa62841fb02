//! `carnet repair`: writes lost and damaged chunks again.

use carnet::diagnosis::Code;
use carnet::medium::ChunkPlace;
use carnet::observe::Verb;
use carnet::repair::{ParityProblem, RepairReport, RepairRequest};
use clap::Args;
use schemars::{Schema, schema_for};

use super::parity::target;
use crate::bundle::chunk_files;
use crate::byte_count::HumanBytes;
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;
use crate::plain::plain;
use crate::screen::say;
use crate::stores::{StoreArgs, StoreWriting, Stores};
use crate::tables::{count_of, numbers};
use crate::trust::TrustArgs;

/// Write lost and damaged chunks again, bit for bit, from parity files
#[derive(Args)]
#[command(
    group(clap::ArgGroup::new("policy").args(["trust", "public"]).required(true)),
    after_help = "Pass everything that arrived: damaged files help, too. Each repaired chunk is checked by its own\n\
    signature before it gets its name. Without --to, damaged files in PLACE are replaced.\n\n\
    Examples:\n  carnet repair in --trust trust.toml\n  \
    carnet repair /media/disc1 /media/disc2 --trust trust.toml --to repaired\n  \
    carnet repair s3://bucket/in --trust trust.toml --to s3://bucket/repaired"
)]
pub(crate) struct Repair {
    /// Chunk files, or folders or places in object stores that hold them; file names do not matter
    #[arg(value_name = "PLACE", required = true, value_parser = chunk_place())]
    places: Vec<ChunkPlace>,
    #[command(flatten)]
    trust: TrustArgs,
    /// Where to write the repaired chunks: a folder, or a place in an object store [default: PLACE, if there is one]
    #[arg(long, value_name = "PLACE", value_parser = chunk_place())]
    to: Option<ChunkPlace>,
    /// The bundle, if several arrived: its name or id
    #[arg(long, value_name = "NAME|ID")]
    bundle: Option<String>,
    #[command(flatten)]
    stores: StoreArgs,
    #[command(flatten)]
    writing: StoreWriting,
}

impl Command for Repair {
    const VERB: Option<Verb> = Some(Verb::Repair);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let stores = Stores { writing: Some(&self.writing), ..self.stores.open(&context.environment) };
        let policy = self.trust.policy()?.expect("one of the options is required");
        let to = target("repaired chunks", &self.places, self.to.as_ref())?;
        let store = stores.store(to)?;
        let request = RepairRequest {
            files: &chunk_files(&self.places, &stores)?,
            policy: &policy,
            bundle: self.bundle.as_deref(),
            store: store.as_ref(),
            in_place: self.to.is_none(),
        };
        let report = carnet::repair::repair(&request, &context.environment)?;
        context.screen.answer(&report, || text(&report));
        if !report.missing.is_empty() {
            let chunks = count_of(report.missing.len(), "chunk is", "chunks are");
            let name = &report.crossing.name;
            say(&format!(
                "error[{}]: bundle {name} ({}): {chunks} still missing or damaged",
                Code::BundleIncomplete,
                report.bundle
            ));
        }
        Ok(report.failure().map_or(exit::DONE, exit::code))
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("repair", schema_for!(RepairReport))]
    }
}

/// Renders the report as text.
fn text(report: &RepairReport) -> String {
    let mut out = format!("bundle {}: ", report.crossing.name);
    out += &match (report.repaired.len(), report.missing.len()) {
        (0, 0) => "nothing to repair, every chunk is good\n".to_owned(),
        (repaired, 0) => format!("REPAIRED, {}\n", count_of(repaired, "chunk", "chunks")),
        (repaired, missing) => format!(
            "NOT REPAIRED, {} still missing or damaged; {} repaired\n",
            count_of(missing, "chunk is", "chunks are"),
            count_of(repaired, "chunk was", "chunks were")
        ),
    };
    out += &format!("id     {}\n", report.bundle);
    for chunk in &report.repaired {
        out += &format!("chunk  {} {}, {}\n", chunk.number, plain(&chunk.file), HumanBytes(chunk.bytes));
        if chunk.number == 0 {
            let signatures = count_of(chunk.signatures, "signature", "signatures");
            out += &format!("       the control chunk has {signatures}, as its parity kept them\n");
        }
    }
    for beyond in &report.beyond {
        let needed = count_of(beyond.needed as usize, "more file", "more files");
        out += &format!(
            "chunks {}: {needed} needed, any of these chunks or of the parity files of their group\n",
            numbers(&beyond.chunks)
        );
    }
    for refuted in &report.refuted {
        let problem = plain(&refuted.problem);
        out += &format!(
            "chunk  {}: its parity is wrong, what it gives was not kept: {problem}\n",
            refuted.number
        );
    }
    for ParityProblem { file, problem } in &report.parity_problems {
        out += &format!("parity {}: {}\n", plain(file), plain(problem));
    }
    if !report.missing.is_empty() {
        out += &format!("missing {}\n", numbers(&report.missing));
    }
    out
}
