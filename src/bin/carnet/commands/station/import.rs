//! `carnet station import`: one run of an import pipeline for each bundle that is ready.

use carnet::diagnosis::Code;
use carnet::format::Sum;
use carnet::observe::Verb;
use carnet::station::{ImportRun, Inbox, InboxBundle, InboxLimits, import, require_fields};
use carnet::trust::TrustPolicy;
use clap::Args;

use super::{no_such_pipeline, show, watched};
use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::fields::FieldArgs;
use crate::log_lines::LogLines;
use crate::plain::plain;
use crate::progress::Progress;
use crate::screen::say;
use crate::station_args::StationArgs;

/// Import the bundles that are ready in the inbox of a pipeline, or one of them
#[derive(Args)]
#[command(after_help = "Examples:\n  carnet station import mirror\n  \
    carnet station import mirror --catalog-digest c3d09ea29c363cadbf3949916ed499810d77b7f716c8c34d5f131822e24760b7")]
pub(super) struct Import {
    /// The pipeline
    #[arg(value_name = "NAME")]
    pipeline: String,
    /// The bundle: its name or id [default: all that were not imported before]
    #[arg(value_name = "BUNDLE")]
    bundle: Option<String>,
    /// Import only the bundle with exactly this id, and fail if it is not there
    #[arg(long, value_name = "ID", conflicts_with = "bundle")]
    catalog_digest: Option<Sum>,
    /// Import again what was imported before
    #[arg(long)]
    force: bool,
    /// Import what is older than what was imported of its stream
    #[arg(long)]
    allow_rollback: bool,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    args: StationArgs,
}

impl Import {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let (screen, environment) = (context.screen, &context.environment);
        let loaded = self.args.load(environment)?;
        let pipeline = loaded.station.import_pipeline(&self.pipeline);
        let pipeline = pipeline.ok_or_else(|| no_such_pipeline(&self.pipeline))?;
        let fields = self.fields.fields()?;
        // Before anything is looked at.
        require_fields(&pipeline.name, &pipeline.required_fields, &fields)?;
        let policy = TrustPolicy::load(&pipeline.trust)?;
        let ledger = loaded.ledger(context)?;
        let store = loaded.equipment.inbox(pipeline)?;
        let (mut inbox, now) = (Inbox::default(), loaded.equipment.clock.now());
        let files = inbox.look(&store.files()?, &policy, now, InboxLimits::default(), environment.workers);
        let waiting = inbox.bundles(&files, now);
        let mut bundles: Vec<&InboxBundle> = waiting.iter().collect();
        let id = self.catalog_digest.map(|id| id.to_string());
        let wanted = self.bundle.as_deref().or(id.as_deref());
        if let Some(wanted) = wanted {
            bundles.retain(|bundle| {
                let id = bundle.id.to_string();
                bundle.name.as_str() == wanted || (wanted.len() >= 8 && id.starts_with(wanted))
            });
            if bundles.is_empty() {
                let message = format!("{} has no chunk of a bundle {wanted:?}", pipeline.from);
                return Err(CommandError::new(Code::NoSuchBundle, message));
            }
        }
        let log = LogLines::by_hand(screen.json);
        let progress = Progress::new(screen);
        let watched = watched(context, loaded.equipment.clock.as_ref(), &progress, Verb::Import);
        let mut worst = exit::DONE;
        let mut runs = 0;
        for bundle in bundles {
            let is_new = || ledger.imported(&pipeline.name, &bundle.id).map(|run| run.is_none());
            if wanted.is_none() && !self.force && !is_new()? {
                continue;
            }
            let run = ImportRun {
                files: &bundle.files,
                bundle: bundle.id,
                waiting: &waiting,
                policy: &policy,
                access: store.access(),
                arrived: None,
                force: self.force,
                allow_rollback: self.allow_rollback,
                fields: fields.clone(),
            };
            runs += 1;
            let code = match import(pipeline, &run, &loaded.equipment, &ledger, &watched, &log)? {
                Ok(record) => show(&record, screen),
                Err(not_ready) => {
                    let code = not_ready.diagnosis.code;
                    say(&format!("error[{code}]: bundle {}: {}", bundle.name, plain(&not_ready.reason)));
                    say(&format!("  hint: {}", crate::advice::hint(&not_ready.diagnosis)));
                    exit::code(code.failure())
                }
            };
            worst = worst.max(code);
        }
        if runs == 0 && !screen.quiet {
            say("nothing to import");
        }
        Ok(worst)
    }
}
