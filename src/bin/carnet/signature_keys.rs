//! The options for keys and certificates that signatures in the cargo are checked with.

use std::path::PathBuf;

use carnet::gate::RuleFiles;
use clap::Args;

/// The options of commands that check signatures in the cargo.
#[derive(Args, Clone, Default)]
pub(crate) struct SignatureKeyArgs {
    /// Check signatures in the cargo that cosign made, with the public key in FILE (PEM); repeatable
    #[arg(long, value_name = "FILE")]
    cosign_key: Vec<PathBuf>,
    /// Check signatures in the cargo that Notation made: FILE has certificates of authorities, or of signers
    /// (PEM); repeatable
    #[arg(long, value_name = "FILE")]
    notation_ca: Vec<PathBuf>,
}

impl SignatureKeyArgs {
    /// The files.
    pub(crate) fn files(&self) -> RuleFiles {
        RuleFiles {
            cosign_keys: self.cosign_key.clone(),
            notation_ca: self.notation_ca.clone(),
            ..RuleFiles::default()
        }
    }
}
