//! `carnet pack`: arguments and run. `show` renders the report, and
//! `nondistributable` pushes the non-distributable layers.

mod delta;
mod nondistributable;
pub(super) mod show;

use std::path::PathBuf;
use std::sync::Arc;

use carnet::artifacts::{Expansion, RegistryDestination, RegistrySources, Remembered, SourceSpec};
use carnet::audit::{Offered, Subject};
use carnet::diagnosis::count;
use carnet::environment::Environment;
use carnet::format::Timestamp;
use carnet::format::plan::Carriage;
use carnet::format::resend::ResendRequest;
use carnet::format::volume::{VolumeLimits, VolumeSize};
use carnet::gate::Moving;
use carnet::logbook::{Channel, Held, Logbook, Naming, Numbering, Numbers};
use carnet::medium::{ChunkPlace, ChunkStore, Replace};
use carnet::observe::Verb;
use carnet::pack::{Bases, PackError, PackReport, PackRequest, Part, Wanted};
use carnet::parity::Amount;
use carnet::registry::{Host, Reach, Registries};
use carnet::runs::{PipelineType, Place, RunStatus};
use carnet::station::note_packed;
use carnet::sums::SumFunction;
use carnet::trust::PublicKey;
use clap::Args;
use schemars::{Schema, schema_for};

use super::parity;
use crate::args::parse_spec;
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::connection::Connection;
use crate::content_args::{ContentArgs, content_syntax};
use crate::exit;
use crate::gate::GateArgs;
use crate::keys::ChunkKeyArgs;
use crate::request_text::only_request;
use crate::sources::{OpenedSources, open};
use crate::stores::{StoreAccess, StoreWriting, Stores};
use crate::sum_option::SumOption;
use crate::transfer_record::{TransferRecordArgs, TransferRecordFiles};
use crate::world::{proxy, sealing_time};

use delta::DeltaArgs;

