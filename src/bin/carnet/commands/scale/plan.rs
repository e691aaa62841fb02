//! `carnet plan`: makes a plan that several processes pack.

use std::path::PathBuf;

use carnet::artifacts::{Expansion, Place, SourceSpec};
use carnet::diagnosis::{Code, count};
use carnet::format::chunk_size::byte_count;
use carnet::medium::ChunkPlace;
use carnet::observe::Verb;
use carnet::pack::{PIECES_MAX, PlannedPiece, WorkPlan, WorkReport, plan_work};
use carnet::registry::Host;
use carnet::trust::PublicKey;
use clap::{ArgGroup, Args};
use schemars::{Schema, schema_for};

use super::jobs::{Engine, job};
use crate::byte_count::HumanBytes;
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::connection::Connection;
use crate::content_args::{ContentArgs, content_syntax};
use crate::exit;
use crate::plain::{plain, plain_path};
use crate::screen::{Screen, say};
use crate::sources::{OpenedSources, open};
use crate::stores::{StoreAccess, StoreWriting, Stores};
use crate::tables::table;
use crate::work_folder;
use crate::world::sealing_time;

/// Make a plan for a bundle that several machines pack, each a piece of it
#[derive(Args)]
#[command(
    group = ArgGroup::new("how_many").required(true).args(["pieces", "piece_bytes"]),
    after_help = concat!(
        "Manifests are read now, and no layer. The machines need the sources and the folder of --to, at the same\n\
        paths, and nothing else. `carnet pack-piece` packs a piece; `carnet seal` ends the bundle. Its bytes are those\n\
        that `carnet pack` writes with the same key and SOURCE_DATE_EPOCH.\n\n",
        content_syntax!(),
        "Examples:\n  \
        carnet plan 'docker://low.example/team/*:1.*' --to /shared/out --name mirror --pub station.pub.pem --pieces 8\n  \
        carnet plan oci:/shared/images --to /shared/out --name all --pub k.pub.pem --piece-bytes 500GB --job slurm"
    )
)]
pub(crate) struct Plan {
    #[command(flatten)]
    content: ContentArgs,
    /// Expand archives that are compressed with gzip or zstd into DIR first; nothing is left there
    #[arg(long, value_name = "DIR")]
    tmp: Option<PathBuf>,
    /// The folder, or the place in an object store, that the chunk files go into. The plan is NAME.plan in it
    #[arg(long, value_name = "PLACE", value_parser = chunk_place())]
    to: ChunkPlace,
    /// The public key of the key that will sign the chunks; twice if two keys of different algorithms will
    #[arg(long = "pub", value_name = "FILE", required = true)]
    public: Vec<PathBuf>,
    /// Deal the bundle to N pieces; to fewer if it has fewer chunks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(PIECES_MAX)))]
    pieces: Option<u32>,
    /// Deal the bundle to pieces of about SIZE
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    piece_bytes: Option<u64>,
    /// Also write a job for an engine into the plan; repeatable
    #[arg(long, value_name = "ENGINE")]
    job: Vec<Engine>,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    access: StoreAccess,
    #[command(flatten)]
    writing: StoreWriting,
    /// Allow layer URLs on HOST[:PORT] even if its address is private; repeatable
    #[arg(long, value_name = "HOST")]
    allow_private_urls: Vec<Host>,
}

impl Command for Plan {
    const VERB: Option<Verb> = Some(Verb::Pack);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let environment = &context.environment;
        let created = sealing_time(None)?;
        let keys = self.keys()?;
        let specs = self.content.sources()?.into_iter().map(absolute).collect::<Result<Vec<_>, _>>()?;
        let stop = environment.workers.stop();
        let registries = self.connection.registries(&specs, &self.allow_private_urls, stop)?;
        let expansion = self.tmp.as_deref().map(|tmp| Expansion::new(tmp, environment.workers.stop()));
        let OpenedSources { wanted, failures } =
            open(specs, &registries, expansion.as_ref(), self.content.continue_on_errors)?;
        let (network, access) = (&self.connection.network, &self.access);
        let stores = Stores { network, access, writing: Some(&self.writing), environment };
        let store = stores.store(&self.to)?;
        let request = self.content.request(wanted, store.as_ref(), created);
        let (work, mut report) = match (self.pieces, self.piece_bytes) {
            (None, Some(bytes)) => {
                let (_, first) = plan_work(&request, &keys, 1, environment)?;
                let pieces = u32::try_from(first.bytes.div_ceil(bytes)).unwrap_or(u32::MAX);
                if pieces > PIECES_MAX {
                    let message = format!(
                        "expected at most {PIECES_MAX} pieces, found {pieces} pieces of {bytes} bytes: \
                         {} bytes are packed",
                        first.bytes
                    );
                    return Err(CommandError::new(Code::NoSuchPiece, message));
                }
                plan_work(&request, &keys, pieces.max(1), environment)?
            }
            (pieces, _) => plan_work(&request, &keys, pieces.unwrap_or(1), environment)?,
        };
        report.failures.extend(failures);
        let place = self.write(&work, &report, &stores)?;
        show(&report, &place, context.screen);
        Ok(if report.failures.is_empty() { exit::DONE } else { exit::DAMAGED })
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("plan", schema_for!(WorkReport))]
    }
}

