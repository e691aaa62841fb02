//! `carnet trust add`, `revoke` and `rotate`: write a changed trust file beside the old one.

use std::path::{Path, PathBuf};

use carnet::diagnosis::Code;
use carnet::medium::NewFile;
use carnet::small_file::SmallFile;
use carnet::trust::{NewKey, PublicKey, Revocation, TRUST_BYTES_MAX, Time, TrustDraft, changes};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::RoleWord;
use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::plain::{plain, plain_path};

/// Where a changed trust file comes from and goes to.
#[derive(Args)]
struct Files {
    /// The trust file, which is not changed
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the new trust file here
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// Write a trust file with one key more
#[derive(Args)]
#[command(after_help = "Example:\n  \
    carnet trust add trust.toml --holder 'Carol Example' --pub carol.pub.pem --role releaser --to new.toml")]
pub(super) struct Add {
    #[command(flatten)]
    files: Files,
    /// The person or machine that has the private key
    #[arg(long, value_name = "NAME")]
    holder: String,
    /// The public key
    #[arg(long = "pub", value_name = "FILE")]
    public: PathBuf,
    /// What the key may do
    #[arg(long, value_name = "ROLE", required = true, value_delimiter = ',')]
    role: Vec<RoleWord>,
    /// A stream that it may sign for; repeatable; all if left out
    #[arg(long, value_name = "NAME")]
    stream: Vec<String>,
    /// The time from which it is valid
    #[arg(long, value_name = "TIME")]
    valid_from: Option<Time>,
    /// The time until which it is valid
    #[arg(long, value_name = "TIME")]
    valid_until: Option<Time>,
    /// Each signature must show that the FIDO token asked for a PIN or a fingerprint
    #[arg(long)]
    verify_required: bool,
}

/// Write a trust file in which a key is revoked
#[derive(Args)]
#[command(
    after_help = "Without --created-from and --sequence-from, nothing counts that the key has ever signed: after a theft,\n\
    nothing else is safe.\n\nExamples:\n  carnet trust revoke trust.toml 752d3056a10a160e --to new.toml\n  \
    carnet trust revoke trust.toml 752d3056a10a160e --created-from 2026-12-01T00:00:00Z --to new.toml"
)]
pub(super) struct Revoke {
    #[command(flatten)]
    files: Files,
    /// The key: the beginning of its id
    #[arg(value_name = "KEY")]
    key: String,
    /// For a key that nobody has stolen: what was made before TIME still counts
    #[arg(long, value_name = "TIME", conflicts_with = "sequence_from")]
    created_from: Option<Time>,
    /// For a key that nobody has stolen, of one stream: bundles with numbers below N still count
    #[arg(long, value_name = "N")]
    sequence_from: Option<u64>,
}

/// Write a trust file in which a holder has a new key beside the old one
#[derive(Args)]
#[command(after_help = "The new key has the roles and streams of the old one, and\n\
    must show a PIN or a fingerprint if the old one had to.\n\nExample:\n  \
    carnet trust rotate trust.toml 752d3056a10a160e --pub alice-2027.pub.pem --old-until 2027-02-01T00:00:00Z --to new.toml")]
pub(super) struct Rotate {
    #[command(flatten)]
    files: Files,
    /// The old key: the beginning of its id
    #[arg(value_name = "KEY")]
    key: String,
    /// The new public key
    #[arg(long = "pub", value_name = "FILE")]
    public: PathBuf,
    /// The time from which the new key is valid
    #[arg(long, value_name = "TIME")]
    valid_from: Option<Time>,
    /// The time until which the old key is valid
    #[arg(long, value_name = "TIME")]
    old_until: Option<Time>,
}

/// The output of the commands that write a changed trust file.
#[derive(Serialize, JsonSchema)]
pub(super) struct TrustEditReport {
    /// The path of the new trust file.
    file: String,
    /// Its number; absent if it has none.
    serial: Option<u64>,
    /// What differs from the old one.
    changes: Vec<String>,
}

impl Files {
    fn open(&self) -> Result<(String, TrustDraft), CommandError> {
        let text = read(&self.file)?;
        let draft = TrustDraft::new(&self.file, &text)?;
        Ok((text, draft))
    }

    /// Writes the new trust file, which must not be there yet.
    fn close(&self, old: &str, draft: TrustDraft, context: &Context<'_>) -> Result<u8, CommandError> {
        let text = draft.finish()?;
        let (old, new) = (TrustDraft::new(&self.file, old)?, TrustDraft::new(&self.file, &text)?);
        NewFile::reserve(&self.to)?.place(text.as_bytes())?;
        let report = TrustEditReport {
            file: self.to.display().to_string(),
            serial: new.policy().serial(),
            changes: changes(old.policy(), new.policy()),
        };
        context.screen.report(&report, || {
            let lines: String = report.changes.iter().map(|line| format!("{}\n", plain(line))).collect();
            format!("{lines}new trust file written to {}\n", plain_path(&self.to))
        });
        Ok(exit::DONE)
    }
}

/// Reads the text of a trust file.
pub(super) fn read(path: &Path) -> Result<String, CommandError> {
    let failed = |error| CommandError::small_file(path, &error);
    let file = SmallFile::read_once(path, TRUST_BYTES_MAX).map_err(failed)?;
    Ok(file.text().map_err(failed)?.to_owned())
}

impl Add {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let (old, mut draft) = self.files.open()?;
        draft.add(&NewKey {
            holder: self.holder.clone(),
            key: PublicKey::load(&self.public)?,
            roles: RoleWord::roles(&self.role),
            streams: self.stream.clone(),
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            jump_max: None,
            verify_required: self.verify_required,
        })?;
        self.files.close(&old, draft, context)
    }
}

impl Revoke {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let (old, mut draft) = self.files.open()?;
        let key = draft.find(&self.key)?.key().clone();
        let how = match (self.created_from, self.sequence_from) {
            (Some(time), _) => Revocation::CreatedFrom(time),
            (None, Some(from)) => Revocation::SequenceFrom(from),
            (None, None) => Revocation::At(context.environment.clock.now().get()),
        };
        draft.revoke(&key, how)?;
        self.files.close(&old, draft, context)
    }
}

impl Rotate {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let (old, mut draft) = self.files.open()?;
        let known = draft.find(&self.key)?.clone();
        let public = PublicKey::load(&self.public)?;
        if public.algorithm() != known.key().algorithm() {
            let (old, new) = (known.key().algorithm(), public.algorithm());
            let message = format!(
                "the old key is of {old}, the new one of {new}: use `carnet trust add` for a second algorithm"
            );
            return Err(CommandError::new(Code::TrustWhichKey, message));
        }
        draft.add(&NewKey {
            holder: known.holder().to_owned(),
            key: public,
            roles: known.roles().to_vec(),
            streams: known.streams().unwrap_or_default().to_vec(),
            valid_from: self.valid_from,
            valid_until: None,
            jump_max: Some(known.jump_max()),
            verify_required: known.verify_required(),
        })?;
        if let Some(until) = self.old_until {
            draft.end(known.key(), until)?;
        }
        self.files.close(&old, draft, context)
    }
}
