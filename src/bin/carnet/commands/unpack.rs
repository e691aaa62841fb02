//! `carnet unpack`: unpacks a bundle into a layout or an archive.

use carnet::arrival::{Beside, Bundle};
use carnet::artifacts::{DestinationSpec, ExistingName};
use carnet::diagnosis::count;
use carnet::environment::Environment;
use carnet::medium::ChunkPlace;
use carnet::observe::Verb;
use carnet::oci::Digest;
use carnet::unpack::UnpackReport;
use clap::Args;

use crate::args::place;
use crate::bundle::{Chosen, Opening};
use crate::byte_count::HumanBytes;
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context, documents};
use crate::command_error::CommandError;
use crate::exit;
use crate::memory::{MemoryArgs, Passage, SkippedReport};
use crate::plain::plain;
use crate::recovery::RecoveryArgs;
use crate::screen::Screen;
use crate::stores::{PLACES, StoreArgs};
use crate::tables::{artifacts, count_of, holders, left_out, omissions};
use crate::trust::TrustArgs;

/// Unpack a verified and released bundle into a layout or an archive
#[derive(Args)]
#[command(
    group(clap::ArgGroup::new("policy").args(["trust", "public"]).required(true)),
    after_help = "DEST is oci:DIR (a new layout, or one to add to), oci-archive:FILE or docker-archive:FILE.\n\n\
    Examples:\n  carnet unpack in --trust trust.toml --to oci:images\n  \
    carnet unpack in --pub station.pub.pem --to docker-archive:app.tar && docker load -i app.tar"
)]
pub(crate) struct Unpack {
    #[arg(value_name = "PLACE", help = PLACES, required = true, value_parser = chunk_place())]
    places: Vec<ChunkPlace>,
    #[command(flatten)]
    trust: TrustArgs,
    /// The destination; see DEST below
    #[arg(long, value_name = "DEST", value_parser = place::<DestinationSpec>())]
    to: DestinationSpec,
    /// The bundle to unpack if several arrived: its name or id. What it leaves out is taken from the others
    #[arg(long, value_name = "NAME|ID")]
    bundle: Option<String>,
    /// Move names that the layout already uses for other artifacts
    #[arg(long)]
    overwrite_tags: bool,
    #[command(flatten)]
    recovery: RecoveryArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    stores: StoreArgs,
}

impl Command for Unpack {
    const VERB: Option<Verb> = Some(Verb::Unpack);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let recall = self.memory.recall(true)?;
        let clock = recall.clock(context.environment.clock);
        let Environment { monitor, workers, .. } = context.environment;
        let environment = Environment { clock: &clock, monitor, workers };
        let stores = self.stores.open(&environment);
        let existing = if self.overwrite_tags { ExistingName::Replace } else { ExistingName::Refuse };
        let policy = self.trust.policy()?;
        let opening = Opening {
            places: &self.places,
            stores: &stores,
            policy: policy.as_ref(),
            wanted: self.bundle.as_deref(),
            recall: &recall,
        };
        opening.with_repair(&self.recovery, |Chosen { bundle, others, passage, .. }| {
            if passage.is_done(context.screen) {
                return Ok(exit::DONE);
            }
            unpack_bundle(bundle, others, passage, &self.to, existing, context.screen, &environment)
        })
    }

    documents!["unpack": UnpackReport, "skipped": SkippedReport];
}

/// Unpacks a bundle, records that, and prints the report. Returns the exit code.
pub(super) fn unpack_bundle(
    bundle: &Bundle,
    others: &[Bundle],
    mut passage: Passage,
    to: &DestinationSpec,
    existing: ExistingName,
    screen: &Screen,
    environment: &Environment<'_>,
) -> Result<u8, CommandError> {
    let whole = bundle.released()?.whole()?;
    let plan = &whole.contents().plan;
    let beside = Beside::of(others, &plan.elsewhere);
    let carried = plan.blobs.iter().map(|blob| (blob.digest, blob.size));
    let left_out = plan.elsewhere.iter().map(|blob| (blob.digest, blob.size));
    let blobs: Vec<(Digest, u64)> = carried.chain(left_out).collect();
    let sink = to.open(&blobs, existing)?;
    let mut report = carnet::unpack::unpack(&whole, &beside, sink, environment)?;
    passage.accept(environment)?;
    report.in_stream = passage.report.take();
    screen.report(&report, || text(&report));
    Ok(exit::DONE)
}

/// Renders the report as text.
fn text(report: &UnpackReport) -> String {
    let mut out = format!("bundle {} unpacked to {}\n", report.crossing.name, plain(&report.to));
    out += &format!("id     {}\n", report.bundle);
    if let Some(stream) = &report.in_stream {
        out += &format!("stream {}\n", stream.sentence(&report.crossing));
    }
    out += &format!("released by {}\n", holders(&report.released_by));
    out += &format!(
        "wrote  {}, {}; {} already present\n",
        count(report.blobs_written, "blob", "blobs"),
        HumanBytes(report.bytes_written),
        report.blobs_present
    );
    out += &artifacts(&report.artifacts);
    if report.referrers > 0 {
        out += &format!("  and {}\n", count_of(report.referrers, "referrer", "referrers"));
    }
    out += &omissions(&report.omitted);
    out += &left_out(&report.left_out);
    out
}
