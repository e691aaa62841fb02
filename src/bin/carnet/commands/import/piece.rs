//! `carnet import-piece`: sends one of several pieces of a bundle to a registry.

use carnet::arrival::{Beside, OpenRequest, open_share};
use carnet::artifacts::RegistryDestination;
use carnet::diagnosis::count;
use carnet::environment::Environment;
use carnet::import::{ImportRequest, ImportedPiece, Sending};
use carnet::medium::ChunkPlace;
use carnet::observe::Verb;
use carnet::registry::{Host, Reach, Registries};
use clap::Args;
use schemars::{Schema, schema_for};

use super::PushArgs;
use crate::args::parse_spec;
use crate::bundle::chunk_files;
use crate::byte_count::HumanBytes;
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::connection::Connection;
use crate::exit;
use crate::memory::{MemoryArgs, candidates};
use crate::piece_args::PieceArgs;
use crate::screen::say;
use crate::stores::{StoreAccess, Stores};
use crate::trust::TrustArgs;
use crate::world::proxy;

/// Push one of several pieces of a verified and released bundle into a registry, for `carnet import --finish`
#[derive(Args)]
#[command(
    group(clap::ArgGroup::new("trusted").args(["trust", "public"]).required(true)),
    after_help = "The chunks are dealt to N pieces by the plan in the control chunk. Each process pushes the layers in its\n\
    chunks, and nothing that clients see. Run it again after a failure: it skips content that is already there.\n\
    Then `carnet import --finish` with the same options pushes manifests and tags.\n\n\
    Examples:\n  \
    carnet import-piece in --trust trust.toml --to docker://registry.example --pieces 8 --piece 3\n  \
    carnet import in --trust trust.toml --to docker://registry.example --pieces 8 --finish"
)]
pub(crate) struct ImportPiece {
    /// Chunk files, or folders or places in object stores that hold them; file names do not matter
    #[arg(value_name = "PLACE", required = true, value_parser = chunk_place())]
    places: Vec<ChunkPlace>,
    #[command(flatten)]
    trust: TrustArgs,
    /// The destination: docker://HOST[:PORT][/PREFIX]
    #[arg(long, value_name = "DEST", value_parser = parse_spec::<RegistryDestination>)]
    to: RegistryDestination,
    #[command(flatten)]
    piece: PieceArgs,
    /// The bundle to import if several arrived: its name or id
    #[arg(long, value_name = "NAME|ID")]
    bundle: Option<String>,
    /// Import only this artifact, by its name in the bundle or its digest; repeatable
    #[arg(long, value_name = "REF")]
    artifact: Vec<String>,
    #[command(flatten)]
    push: PushArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    /// Allow redirects, upload locations and token services on this other host; repeatable
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<Host>,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    access: StoreAccess,
}

impl Command for ImportPiece {
    const VERB: Option<Verb> = Some(Verb::Import);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let share = self.piece.share()?;
        // The last process records what was used.
        let recall = self.memory.recall(false)?;
        let clock = recall.clock(context.environment.clock);
        let Environment { monitor, workers, .. } = context.environment;
        let environment = &Environment { clock: &clock, monitor, workers };
        let stores =
            Stores { network: &self.connection.network, access: &self.access, writing: None, environment };
        let policy = self.trust.policy()?;
        let files = chunk_files(&self.places, &stores)?;
        let request = OpenRequest { files: &files, policy: policy.as_ref() };
        let arrivals = open_share(&request, share, environment)?;
        let arrived = policy.as_ref().map(|policy| candidates(&arrivals, policy)).unwrap_or_default();
        let bundle = arrivals.select(self.bundle.as_deref())?;
        if let Some(policy) = &policy
            && recall.judge(&bundle, &arrived, policy, environment)?.is_done(context.screen)
        {
            return Ok(exit::DONE);
        }
        let whole = bundle.released()?.whole_in(share)?;
        let hosts = std::iter::once(&self.to.host).chain(&self.allow_host).cloned().collect();
        let stop = environment.workers.stop();
        let registries = Registries::new(self.connection.settings(Reach::Only(hosts), proxy()?, stop));
        let request = ImportRequest {
            bundle: &whole,
            beside: &Beside::default(),
            registry: registries.registry(&self.to.host)?,
            to: &self.to,
            artifacts: &self.artifact,
            mount_from: &[],
            rename: &self.push.rename,
            tags: self.push.tags(),
            referrers: self.push.referrers(),
            on_failure: self.push.on_failure(),
            sending: Sending::All,
            dry_run: false,
            connections: self.connection.network.transfers(),
        };
        let report = carnet::import::import_piece(&request, share, environment)?;
        context.screen.report(&report, || text(&report));
        for problem in &report.failures {
            say(&format!("error[{}]: {}", problem.code, problem.message));
        }
        Ok(if report.failures.is_empty() { exit::DONE } else { exit::DAMAGED })
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("import-piece", schema_for!(ImportedPiece))]
    }
}

fn text(report: &ImportedPiece) -> String {
    let ImportedPiece { piece, pieces, chunks, blobs, to, .. } = report;
    if chunks.is_empty() {
        return format!("piece {piece} of {pieces} has no chunks\n");
    }
    format!(
        "piece {piece} of {pieces} is in {to}: {} sent ({}), {} mounted, {} already there\n",
        count(blobs.sent, "blob", "blobs"),
        HumanBytes(blobs.sent_bytes),
        blobs.mounted,
        blobs.present
    )
}
