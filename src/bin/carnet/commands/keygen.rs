//! `carnet keygen`

use std::path::PathBuf;

use carnet::trust::{KeyFile, Signer as _};
use clap::Args;
use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use crate::command::{Command, Context};
use crate::exit;
use crate::keys::passphrase;
use crate::plain::plain_path;
use crate::trouble::Trouble;

/// Make a key pair: NAME.key.pem (keep it) and NAME.pub.pem (give it to those who verify)
#[derive(Args)]
#[command(after_help = "Both files are read by stock openssl; neither is ever overwritten.\n\n\
    Examples:\n  carnet keygen station\n  carnet keygen alice --passphrase-file alice.passphrase")]
pub(crate) struct Keygen {
    /// The pair's name, with a folder if you like
    name: PathBuf,
    /// Encrypt the private key with the first line of FILE
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// What `keygen` says.
#[derive(Serialize, JsonSchema)]
struct Keys {
    /// The id of the key: the SHA-256 of the public key's SPKI.
    key: String,
    /// The file of the private key.
    private_key: String,
    /// The file of the public key.
    public_key: String,
    /// Whether the private key is encrypted.
    encrypted: bool,
}

impl Command for Keygen {
    fn run(self, context: &Context<'_>) -> Result<u8, Trouble> {
        let passphrase = passphrase(self.passphrase_file.as_deref())?;
        let key = KeyFile::generate()?;
        let (private_key, public_key) =
            key.write_pair(&self.name, passphrase.as_ref().map(|p| p.as_slice()))?;
        let keys = Keys {
            key: key.public_key().id().to_string(),
            private_key: plain_path(&private_key),
            public_key: plain_path(&public_key),
            encrypted: passphrase.is_some(),
        };
        context.screen.report(&keys, || keys.text());
        Ok(exit::DONE)
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("keygen", schema_for!(Keys))]
    }
}

impl Keys {
    fn text(&self) -> String {
        format!(
            "key id       {}\nprivate key  {}{}\npublic key   {}\n",
            self.key,
            self.private_key,
            if self.encrypted { " (encrypted)" } else { "" },
            self.public_key
        )
    }
}
