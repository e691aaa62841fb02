//! Whom a command trusts: a trust file, or one public key.

use std::path::PathBuf;

use carnet::trust::{PublicKey, TrustPolicy};
use clap::Args;

use super::trouble::Trouble;

#[derive(Args)]
pub(crate) struct TrustArgs {
    /// Who is trusted for what: a trust file
    #[arg(long, value_name = "FILE", conflicts_with = "public")]
    trust: Option<PathBuf>,
    /// The short form: this one public key packs and releases
    #[arg(long = "pub", value_name = "FILE", id = "public")]
    public: Option<PathBuf>,
}

impl TrustArgs {
    /// The policy that they name, if they name one.
    pub(crate) fn policy(&self) -> Result<Option<TrustPolicy>, Trouble> {
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
