//! `carnet import`: arguments and run. `show` renders the report, `receipt` renders the receipt as text,
//! `record` fills the transfer record.

pub(super) mod piece;
mod receipt;
mod record;
mod show;

use std::path::PathBuf;

use carnet::arrival::{Beside, Bundle, SHARES_MAX};
use carnet::artifacts::{OnFailure, RegistryDestination};
use carnet::audit::Subject;
use carnet::diagnosis::Diagnose as _;
use carnet::environment::Environment;
use carnet::format::Timestamp;
use carnet::format::plan::Carriage;
use carnet::gate::Moving;
use carnet::import::{ImportReport, ImportRequest, Receipt, ReceiptFiles, RenameRule, Sending, TagPolicy};
use carnet::medium::ChunkPlace;
use carnet::observe::Verb;
use carnet::registry::{Host, Reach, Registries, RepositoryName, Tag};
use carnet::trust::{KeyPlace, Signer};
use clap::Args;
use schemars::{Schema, schema_for};

use crate::advice;
use crate::args::parse_spec;
use crate::bundle::{Attempt, Chosen, Opening, is_damage};
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::connection::Connection;
use crate::exit;
use crate::gate::GateArgs;
use crate::keys::{KeyAccess, key_place};
use crate::memory::{MemoryArgs, Passage};
use crate::recovery::RecoveryArgs;
use crate::screen::say;
use crate::stores::{StoreAccess, Stores};
use crate::sum_option::SumOption;
use crate::transfer_record::TransferRecordArgs;
use crate::trust::TrustArgs;
use crate::world::proxy;

use record::ImportRecord;

/// Push a verified and released bundle into a registry, straight from the chunk files
#[derive(Args)]
#[command(
    group(clap::ArgGroup::new("trusted").args(["trust", "public"]).required(true)),
    after_help = "Artifacts keep their repository and tag; the host that they came from is dropped. A --rename\n\
    rule must match the complete name in the bundle (HOST/REPO:TAG, or the digest of an artifact\n\
    without a name). The first rule that matches applies; its right side is REPO[:TAG] below PREFIX.\n\n\
    Connects only to the host in --to, to the hosts in --allow-host, and to a proxy that the\n\
    environment names. After a failure, run the same command again: it skips content that is\n\
    already there.\n\n\
    Examples:\n  \
    carnet import in --trust trust.toml --to docker://registry.example/mirror --dry-run\n  \
    carnet import in --trust trust.toml --to docker://registry.example --receipt receipt.json\n  \
    carnet import in --pub p.pem --to docker://registry.example --rename 'low.example/(.*)=team/$1'\n  \
    carnet import in --pub p.pem --to docker://registry.example --backup-tags=-before\n  \
    carnet import in --trust trust.toml --to docker://registry.example --policy policy.toml"
)]
pub(crate) struct Import {
    /// Chunk files, or folders or places in object stores that hold them; file names do not matter
    #[arg(value_name = "PLACE", required = true, value_parser = chunk_place())]
    places: Vec<ChunkPlace>,
    #[command(flatten)]
    trust: TrustArgs,
    /// The destination: docker://HOST[:PORT][/PREFIX]
    #[arg(long, value_name = "DEST", value_parser = parse_spec::<RegistryDestination>)]
    to: RegistryDestination,
    /// The bundle to import if several arrived: its name or id. What it leaves out is taken from the others
    #[arg(long, value_name = "NAME|ID")]
    bundle: Option<String>,
    /// Import only this artifact, by its name in the bundle or its digest; repeatable
    #[arg(long, value_name = "REF")]
    artifact: Vec<String>,
    /// Look in this repository, too, for content that a delta leaves out; repeatable
    #[arg(long, value_name = "REPO")]
    mount_from: Vec<RepositoryName>,
    #[command(flatten)]
    push: PushArgs,
    #[command(flatten)]
    gate: GateArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    /// Push manifests and tags after `carnet import-piece` pushed the layers of all pieces; refuse to if some are missing
    #[arg(long, requires = "pieces")]
    finish: bool,
    /// The number of pieces, as `carnet import-piece` was given
    #[arg(long, value_name = "N", requires = "finish", value_parser = clap::value_parser!(u32).range(1..=i64::from(SHARES_MAX)))]
    pieces: Option<u32>,
    /// Print what would be pushed; push nothing
    #[arg(long)]
    dry_run: bool,
    /// Write a receipt to FILE (JSON), and to FILE.txt for the transfer log
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    receipt: Option<PathBuf>,
    /// Sign the receipt with this private key; the signature goes to the receipt's name plus .sig
    #[arg(long, value_name = "KEY", requires = "receipt", value_parser = key_place())]
    key: Option<KeyPlace>,
    #[command(flatten)]
    key_access: KeyAccess,
    #[command(flatten)]
    record: TransferRecordArgs,
    /// Write these sums of the chunk files into the transfer record; each file is read once more for them
    /// [default: sha256 for files, none for objects of a store]
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "transfer_record")]
    file_sums: Vec<SumOption>,
    #[command(flatten)]
    recovery: RecoveryArgs,
    /// Allow redirects, upload locations and token services on this other host; repeatable
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<Host>,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    access: StoreAccess,
}

