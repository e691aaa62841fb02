//! `carnet pubkey`: gives the public half of a key, wherever its private half is.

use std::path::PathBuf;

use carnet::medium::NewFile;
use clap::Args;
use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;
use crate::keys::KeyArgs;
use crate::plain::plain;

/// What the key signs to show that both halves belong together. It is neither a statement nor a record.
const TRIAL: &[u8] = b"carnet pubkey\n";

/// Print the public key of a private key, for trust files, after the key has signed a short text
#[derive(Args)]
#[command(after_help = "Examples:\n  carnet pubkey --key station.key.pem\n  \
    carnet pubkey --key ssh-agent:alice@desk --to alice.pub.pem\n  \
    carnet pubkey --key 'pkcs11:token=carnet;object=station' --to station.pub.pem")]
pub(crate) struct Pubkey {
    #[command(flatten)]
    key: KeyArgs,
    /// Write the public key to FILE, which must not exist
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

/// The output of `carnet pubkey`.
#[derive(Serialize, JsonSchema)]
struct PubkeyReport {
    /// The key id: the SHA-256 of the public key's SubjectPublicKeyInfo (DER), in hex.
    key: String,
    /// The signature algorithm: ed25519, mldsa87 or ecdsap384.
    algorithm: String,
    /// The public key, as a PEM block.
    pem: String,
    /// The path of the file that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
}

impl Command for Pubkey {
    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let file = self.to.as_deref().map(NewFile::reserve).transpose()?;
        let signer = self.key.load(context)?;
        signer.signature(TRIAL)?;
        let public = signer.public_key();
        let report = PubkeyReport {
            key: public.id().to_string(),
            algorithm: public.algorithm().to_string(),
            pem: public.to_pem(),
            public_key: self.to.as_ref().map(|path| path.display().to_string()),
        };
        match file {
            None => context.screen.answer(&report, || report.pem.clone()),
            Some(file) => {
                file.place(report.pem.as_bytes())?;
                context.screen.report(&report, || report.text());
            }
        }
        Ok(exit::DONE)
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("pubkey", schema_for!(PubkeyReport))]
    }
}

impl PubkeyReport {
    fn text(&self) -> String {
        let path = self.public_key.as_deref().unwrap_or_default();
        format!("key id       {}\npublic key   {}\n", self.key, plain(path))
    }
}
