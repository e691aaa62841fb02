//! The trust options: a trust file, or one public key.

use std::path::PathBuf;

use carnet::trust::{PublicKey, TrustPolicy};
use clap::Args;

use super::command_error::CommandError;

/// The options `--trust` and `--pub`.
#[derive(Args)]
pub(crate) struct TrustArgs {
    /// The trust file: keys, their roles, and how many must release a bundle
    #[arg(long, value_name = "FILE", conflicts_with = "public")]
    trust: Option<PathBuf>,
    /// Instead of a trust file: one public key that may both pack and release
    #[arg(long = "pub", value_name = "FILE", id = "public")]
    public: Option<PathBuf>,
}

impl TrustArgs {
    /// Loads the trust policy, if either option is given.
    pub(crate) fn policy(&self) -> Result<Option<TrustPolicy>, CommandError> {
        match (&self.trust, &self.public) {
            (Some(path), _) => Ok(Some(TrustPolicy::load(path)?)),
            (None, Some(path)) => {
                let key = PublicKey::load(path)?;
                let holder = path.file_name().unwrap_or_default().to_string_lossy();
                let holder: String = holder.chars().filter(char::is_ascii_graphic).take(64).collect();
                let holder = if holder.is_empty() { "key".to_owned() } else { holder };
                Ok(Some(TrustPolicy::single_key(key, &holder)?))
            }
            (None, None) => Ok(None),
        }
    }
}
