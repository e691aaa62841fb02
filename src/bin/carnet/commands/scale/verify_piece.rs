//! `carnet verify-piece`: verifies one of several pieces of a bundle.

use carnet::arrival::OpenRequest;
use carnet::diagnosis::count;
use carnet::environment::Environment;
use carnet::medium::ChunkPlace;
use carnet::observe::Verb;
use carnet::verify::{BundlePiece, PieceReport, verify_piece};
use clap::Args;
use schemars::{Schema, schema_for};

use crate::bundle::chunk_files;
use crate::byte_count::HumanBytes;
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;
use crate::memory::ClockArgs;
use crate::piece_args::{PieceArgs, write_results};
use crate::piece_results::read_results;
use crate::plain::plain;
use crate::screen::say;
use crate::stores::StoreArgs;
use crate::tables::numbers;
use crate::trust::TrustArgs;

/// Check one of several pieces of a bundle, and leave the result for `carnet verify --results`
#[derive(Args)]
#[command(
    group(clap::ArgGroup::new("policy").args(["trust", "public"]).required(true)),
    after_help = "The chunks are dealt to N pieces by the plan in the control chunk. Each process reads the head of every\n\
    chunk, and the content of its own. Run it again after a failure. `carnet verify` with the same --pieces and\n\
    --results checks the signatures of all chunks and the release, and gives the verdict.\n\n\
    Examples:\n  \
    carnet verify-piece /shared/in --trust trust.toml --pieces 8 --piece 3 --results /shared/verified\n  \
    carnet verify /shared/in --trust trust.toml --pieces 8 --results /shared/verified"
)]
pub(crate) struct VerifyPiece {
    /// Chunk files, or folders or places in object stores that hold them; file names do not matter
    #[arg(value_name = "PLACE", required = true, value_parser = chunk_place())]
    places: Vec<ChunkPlace>,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    piece: PieceArgs,
    /// Write the result into this folder or place in an object store. Nobody may write there who could not verify, too
    #[arg(long, value_name = "DIR", value_parser = chunk_place())]
    results: ChunkPlace,
    #[command(flatten)]
    clock: ClockArgs,
    #[command(flatten)]
    stores: StoreArgs,
}

impl Command for VerifyPiece {
    const VERB: Option<Verb> = Some(Verb::Verify);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let share = self.piece.share()?;
        let clock = self.clock.clock();
        let Environment { monitor, workers, clock: system } = context.environment;
        let environment = Environment { clock: clock.as_deref().unwrap_or(system), monitor, workers };
        let stores = self.stores.open(&environment);
        let policy = self.trust.policy()?;
        // What cannot be used is written anew.
        let earlier =
            read_results(&self.results, share.pieces(), Some(share.piece()), &stores).unwrap_or_default();
        let request = OpenRequest { files: &chunk_files(&self.places, &stores)?, policy: policy.as_ref() };
        let report = verify_piece(&request, share, &earlier, &environment)?;
        let new = report.bundles.iter().filter(|bundle| !bundle.unchanged);
        write_results(&self.results, new.map(BundlePiece::result), &stores)?;
        context.screen.report(&report, || text(&report));
        for bundle in &report.bundles {
            if let Some(code) = bundle.code() {
                let name = &bundle.crossing.name;
                say(&format!(
                    "error[{code}]: bundle {name} ({}): {}",
                    bundle.bundle,
                    verdict(&report, bundle)
                ));
            }
        }
        let failures =
            report.bundles.iter().filter_map(BundlePiece::code).map(|code| exit::code(code.failure()));
        Ok(failures.min().unwrap_or(exit::DONE))
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("verify-piece", schema_for!(PieceReport))]
    }
}

fn text(report: &PieceReport) -> String {
    let mut out = String::new();
    for bundle in &report.bundles {
        out += &format!("bundle {}: {}\n", bundle.crossing.name, verdict(report, bundle));
        for file in &bundle.files {
            for problem in &file.problems {
                out += &format!("  {}: {}\n", plain(&file.file), plain(&problem.to_string()));
            }
        }
    }
    out
}

fn verdict(report: &PieceReport, bundle: &BundlePiece) -> String {
    let piece = format!("piece {} of {}", report.piece, report.pieces);
    if bundle.files.is_empty() && bundle.chunks.is_empty() {
        return format!("{piece} has no chunks");
    }
    let bytes = HumanBytes(bundle.files.iter().map(|file| file.bytes).sum());
    let chunks = count(bundle.chunks.len() as u64, "chunk", "chunks");
    if !bundle.missing.is_empty() {
        return format!("{piece} FAILED, missing or damaged or not accepted: {}", numbers(&bundle.missing));
    }
    let verified = if bundle.unchanged { "was verified already" } else { "verified" };
    format!("{piece} {verified}: {chunks}, {bytes}")
}
