//! `carnet keygen`: makes a key pair.

use std::path::PathBuf;

use carnet::trust::{KeyFile, Signer as _};
use clap::{Args, ValueEnum};
use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;
use crate::keys::passphrase;
use crate::plain::plain;

/// Make a key pair: NAME.key.pem (private) and NAME.pub.pem (public, for the receivers)
#[derive(Args)]
#[command(after_help = "OpenSSL can read both files. Existing files are never overwritten.\n\n\
    Examples:\n  carnet keygen station\n  carnet keygen alice --passphrase-file alice.passphrase\n  \
    carnet keygen alice-pq --algorithm mldsa87\n  carnet keygen alice --algorithm ecdsap384")]
pub(crate) struct Keygen {
    /// The name of the key pair; may include a folder
    name: PathBuf,
    /// The signature algorithm: mldsa87 (ML-DSA-87, FIPS 204) is meant to withstand quantum computers, ecdsap384 (ECDSA with P-384 and SHA-384, FIPS 186-5) is what many tokens and key services have
    #[arg(long, value_name = "ALGORITHM", default_value = "ed25519")]
    algorithm: Algorithm,
    /// Encrypt the private key with the passphrase on the first line of FILE
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// A signature algorithm on the command line.
#[derive(Clone, Copy, ValueEnum)]
enum Algorithm {
    Ed25519,
    #[value(name = "mldsa87")]
    MlDsa87,
    #[value(name = "ecdsap384")]
    EcdsaP384,
}

/// The output of `carnet keygen`.
#[derive(Serialize, JsonSchema)]
struct KeygenReport {
    /// The key id: the SHA-256 of the public key's SubjectPublicKeyInfo (DER), in hex.
    key: String,
    /// The signature algorithm: ed25519, mldsa87 or ecdsap384.
    algorithm: String,
    /// The path of the private key file.
    private_key: String,
    /// The path of the public key file.
    public_key: String,
    /// Whether the private key is encrypted.
    encrypted: bool,
}

impl Command for Keygen {
    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let passphrase = passphrase(self.passphrase_file.as_deref())?;
        let key = match self.algorithm {
            Algorithm::Ed25519 => KeyFile::generate()?,
            Algorithm::MlDsa87 => KeyFile::generate_ml_dsa_87()?,
            Algorithm::EcdsaP384 => KeyFile::generate_ecdsa_p384()?,
        };
        let (private_key, public_key) =
            key.write_pair(&self.name, passphrase.as_ref().map(|p| p.as_slice()))?;
        let report = KeygenReport {
            key: key.public_key().id().to_string(),
            algorithm: key.public_key().algorithm().to_string(),
            private_key: private_key.display().to_string(),
            public_key: public_key.display().to_string(),
            encrypted: passphrase.is_some(),
        };
        context.screen.report(&report, || report.text());
        Ok(exit::DONE)
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("keygen", schema_for!(KeygenReport))]
    }
}

impl KeygenReport {
    fn text(&self) -> String {
        format!(
            "key id       {}\nprivate key  {}{}\npublic key   {}\n",
            self.key,
            plain(&self.private_key),
            if self.encrypted { " (encrypted)" } else { "" },
            plain(&self.public_key)
        )
    }
}