/// Pack artifacts into a signed bundle of chunks no larger than the limit
#[derive(Args)]
#[command(
    after_help = concat!(content_syntax!(), "After a failure, run the same command again: it keeps the finished chunks and the blobs that were\n\
    downloaded completely.\n\n\
    Examples:\n  \
    carnet pack oci:images:app-1.0 --to out --name release42 --key station.key.pem\n  \
    carnet pack docker://low.example/team/app:1.0 --to out --name app --key station.key.pem\n  \
    carnet pack oci:images --to s3://transfer/low --name all --key station.key.pem\n  \
    carnet pack oci:images --to out --name all --key k.key.pem --stream north --state state\n  \
    carnet pack docker-archive:app.tar=team/app:1.0 --to out --name app --key k.pem --chunk-size cd\n  \
    carnet pack oci:images --to out --name all --key k.key.pem --platform linux/amd64 --dry-run\n  \
    carnet pack oci:images --to out --name all --key k.key.pem --policy policy.toml\n  \
    carnet pack oci:images --to out --name new --key k.key.pem --base sent/old_00000.tar")
)]
pub(crate) struct Pack {
    #[command(flatten)]
    content: ContentArgs,
    /// Expand archives that are compressed with gzip or zstd into DIR first; nothing is left there
    #[arg(long, value_name = "DIR")]
    tmp: Option<PathBuf>,
    /// Where to write the chunk files: DIR, which is created if needed, s3://BUCKET[/PREFIX] or
    /// az://ACCOUNT/CONTAINER[/PREFIX]
    #[arg(long, value_name = "PLACE", value_parser = chunk_place())]
    to: ChunkPlace,
    #[command(flatten)]
    key: ChunkKeyArgs,
    /// Take --sequence and --previous from what DIR remembers of the stream, and remember the bundle there
    #[arg(long, value_name = "DIR", requires = "stream", conflicts_with_all = ["sequence", "previous"])]
    state: Option<PathBuf>,
    /// Also make parity files, from which as many lost or damaged files can be recovered: 10% of the chunks, or a number.
    /// `carnet parity` makes them later
    #[arg(long, value_name = "N|N%", conflicts_with = "dry_run")]
    parity: Option<Amount>,
    /// Also write sums of the chunk files to NAME_sha256.txt, NAME_md5.txt, as coreutils prints them
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    file_sums: Vec<SumOption>,
    /// Print the plan and the size of every file; write nothing
    #[arg(long)]
    dry_run: bool,
    /// Replace existing chunk files of this name once the new bundle is complete
    #[arg(long)]
    overwrite: bool,
    /// Put the chunks into folders that each fit a medium with a file system: cd, dvd, bd25, bd50, bd100, bd128, or a number
    /// with a unit
    #[arg(long, value_name = "SIZE", conflicts_with_all = ["overwrite", "file_sums", "push_nondistributable_to", "only"])]
    volume_size: Option<VolumeSize>,
    /// At most N files in each such folder, with the control chunk and the label
    #[arg(long, value_name = "N", conflicts_with_all = ["overwrite", "file_sums", "push_nondistributable_to", "only"])]
    volume_files: Option<u32>,
    /// Make only the chunks that a request of the far side asks for, again: a text in quotes, a file, or - for stdin
    #[arg(long, value_name = "REQUEST", conflicts_with_all = ["overwrite", "file_sums", "push_nondistributable_to", "transfer_record", "state", "parity"])]
    only: Option<String>,
    /// After packing, also push the non-distributable layers to docker://HOST[/PREFIX]
    #[arg(long, value_name = "DEST", value_parser = parse_spec::<RegistryDestination>)]
    push_nondistributable_to: Option<RegistryDestination>,
    #[command(flatten)]
    record: TransferRecordArgs,
    #[command(flatten)]
    delta: DeltaArgs,
    #[command(flatten)]
    gate: GateArgs,
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

impl Command for Pack {
    const VERB: Option<Verb> = Some(Verb::Pack);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let environment = &context.environment;
        let only = self.only.as_ref().map(|text| only_request(std::slice::from_ref(text))).transpose()?;
        let created = sealing_time(only.as_ref().and_then(ResendRequest::sealed))?;
        let key = self.key.load(context)?;
        let specs = self.content.sources()?;
        let record = self.record.begin(environment.clock.now())?;
        let source = Place {
            kind: if specs.iter().any(SourceSpec::is_remote) { "Registry" } else { "Folder" }.to_owned(),
            uri: specs.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        };
        let is_remote = self.push_nondistributable_to.is_some() || specs.iter().any(SourceSpec::is_remote);
        let proxy = if is_remote { proxy()? } else { None };
        let settings = self.connection.settings(Reach::Anywhere, proxy, environment.workers.stop());
        let registries =
            RegistrySources::new(Registries::new(settings.clone()), self.allow_private_urls.clone());
        let expansion = self.tmp.as_deref().map(|tmp| Expansion::new(tmp, environment.workers.stop()));
        let OpenedSources { mut wanted, failures: unopened } =
            open(specs, &registries, expansion.as_ref(), self.content.continue_on_errors)?;
        self.pass_gate(&mut wanted, context)?;
        let file_sums: Vec<SumFunction> = self.file_sums.iter().map(|&option| option.into()).collect();
        let (network, access) = (&self.connection.network, &self.access);
        let stores = Stores { network, access, writing: Some(&self.writing), environment };
        let bases = self.delta.bases(&self.content.crossing(), key.as_ref(), &stores)?;
        let store = stores.store(&self.to)?;
        let store = store.as_ref();
        let numbering = self.numbering(environment)?;
        // A transfer record names both sums of each file.
        let mut summed = file_sums.clone();
        if record.is_some() {
            let both = [SumFunction::Sha256, SumFunction::Md5];
            summed.extend(both.into_iter().filter(|function| !file_sums.contains(function)));
        }
        let mut request = self.request(wanted, store, created, &summed, bases);
        if let Some(only) = only {
            request.part = Part::Again(only);
        }
        request.numbers = numbering.as_ref().map(|numbering| numbering as &dyn Numbers);
        let packed = if self.dry_run {
            carnet::pack::plan(&request, key.as_ref(), environment)
        } else {
            carnet::pack::pack(&request, key.as_ref(), environment)
        };
        let mut report: PackReport = match packed {
            Err(PackError::Nothing { mut failures }) => {
                failures.extend(unopened);
                return Err(PackError::Nothing { failures }.into());
            }
            packed => packed?,
        };
        report.failures.extend(unopened);
        if !self.dry_run {
            if let Some(amount) = self.parity {
                let id = report.bundle.to_string();
                let replace = if self.overwrite { Replace::WhenComplete } else { Replace::Never };
                let key = key.as_ref();
                report.parity =
                    Some(parity::of_packed(&id, amount, store, key, replace, self.volumes(), context)?);
            }
            let mut sums = report.sums(&file_sums);
            if let Some(parity) = report.parity.as_ref().filter(|_| !file_sums.is_empty()) {
                let files = parity::files(parity, store)?;
                sums.files.extend(carnet::sums::sums(&files, &file_sums, environment)?.files);
            }
            carnet::sums::write(&sums, &file_sums, store, &self.content.name)?;
            if let Some(to) = &self.push_nondistributable_to {
                nondistributable::push(&report, store, key.as_ref(), to, settings, environment)?;
                report.nondistributable_pushed_to = Some(to.to_string());
            }
        }
        show::show(&report, &self.to, context.screen);
        if let Some(files) = record {
            self.write_record(files, source, &report, key.public_key(), store, context)?;
        }
        Ok(if report.failures.is_empty() { exit::DONE } else { exit::DAMAGED })
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("pack", schema_for!(PackReport))]
    }
}