impl Command for Import {
    const VERB: Option<Verb> = Some(Verb::Import);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let screen = context.screen;
        // A dry run records nothing, and is judged by what is there.
        let recall = self.memory.recall(!self.dry_run)?;
        let clock = recall.clock(context.environment.clock);
        let Environment { monitor, workers, .. } = context.environment;
        let environment = &Environment { clock: &clock, monitor, workers };
        let started = environment.clock.now();
        let key = match &self.key {
            Some(key) => Some(self.key_access.load(key, context)?),
            None => None,
        };
        let signer = key.as_deref();
        let files = match &self.receipt {
            Some(path) => Some(ReceiptFiles::reserve(path, signer.is_some())?),
            None => None,
        };
        let (network, access) = (&self.connection.network, &self.access);
        let stores = Stores { network, access, writing: None, environment };
        let policy = self.trust.policy()?;
        let record = self.record.begin(started)?.map(|files| ImportRecord {
            files,
            places: &self.places,
            policy: policy.as_ref(),
            file_sums: &self.file_sums,
        });
        let opening = Opening {
            places: &self.places,
            stores: &stores,
            policy: policy.as_ref(),
            wanted: self.bundle.as_deref(),
            recall: &recall,
        };
        let mut papers = Papers { receipt: files, record };
        let context = Context {
            screen,
            environment: Environment { clock: &clock, monitor, workers },
            jobs: context.jobs,
        };
        opening.with_repair(&self.recovery, |Chosen { bundle, others, passage, attempt }| {
            if passage.is_done(screen) {
                return Ok(exit::DONE);
            }
            let work = Work {
                bundle,
                others,
                passage,
                to: &self.to,
                artifacts: &self.artifact,
                mount_from: &self.mount_from,
                push: &self.push,
                gate: Some(&self.gate),
                sending: self.pieces.map_or(Sending::All, Sending::AfterPieces),
                dry_run: self.dry_run,
                allow_host: &self.allow_host,
                connection: &self.connection,
                started,
                signer,
                attempt,
            };
            work.run(&mut papers, &context).map(|ended| ended.code)
        })
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("import", schema_for!(ImportReport)), ("receipt", schema_for!(Receipt))]
    }
}

/// How artifacts are pushed into a registry.
#[derive(Args, Clone)]
pub(super) struct PushArgs {
    /// Rename artifacts; repeatable, the first rule that matches applies
    #[arg(long, value_name = "REGEX=REPLACEMENT")]
    rename: Vec<RenameRule>,
    /// Leave out signatures, SBOMs and other referrers
    #[arg(long)]
    no_referrers: bool,
    /// Move tags that already point at something else
    #[arg(long)]
    pub(super) overwrite_tags: bool,
    /// Like --overwrite-tags, but keep the old artifact under the tag followed by SUFFIX
    #[arg(long, value_name = "SUFFIX", allow_hyphen_values = true, value_parser = suffix)]
    backup_tags: Option<String>,
    /// If an artifact fails, report it, import the others, and exit with 4
    #[arg(long)]
    continue_on_errors: bool,
}

impl PushArgs {
    /// Whether referrers are pushed.
    pub(super) fn referrers(&self) -> Carriage {
        if self.no_referrers { Carriage::Omit } else { Carriage::Carry }
    }

    fn tags(&self) -> TagPolicy {
        TagPolicy { overwrite: self.overwrite_tags, backup: self.backup_tags.clone() }
    }

    fn on_failure(&self) -> OnFailure {
        if self.continue_on_errors { OnFailure::Continue } else { OnFailure::Stop }
    }
}

/// What is written about an import.
#[derive(Default)]
pub(super) struct Papers<'a> {
    /// The files of the receipt, if one was requested.
    pub(super) receipt: Option<ReceiptFiles>,
    /// The transfer record, if one was requested.
    pub(super) record: Option<ImportRecord<'a>>,
}

/// How the step for a bundle ended.
#[derive(Clone, Copy)]
pub(super) struct Ended {
    /// The exit code.
    pub(super) code: u8,
    /// Whether the target lacks what an earlier bundle carried.
    pub(super) lacks_base: bool,
    /// Whether something is in the target now that was not.
    pub(super) has_brought: bool,
}

impl Ended {
    /// The end of a step that does everything or nothing.
    pub(super) fn of(code: u8) -> Ended {
        Ended { code, lacks_base: false, has_brought: false }
    }
}