impl Plan {
    fn keys(&self) -> Result<Vec<PublicKey>, CommandError> {
        let keys = self.public.iter().map(|path| PublicKey::load(path)).collect::<Result<Vec<_>, _>>()?;
        let is_pair = |keys: &[PublicKey]| keys.len() == 2 && keys[0].algorithm() != keys[1].algorithm();
        if keys.len() > 1 && !is_pair(&keys) {
            let message = "expected 1 public key, or 2 of different algorithms".to_owned();
            return Err(CommandError::new(Code::SecondKeyAlgorithm, message));
        }
        Ok(keys)
    }

    /// Writes the plan and what else belongs to it. Returns its place.
    fn write(
        &self,
        work: &WorkPlan,
        report: &WorkReport,
        stores: &Stores<'_>,
    ) -> Result<ChunkPlace, CommandError> {
        let name = &self.content.name;
        let place = work_folder::plan_in(&self.to, name);
        let mut more = vec![("pieces.txt", list(report))];
        let mut engines = self.job.clone();
        engines.sort_unstable();
        engines.dedup();
        for engine in engines {
            more.extend(job(engine, name, report.pieces.len(), &place)?);
        }
        work_folder::write(work, &more, &self.to, name, stores)?;
        Ok(place)
    }
}

/// A source with an absolute path: other machines and other folders must find it, too.
fn absolute(mut spec: SourceSpec) -> Result<SourceSpec, CommandError> {
    if let Place::Path(_, path) = &mut spec.place {
        if let Ok(whole) = std::path::absolute(&*path) {
            *path = whole;
        }
        if path.to_str().is_none() {
            let message = format!("{} is not UTF-8, and a plan can name no such path", plain_path(path));
            return Err(CommandError::new(Code::BadPlace, message));
        }
    }
    Ok(spec)
}

/// A number with a unit, for `--piece-bytes`.
fn bytes(text: &str) -> Result<u64, String> {
    byte_count(text)
        .filter(|&bytes| bytes > 0)
        .ok_or_else(|| "expected a size such as 500GB or 64MiB".to_owned())
}

/// `pieces.txt`: the pieces for people and scripts.
fn list(report: &WorkReport) -> String {
    let line = |piece: &PlannedPiece| {
        let chunks: Vec<String> = piece.chunks.iter().map(ToString::to_string).collect();
        format!("{} {} {}\n", piece.piece, piece.bytes, chunks.join(","))
    };
    format!("# piece bytes chunks\n{}", report.pieces.iter().map(line).collect::<String>())
}

fn show(report: &WorkReport, place: &ChunkPlace, screen: &Screen) {
    if !screen.json {
        for warning in &report.warnings {
            say(&format!("warning: {warning}"));
        }
        for failure in &report.failures {
            say(&format!("failed: {}: {}", failure.artifact, failure.error));
        }
    }
    screen.report(report, || text(report, place));
}

fn text(report: &WorkReport, place: &ChunkPlace) -> String {
    let pieces = report.pieces.len() as u64;
    let place = place.to_string();
    let plan = plain(&place);
    let mut out = format!(
        "plan for bundle {}: {} in {}, {}\nid     {}\nplan   {}\n",
        report.crossing.name,
        count(report.chunk_files.into(), "chunk file", "chunk files"),
        count(pieces, "piece", "pieces"),
        HumanBytes(report.bytes),
        report.bundle,
        plan
    );
    let share = |bytes: u64| u128::from(bytes) * 100 / u128::from(report.bytes.max(1));
    let row = |piece: &PlannedPiece| {
        vec![
            piece.piece.to_string(),
            piece.chunks.len().to_string(),
            piece.bytes.to_string(),
            format!("{} %", share(piece.bytes)),
        ]
    };
    if pieces > 0 {
        let rows = report.pieces.iter().take(20).map(row).collect();
        out += &table(&["piece", "chunks", "bytes", "share"], &[0, 1, 2, 3], rows);
        if pieces > 20 {
            out += &format!(" ... and {} more; see pieces.txt in the plan\n", pieces - 20);
        }
    }
    // It has more than one and a half times an equal share.
    if let Some(largest) = report.pieces.iter().max_by_key(|piece| piece.bytes)
        && pieces > 1
        && largest.bytes / 3 * 2 > report.bytes / pieces
    {
        out += &format!(
            "piece {} is {} % of all bytes: one process must read a blob of {} whole\n",
            largest.piece,
            share(largest.bytes),
            HumanBytes(report.largest_blob_bytes)
        );
    }
    match pieces {
        0 => out += "everything is in the control chunk\n",
        1 => out += &format!("pack   carnet pack-piece --plan {plan} --piece 0 --key KEY\n"),
        _ => {
            out += &format!(
                "pack   carnet pack-piece --plan {plan} --piece K --key KEY   (for K = 0 to {})\n",
                pieces - 1
            );
        }
    }
    out + &format!("seal   carnet seal --plan {plan} --key KEY\n")
}