impl Pack {
    /// Writes the transfer record of what was packed.
    fn write_record(
        &self,
        files: TransferRecordFiles,
        source: Place,
        report: &PackReport,
        packer: &PublicKey,
        store: &dyn ChunkStore,
        context: &Context<'_>,
    ) -> Result<(), CommandError> {
        let options = [
            ("--overwrite", self.overwrite),
            ("--continue-on-errors", self.content.continue_on_errors),
            ("--no-referrers", self.content.no_referrers),
            ("--nondistributable omit", self.content.nondistributable == Carriage::Omit),
        ];
        let target = Place { kind: self.to.kind().to_owned(), uri: self.to.to_string() };
        let now = context.environment.clock.now();
        let mut record = files.record(PipelineType::Export, source, target, &options);
        note_packed(&mut record, report, packer, None, now);
        record.checks.extend(self.gate.checks());
        record.store_access = store.access();
        record.status = RunStatus::Succeeded;
        if !report.failures.is_empty() {
            record.status = RunStatus::Failed;
            let failed = count(report.failures.len() as u64, "artifact", "artifacts");
            record.pipeline_run_error_message = Some(format!("{failed} failed; the others were packed"));
        }
        files.write(record, now)
    }

    /// Holds what would be packed against the policies, if there are any.
    fn pass_gate(&self, wanted: &mut [Wanted], context: &Context<'_>) -> Result<(), CommandError> {
        if !self.gate.is_asked() {
            return Ok(());
        }
        for wanted in &mut *wanted {
            wanted.source = Arc::new(Remembered::new(Arc::clone(&wanted.source)));
        }
        let offered = |wanted: &Wanted| Offered {
            source: Arc::clone(&wanted.source),
            selection: wanted.selection.clone(),
            rename: wanted.rename.clone(),
            nondistributable: self.content.nondistributable,
        };
        let offered: Vec<Offered> = wanted.iter().map(offered).collect();
        let moving = Moving {
            subject: Subject::Sources(&offered),
            artifacts: &[],
            platforms: &self.content.platform,
            referrers: self.content.referrers(),
        };
        self.gate.pass(&moving, context)
    }

    /// Holds the stream in the state folder, if there is one. A dry run only looks at it.
    fn numbering<'a>(&self, environment: &Environment<'a>) -> Result<Option<Numbering<'a>>, CommandError> {
        let Some(folder) = &self.state else { return Ok(None) };
        let channel = Channel::of(self.content.stream.as_ref());
        let goes_on = || !environment.workers.interrupted();
        let held = if self.dry_run {
            Held::looking(folder, &channel)?
        } else {
            Logbook::open(folder)?.hold(&channel, &goes_on)?
        };
        let naming = Naming::Fixed(self.content.name.clone());
        Ok(Some(Numbering::new(held, environment.clock, naming, self.content.label.clone(), true)))
    }

    /// What a volume holds, if volumes are asked for.
    fn volumes(&self) -> Option<VolumeLimits> {
        parity::limits(self.volume_size, self.volume_files)
    }

    fn request<'a>(
        &'a self,
        sources: Vec<Wanted>,
        store: &'a dyn ChunkStore,
        created: Timestamp,
        file_sums: &[SumFunction],
        bases: Bases,
    ) -> PackRequest<'a> {
        let mut request = self.content.request(sources, store, created);
        request.replace = if self.overwrite { Replace::WhenComplete } else { Replace::Never };
        request.bases = bases;
        request.file_sums = file_sums.iter().map(|&function| function.into()).collect();
        request.volumes = self.volumes();
        request
    }
}
