//! `carnet trust update`, `sign` and `apply`: a new trust file that the roots sign.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use carnet::diagnosis::{Code, count};
use carnet::format::Sum;
use carnet::medium::NewFile;
use carnet::small_file::SmallFile;
use carnet::trust::{
    Judgement, KeyPlace, PublicKey, TrustPolicy, TrustUpdate, UPDATE_BYTES_MAX, UpdateStanding,
    UpdateStatement, changes,
};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::edit::read;
use crate::command::Context;
use crate::command_error::CommandError;
use crate::commands::sign::asking;
use crate::exit;
use crate::keys::{KeyAccess, SecondKey, key_place};
use crate::plain::{plain, plain_path};
use crate::report_file::write;

/// Make an update: a new trust file, for the roots to sign
#[derive(Args)]
#[command(after_help = "Example:\n  carnet trust update trust.toml new.toml --to update.txt\n  \
    carnet trust sign update.txt --trust trust.toml --key alice.key.pem\n  \
    carnet trust sign update.txt --trust trust.toml --key bob.key.pem\n  \
    carnet trust apply update.txt --trust trust.toml")]
pub(super) struct Update {
    /// The trust file that the receivers have
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The trust file that is to replace it
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Write the update here
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// Sign an update as a root
#[derive(Args)]
#[command(after_help = "On a terminal, it shows what changes and asks.\n\nExample:\n  \
    carnet trust sign update.txt --trust trust.toml --key alice.key.pem")]
pub(super) struct Sign {
    /// The update, which gets the signature
    #[arg(value_name = "UPDATE")]
    update: PathBuf,
    /// The trust file that the receivers have
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// The private key to sign with: a file, ssh-agent:COMMENT, ssh-agent:FINGERPRINT, or pkcs11:… for a token
    #[arg(long, value_name = "KEY", value_parser = key_place())]
    key: KeyPlace,
    #[command(flatten)]
    access: KeyAccess,
    #[command(flatten)]
    second: SecondKey,
    /// Do not ask on a terminal
    #[arg(long, short)]
    yes: bool,
}

/// Replace a trust file by an update that enough roots have signed
#[derive(Args)]
#[command(
    after_help = "Several updates are applied in the order given. The trust file is replaced in one step, or not at all.\n\n\
    Example:\n  carnet trust apply update.txt --trust trust.toml"
)]
pub(super) struct Apply {
    /// The updates
    #[arg(value_name = "UPDATE", required = true)]
    updates: Vec<PathBuf>,
    /// The trust file, which is replaced
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
}

/// The output of the commands for updates.
#[derive(Serialize, JsonSchema)]
pub(super) struct TrustUpdateReport {
    /// What the roots sign.
    statement: UpdateStatement,
    /// What changes.
    changes: Vec<String>,
    /// Who has signed, as the old and as the new trust file count it.
    standing: UpdateStanding,
    /// Whether that is enough.
    complete: bool,
}

fn load(path: &Path) -> Result<TrustUpdate, CommandError> {
    let file = SmallFile::read_once(path, UPDATE_BYTES_MAX)
        .map_err(|error| CommandError::small_file(path, &error))?;
    TrustUpdate::parse(file.raw()).map_err(|error| named(path, error))
}

fn named(path: &Path, error: carnet::trust::UpdateError) -> CommandError {
    let mut error = CommandError::from(error);
    error.message = format!("{}: {}", plain_path(path), error.message);
    error
}

fn report(
    update: &TrustUpdate,
    old: &TrustPolicy,
    context: &Context<'_>,
) -> Result<TrustUpdateReport, carnet::trust::UpdateError> {
    let standing = update.standing(old, context.environment.clock.now().get())?;
    Ok(TrustUpdateReport {
        statement: update.statement().clone(),
        changes: changes(old, update.policy()),
        complete: standing.is_enough(),
        standing,
    })
}

impl TrustUpdateReport {
    /// What is signed.
    fn shown(&self) -> String {
        let UpdateStatement { serial, file, created, .. } = &self.statement;
        let changes: String = self.changes.iter().map(|line| format!("  {}\n", plain(line))).collect();
        format!("trust file number {serial}\nid     {file}\nmade   {created}\n{changes}")
    }

