//! New bundles of verified ones: what `resplit`, `extract` and `merge` share.

pub(super) mod extract;
pub(super) mod merge;
pub(super) mod resplit;

use carnet::arrival::{Bundle, OpenRequest, WholeBundle, open};
use carnet::artifacts::Selection;
use carnet::diagnosis::Code;
use carnet::environment::Environment;
use carnet::format::chunk_size::ChunkSize;
use carnet::format::statement::Crossing;
use carnet::format::{BundleName, Label, StreamName, Sum, Timestamp};
use carnet::logbook::StreamVerdict;
use carnet::medium::{ChunkPlace, ChunkStore, Replace};
use carnet::observe::Event;
use carnet::pack::Expiry;
use carnet::reshape::{ReshapeRequest, reshape};
use carnet::sums::SumFunction;
use clap::Args;

use super::pack::show;
use crate::bundle::chunk_files;
use crate::chunk_place::chunk_place;
use crate::command::Context;
use crate::command_error::CommandError;
use crate::content_args::expiry;
use crate::exit;
use crate::keys::ChunkKeyArgs;
use crate::memory::{MemoryArgs, Recall, candidates};
use crate::stores::{StoreArgs, StoreWriting, Stores};
use crate::sum_option::SumOption;
use crate::trust::TrustArgs;
use crate::world::sealing_time;

/// The options of the commands that make a new bundle.
#[derive(Args)]
pub(crate) struct NewBundleArgs {
    /// Where to write the chunk files: DIR, which is created if needed, s3://BUCKET[/PREFIX] or
    /// az://ACCOUNT/CONTAINER[/PREFIX]
    #[arg(long, value_name = "PLACE", value_parser = chunk_place())]
    to: ChunkPlace,
    #[command(flatten)]
    key: ChunkKeyArgs,
    /// The stream (one-way channel) that the new bundle belongs to
    #[arg(long, value_name = "NAME")]
    stream: Option<StreamName>,
    /// The sequence number of the new bundle in the stream
    #[arg(long, value_name = "N", requires = "stream", value_parser = clap::value_parser!(u64).range(..=carnet::format::limits::SEQUENCE_MAX))]
    sequence: Option<u64>,
    /// The id of the previous bundle in the stream
    #[arg(long, value_name = "ID", requires = "stream")]
    previous: Option<Sum>,
    /// When the new bundle expires [default: when the first of the old ones does]
    #[arg(long, value_name = "WHEN", value_parser = expiry)]
    expires: Option<Expiry>,
    /// A marking written into every chunk [default: that of the old bundles]
    #[arg(long, value_name = "TEXT")]
    label: Option<Label>,
    /// Also write sums of the chunk files to NAME_sha256.txt, NAME_md5.txt, as coreutils prints them
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    file_sums: Vec<SumOption>,
    /// Print the plan and the size of every file; write nothing
    #[arg(long)]
    dry_run: bool,
    /// Replace existing chunk files of this name once the new bundle is complete
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    stores: StoreArgs,
    #[command(flatten)]
    writing: StoreWriting,
}

/// What a command makes of which bundles.
struct Making<'a> {
    places: &'a [ChunkPlace],
    which: Which<'a>,
    artifacts: Vec<Selection>,
    name: Option<BundleName>,
    chunk_size: ChunkSize,
}

/// Which of the bundles that arrived are taken.
enum Which<'a> {
    All,
    /// The one with this name or id, or the only one.
    One(Option<&'a str>),
}

