//! The options that make a delta: earlier bundles, what judges them, and receipts of the far side.

use std::path::{Path, PathBuf};

use carnet::arrival::{Bundle, OpenRequest, open};
use carnet::format::statement::Crossing;
use carnet::medium::ChunkPlace;
use carnet::observe::Event;
use carnet::pack::{BaseRules, Bases, Confirmation, confirmed};
use carnet::small_file::SmallFile;
use carnet::trust::{PublicKey, Signer, TrustPolicy};
use clap::{Args, ValueEnum};

use crate::bundle::chunk_files;
use crate::chunk_place::chunk_place;
use crate::command_error::CommandError;
use crate::plain::plain_path;
use crate::stores::Stores;

/// Maximum size of a receipt, in bytes.
const RECEIPT_BYTES_MAX: u64 = 64 << 20;

/// The options that make a delta.
#[derive(Args)]
#[command(next_help_heading = "Options for deltas")]
pub(crate) struct DeltaArgs {
    /// Leave out the layers of an earlier bundle, of which only the control chunk (and its annex chunks) is needed;
    /// repeatable. A folder stands for all bundles in it
    #[arg(long, value_name = "PLACE", value_parser = chunk_place())]
    base: Vec<ChunkPlace>,
    /// The trust file that judges earlier bundles [default: the packer's own key]
    #[arg(long, value_name = "FILE", requires = "base")]
    base_trust: Option<PathBuf>,
    /// Accept earlier bundles that are not released, or of another stream; repeatable
    #[arg(long, value_name = "WHICH", requires = "base")]
    allow_base: Vec<AllowedBase>,
    /// Leave out only the layers of bundles that the far side confirms: by a receipt, whose signature is in RECEIPT.sig,
    /// or by lines of the chain.jsonl of a station; repeatable
    #[arg(long, value_name = "RECEIPT", requires_all = ["base", "receipt_pub"])]
    since: Vec<PathBuf>,
    /// The public key that signs receipts or runs on the far side; repeatable
    #[arg(long, value_name = "FILE", requires = "since")]
    receipt_pub: Vec<PathBuf>,
}

/// What `--allow-base` accepts.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AllowedBase {
    Unreleased,
    OtherStream,
}

impl DeltaArgs {
    /// Reads what the earlier bundles carried.
    pub(super) fn bases(
        &self,
        crossing: &Crossing,
        key: &dyn Signer,
        stores: &Stores<'_>,
    ) -> Result<Bases, CommandError> {
        let mut bases = Bases::default();
        if self.base.is_empty() {
            return Ok(bases);
        }
        let policy = match &self.base_trust {
            Some(path) => TrustPolicy::load(path)?,
            None => TrustPolicy::single_key(key.public_key().clone(), "packer")?,
        };
        let files = chunk_files(&self.base, stores)?;
        let arrivals = open(&OpenRequest { files: &files, policy: Some(&policy) }, stores.environment)?;
        let rules = BaseRules {
            other_streams: self.allow_base.contains(&AllowedBase::OtherStream),
            unreleased: self.allow_base.contains(&AllowedBase::Unreleased),
        };
        let bundles: Vec<&Bundle> = if self.since.is_empty() {
            arrivals.bundles.iter().collect()
        } else {
            let kept = confirmed(&arrivals.bundles, &self.confirmations()?)?;
            for other in &arrivals.bundles {
                if !kept.iter().any(|kept| kept.id == other.id) {
                    let text = format!(
                        "the far side does not confirm all of {} ({}): no base",
                        other.name(),
                        other.id
                    );
                    stores.environment.monitor.tell(Event::Note { text });
                }
            }
            kept
        };
        for bundle in bundles {
            bases.add(bundle, crossing, rules)?;
        }
        Ok(bases)
    }

    fn confirmations(&self) -> Result<Vec<Confirmation>, CommandError> {
        let keys = self.receipt_pub.iter().map(|path| PublicKey::load(path));
        let keys = keys.collect::<Result<Vec<PublicKey>, _>>()?;
        let mut confirmations = Vec::new();
        for path in &self.since {
            let (name, text) = (plain_path(path), read_file(path)?);
            if let Some(lines) = Confirmation::of_runs(&name, text.raw(), &keys) {
                confirmations.extend(lines?);
                continue;
            }
            let mut signature = path.clone().into_os_string();
            signature.push(".sig");
            let signature = read_file(Path::new(&signature))?;
            confirmations.push(Confirmation::read(&name, text.raw(), signature.raw(), &keys)?);
        }
        Ok(confirmations)
    }
}

fn read_file(path: &Path) -> Result<SmallFile, CommandError> {
    SmallFile::read(path, RECEIPT_BYTES_MAX).map_err(|error| CommandError::small_file(path, &error))
}