    /// Who has signed.
    fn signed(&self) -> String {
        let side = |which: &str, judgement: &Judgement, needed: u8| {
            let holders: Vec<_> = judgement.accepted().iter().map(|by| plain(&by.holder)).collect();
            let holders = if holders.is_empty() { "no one".to_owned() } else { holders.join(", ") };
            let mut out = format!(
                "signed by {holders}: {} of {}, as the {which} trust file says\n",
                judgement.accepted().len(),
                count(needed.into(), "root", "roots")
            );
            for refused in judgement.refused() {
                out += &format!("  not counted: {refused}\n");
            }
            out
        };
        let UpdateStanding { old, old_threshold, new, new_threshold, .. } = &self.standing;
        side("old", old, *old_threshold) + &side("new", new, *new_threshold)
    }
}

impl Update {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let old = TrustPolicy::load(&self.old)?;
        let text = read(&self.new)?;
        let update = TrustUpdate::new(&old, &text, context.environment.clock.now())
            .map_err(|error| named(&self.new, error))?;
        let report = report(&update, &old, context)?;
        NewFile::reserve(&self.to)?.place(&update.render())?;
        context
            .screen
            .report(&report, || format!("{}update written to {}\n", report.shown(), plain_path(&self.to)));
        Ok(exit::DONE)
    }
}

impl Sign {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let old = TrustPolicy::load(&self.trust)?;
        let mut update = load(&self.update)?;
        let shown = report(&update, &old, context).map_err(|error| named(&self.update, error))?;
        let signer = self.second.beside(self.access.load(&self.key, context)?, context)?;
        let keys: Vec<PublicKey> = signer.public_keys().cloned().collect();
        if let Some(stranger) = keys.iter().find(|key| !is_root(key, &old) && !is_root(key, update.policy()))
        {
            let message = format!(
                "the key {} is no root of the old trust file or of the new one",
                stranger.id().short()
            );
            return Err(CommandError::new(Code::TrustNotRoot, message));
        }
        let before = update.render();
        if !keys.iter().all(|key| update.is_signed_by(key)) {
            asking::confirm(&shown.statement.file, &shown.shown(), self.yes, context)?;
            update.sign(signer.as_ref())?;
        }
        let after = update.render();
        if after != before {
            // With too many other signatures in it, nobody could read it any more.
            TrustUpdate::parse(&after).map_err(|error| named(&self.update, error))?;
            write(&self.update, &after)?;
        }
        let report = report(&update, &old, context)?;
        context.screen.report(&report, || report.shown() + &report.signed());
        Ok(exit::DONE)
    }
}

fn is_root(key: &PublicKey, policy: &TrustPolicy) -> bool {
    policy.keys().iter().any(|known| known.key() == key && known.roles().contains(&carnet::trust::Role::Root))
}

impl Apply {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let _lock = lock(&self.trust);
        let mut policy = TrustPolicy::load(&self.trust)?;
        let found = policy.file_sum().copied();
        let mut applied = Vec::new();
        let mut text = String::new();
        for path in &self.updates {
            let update = load(path)?;
            let report = report(&update, &policy, context).map_err(|error| named(path, error))?;
            if !report.complete {
                let signed = report.signed();
                let signed: Vec<&str> = signed.lines().map(str::trim_start).collect();
                let message = format!("{}: {}", plain_path(path), signed.join("; "));
                return Err(CommandError::new(Code::TrustUpdateUnsigned, message));
            }
            update.text().clone_into(&mut text);
            policy = TrustPolicy::from_text(&text)?;
            applied.push(report);
        }
        // An editor knows nothing of the lock.
        if found != Some(Sum::of(read(&self.trust)?.as_bytes())) {
            let message = format!(
                "{}: it was changed while the update was checked; it was not replaced",
                plain_path(&self.trust)
            );
            return Err(CommandError::new(Code::TrustUpdateOther, message));
        }
        write(&self.trust, text.as_bytes())?;
        context.screen.report(&applied, || {
            let each: String = applied.iter().map(|report| report.shown() + &report.signed()).collect();
            format!("{each}trust file {} replaced\n", plain_path(&self.trust))
        });
        Ok(exit::DONE)
    }
}

/// Waits until nobody else replaces this file, and locks it as it is then. Without locks in the file system, and for what is no
/// regular file, there is none.
fn lock(path: &Path) -> Option<File> {
    loop {
        if !std::fs::metadata(path).ok()?.is_file() {
            return None;
        }
        let file = File::open(path).ok()?;
        file.lock().ok()?;
        let (open, at) = (file.metadata().ok()?, std::fs::metadata(path).ok()?);
        if (open.dev(), open.ino()) == (at.dev(), at.ino()) {
            return Some(file);
        }
    }
}