/// The import of one bundle.
pub(super) struct Work<'a> {
    pub(super) bundle: &'a Bundle,
    /// The bundles beside it, which may carry what it leaves out.
    pub(super) others: &'a [Bundle],
    /// What is remembered of its stream.
    pub(super) passage: Passage,
    pub(super) to: &'a RegistryDestination,
    pub(super) artifacts: &'a [String],
    pub(super) mount_from: &'a [RepositoryName],
    pub(super) push: &'a PushArgs,
    /// The policies that it must pass first.
    pub(super) gate: Option<&'a GateArgs>,
    pub(super) sending: Sending,
    pub(super) dry_run: bool,
    pub(super) allow_host: &'a [Host],
    pub(super) connection: &'a Connection,
    pub(super) started: Timestamp,
    pub(super) signer: Option<&'a dyn Signer>,
    /// Whether it is tried again if the bundle is damaged.
    pub(super) attempt: Attempt,
}

impl Work<'_> {
    /// Imports the bundle, prints the report and writes the papers that were requested. Returns the exit code.
    pub(super) fn run(
        mut self,
        papers: &mut Papers<'_>,
        context: &Context<'_>,
    ) -> Result<Ended, CommandError> {
        let Context { screen, environment, .. } = context;
        let push = self.push;
        let whole = self.bundle.released()?.whole()?;
        let referrers = push.referrers();
        if let Some(gate) = self.gate {
            let subject = Subject::Bundle(self.bundle);
            let moving = Moving { subject, artifacts: self.artifacts, platforms: &[], referrers };
            gate.pass(&moving, context)?;
        }
        if let Some(files) = papers.receipt.as_mut() {
            files.make_room(&whole)?;
        }
        let mut hosts = vec![self.to.host.clone()];
        hosts.extend(self.allow_host.iter().cloned());
        let registries = Registries::new(self.connection.settings(
            Reach::Only(hosts),
            proxy()?,
            environment.workers.stop(),
        ));
        let request = ImportRequest {
            bundle: &whole,
            beside: &Beside::of(self.others, &whole.contents().plan.elsewhere),
            registry: registries.registry(&self.to.host)?,
            to: self.to,
            artifacts: self.artifacts,
            mount_from: self.mount_from,
            rename: &push.rename,
            tags: push.tags(),
            referrers,
            on_failure: push.on_failure(),
            sending: self.sending,
            dry_run: self.dry_run,
            connections: self.connection.network.transfers(),
        };
        let mut imported = carnet::import::import(&request, environment);
        if let Err(stopped) = &imported
            && self.attempt == Attempt::First
            && is_damage(stopped.error.code())
        {
            // What was pushed stays. The next attempt tells of everything.
            return Err(imported.expect_err("it stopped").error.into());
        }
        let mut recorded = Ok(());
        if let Ok(report) = &imported
            && report.failed() == 0
            && !self.dry_run
        {
            recorded = self.passage.accept(environment);
        }
        // An import that ended early also has a report, and a receipt if one was requested.
        let report = match &mut imported {
            Ok(report) => Some(report),
            Err(stopped) => stopped.report.as_deref_mut(),
        };
        let report = report.map(|report| {
            report.add_hints(&advice::hint);
            report.in_stream = self.passage.report.take();
            &*report
        });
        let written = match (papers.receipt.take(), report) {
            (Some(files), Some(report)) => {
                let times = [self.started, environment.clock.now()];
                let receipt = Receipt::new(&whole, &self.to.host, report, times, self.signer);
                files.write(&receipt, &receipt::text(&receipt), self.signer)
            }
            _ => Ok(()),
        };
        let written = match (papers.record.take(), report) {
            (Some(record), Some(report)) => written.map_err(CommandError::from).and(record.write(
                self.bundle,
                self.to,
                push,
                self.gate,
                report,
                environment,
            )),
            _ => written.map_err(CommandError::from),
        };
        match imported {
            Ok(report) => {
                show::show(&report, screen);
                written?;
                recorded?;
                Ok(Ended {
                    code: if report.failed() == 0 { exit::DONE } else { exit::DAMAGED },
                    lacks_base: report.lacks_base(),
                    has_brought: report.has_brought(),
                })
            }
            Err(stopped) => {
                if let Err(error) = written {
                    // Without a receipt, this is the only record of what was changed.
                    if let Some(report) = stopped.report.as_deref().filter(|_| !screen.json) {
                        show::show(report, screen);
                    }
                    say(&format!("warning: {}", error.message));
                }
                Err(stopped.error.into())
            }
        }
    }
}

/// A suffix for `--backup-tags`: characters that may follow any tag.
fn suffix(text: &str) -> Result<String, String> {
    match format!("x{text}").parse::<Tag>() {
        Ok(_) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err("expected letters, digits, _ . and -, e.g. -before".to_owned()),
    }
}
