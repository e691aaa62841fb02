//! `carnet import`: its arguments, and how it runs. `show` has the text, `receipt` the text of the receipt.

mod receipt;
mod show;

use std::path::PathBuf;

use carnet::artifacts::{OnFailure, RegistryDestination};
use carnet::import::{ImportReport, ImportRequest, Receipt, ReceiptFiles, RenameRule, TagPolicy};
use carnet::observe::Verb;
use carnet::registry::{Host, Reach, Registries, Tag};
use carnet::trust::Signer;
use clap::Args;
use schemars::{Schema, schema_for};

use crate::advice;
use crate::args::place;
use crate::bundle::one_bundle;
use crate::command::{Command, Context};
use crate::connection::Connection;
use crate::exit;
use crate::keys;
use crate::screen::say;
use crate::trouble::Trouble;
use crate::trust::TrustArgs;
use crate::world::proxy;

/// Push a verified and released bundle into a registry, straight from the chunk files
#[derive(Args)]
#[command(
    group(clap::ArgGroup::new("who").args(["trust", "public"]).required(true)),
    after_help = "Artifacts keep their repository and tag; the host that they came from is dropped. --rename\n\
    matches the whole name in the bundle (HOST/REPO:TAG, or the digest of an artifact without a\n\
    name); the first rule that matches counts, and its right side is REPO[:TAG] below PREFIX.\n\n\
    No connection is made to any host but the one of --to, those of --allow-host, and a proxy that\n\
    the environment names. Running the same command again after any failure goes on: what is there\n\
    is skipped.\n\n\
    Examples:\n  \
    carnet import in --trust trust.toml --to docker://registry.example/mirror --dry-run\n  \
    carnet import in --trust trust.toml --to docker://registry.example --receipt receipt.json\n  \
    carnet import in --pub p.pem --to docker://registry.example --rename 'low.example/(.*)=team/$1'\n  \
    carnet import in --pub p.pem --to docker://registry.example --backup-tags=-before"
)]
pub(crate) struct Import {
    /// Files and folders, in any mixture, under any names
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
    /// Where to: docker://HOST[:PORT][/PREFIX]
    #[arg(long, value_name = "DEST", value_parser = place::<RegistryDestination>)]
    to: RegistryDestination,
    /// Which bundle, by name or id, where several arrived
    #[arg(long, value_name = "NAME|ID")]
    bundle: Option<String>,
    /// Only this artifact, by its name in the bundle or its digest; repeat for more
    #[arg(long, value_name = "REF")]
    artifact: Vec<String>,
    /// Give artifacts other names; repeat for more rules
    #[arg(long, value_name = "REGEX=REPLACEMENT")]
    rename: Vec<RenameRule>,
    /// Let tags that the registry has point at the new artifacts
    #[arg(long)]
    overwrite_tags: bool,
    /// Replace tags that the registry has, and keep the old artifact as TAG followed by SUFFIX
    #[arg(long, value_name = "SUFFIX", allow_hyphen_values = true, value_parser = suffix)]
    backup_tags: Option<String>,
    /// Import the others when an artifact fails, and name it
    #[arg(long)]
    continue_on_errors: bool,
    /// Print what would be pushed, push nothing
    #[arg(long)]
    dry_run: bool,
    /// Write what was done to FILE (JSON), and to FILE.txt for the transfer log
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    receipt: Option<PathBuf>,
    /// Sign the receipt with this private key: FILE.sig
    #[arg(long, value_name = "FILE", requires = "receipt")]
    key: Option<PathBuf>,
    /// The passphrase of the key is the first line of FILE
    #[arg(long, value_name = "FILE", requires = "key")]
    passphrase_file: Option<PathBuf>,
    /// Follow redirects, uploads and token services to this other host; repeat for more
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<Host>,
    #[command(flatten)]
    connection: Connection,
}

impl Command for Import {
    const VERB: Option<Verb> = Some(Verb::Import);

    fn run(self, context: &Context<'_>) -> Result<u8, Trouble> {
        let Context { screen, environment } = context;
        let started = environment.clock.now();
        let key = match &self.key {
            Some(path) => Some(keys::load(path, self.passphrase_file.as_deref(), screen)?),
            None => None,
        };
        let signer = key.as_ref().map(|key| key as &dyn Signer);
        let files = match &self.receipt {
            Some(path) => Some(ReceiptFiles::reserve(path, signer.is_some())?),
            None => None,
        };
        let bundle = one_bundle(&self.paths, &self.trust, self.bundle.as_deref(), environment)?;
        let whole = bundle.released()?.whole()?;
        let mut hosts = vec![self.to.host.clone()];
        hosts.extend(self.allow_host.iter().cloned());
        let registries = Registries::new(self.connection.settings(
            Reach::Only(hosts),
            proxy()?,
            environment.workers.stop(),
        ));
        let request = ImportRequest {
            bundle: &whole,
            registry: registries.registry(&self.to.host)?,
            to: &self.to,
            artifacts: &self.artifact,
            rename: &self.rename,
            tags: TagPolicy { overwrite: self.overwrite_tags, backup: self.backup_tags.clone() },
            on_failure: if self.continue_on_errors { OnFailure::Continue } else { OnFailure::Stop },
            dry_run: self.dry_run,
            connections: self.connection.connections,
        };
        let mut imported = carnet::import::import(&request, environment);
        // What was done is told, also when it ended early.
        let report = match &mut imported {
            Ok(report) => Some(report),
            Err(stopped) => stopped.report.as_deref_mut(),
        };
        let report = report.map(|report| {
            report.add_hints(&advice::hint);
            &*report
        });
        let written = match (files, report) {
            (Some(files), Some(report)) => {
                let times = [started, environment.clock.now()];
                let receipt = Receipt::new(&whole, &self.to.host, report, times, signer);
                files.write(&receipt, &receipt::text(&receipt), signer)
            }
            _ => Ok(()),
        };
        match imported {
            Ok(report) => {
                show::show(&report, screen);
                written?;
                Ok(if report.failed() == 0 { exit::DONE } else { exit::DAMAGED })
            }
            Err(stopped) => {
                if let Err(error) = written {
                    say(&format!("warning: {error}"));
                }
                Err(stopped.error.into())
            }
        }
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("import", schema_for!(ImportReport)), ("receipt", schema_for!(Receipt))]
    }
}

/// What can stand behind any tag.
fn suffix(text: &str) -> Result<String, String> {
    match format!("x{text}").parse::<Tag>() {
        Ok(_) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err("expected letters, digits, _ . and -, as -before".to_owned()),
    }
}