impl NewBundleArgs {
    fn stores<'a>(&'a self, context: &'a Context<'_>) -> Stores<'a> {
        Stores { writing: Some(&self.writing), ..self.stores.open(&context.environment) }
    }

    /// Opens the bundles, each of which its stream lets pass. Nothing is remembered of them: they were not used here.
    fn open(
        &self,
        making: &Making<'_>,
        recall: &Recall,
        context: &Context<'_>,
    ) -> Result<Vec<Bundle>, CommandError> {
        let policy = self.trust.policy()?;
        let files = chunk_files(making.places, &self.stores(context))?;
        let request = OpenRequest { files: &files, policy: policy.as_ref() };
        let arrivals = open(&request, &context.environment)?;
        let arrived = policy.as_ref().map(|policy| candidates(&arrivals, policy)).unwrap_or_default();
        let bundles = match making.which {
            Which::All => arrivals.bundles,
            Which::One(wanted) => vec![arrivals.select(wanted)?],
        };
        for (bundle, policy) in bundles.iter().zip(policy.iter().cycle()) {
            let passage = recall.judge(bundle, &arrived, policy, &context.environment)?;
            if let (Some(report), Some(contents)) = (passage.report, bundle.contents())
                && report.verdict == StreamVerdict::Replay
            {
                let crossing = &contents.plan.crossing;
                let text = format!("bundle {}: {}", crossing.name, report.sentence(crossing));
                context.environment.monitor.tell(Event::Note { text });
            }
        }
        Ok(bundles)
    }

    /// Makes the new bundle, and prints the report. Returns the exit code.
    fn make(&self, making: Making<'_>, context: &Context<'_>) -> Result<u8, CommandError> {
        let recall = self.memory.recall(false)?;
        let clock = recall.clock(context.environment.clock);
        let Environment { monitor, workers, .. } = context.environment;
        let environment = Environment { clock: &clock, monitor, workers };
        let context = &Context { screen: context.screen, environment, jobs: context.jobs };
        let created = sealing_time(None)?;
        let key = self.key.load(context)?;
        let bundles = self.open(&making, &recall, context)?;
        let mut origins: Vec<WholeBundle<'_>> = Vec::new();
        for bundle in &bundles {
            origins.push(bundle.released()?.whole()?);
        }
        let stores = self.stores(context);
        let store = stores.store(&self.to)?;
        let store: &dyn ChunkStore = store.as_ref();
        let file_sums: Vec<SumFunction> = self.file_sums.iter().map(|&option| option.into()).collect();
        let crossing = Crossing {
            name: making.name.unwrap_or_else(|| origins[0].contents().plan.crossing.name.clone()),
            stream: self.stream.clone(),
            sequence: self.sequence,
            previous: self.previous,
            label: self.label(&origins)?,
        };
        let name = crossing.name.clone();
        let request = ReshapeRequest {
            origins: &origins,
            artifacts: making.artifacts,
            crossing,
            store,
            chunk_size: making.chunk_size,
            created,
            expires: self.expires.or_else(|| first_expiry(&origins).map(Expiry::At)),
            replace: if self.overwrite { Replace::WhenComplete } else { Replace::Never },
            file_sums: file_sums.iter().map(|&function| function.into()).collect(),
            dry_run: self.dry_run,
        };
        let report = reshape(&request, key.as_ref(), &context.environment)?;
        if !self.dry_run {
            let sums = report.sums(&file_sums);
            carnet::sums::write(&sums, &file_sums, store, &name)?;
        }
        show::show(&report, &self.to, context.screen);
        Ok(exit::DONE)
    }

    /// The label that was given, or that of the old bundles. A marking must not be lost, nor chosen by chance.
    fn label(&self, origins: &[WholeBundle<'_>]) -> Result<Option<Label>, CommandError> {
        if self.label.is_some() {
            return Ok(self.label.clone());
        }
        let mut labels = origins.iter().map(|origin| &origin.contents().plan.crossing.label);
        let first = labels.next().and_then(Clone::clone);
        if labels.all(|label| *label == first) {
            return Ok(first);
        }
        let message = "the bundles have different labels, or only some have one: give the new one its label with --label";
        Err(CommandError::new(Code::BundlesDiffer, message))
    }
}

/// When the first of the bundles expires.
fn first_expiry(origins: &[WholeBundle<'_>]) -> Option<Timestamp> {
    origins.iter().filter_map(|origin| origin.file(0)?.statement.expires).min()
}

/// An artifact, by its name in the bundle or its digest.
fn selection(text: &str) -> Result<Selection, String> {
    if let Ok(digest) = text.parse() {
        return Ok(Selection::Digest(digest));
    }
    text.parse().map(Selection::Name).map_err(|error: carnet::oci::reference::RefNameError| error.to_string())
}
