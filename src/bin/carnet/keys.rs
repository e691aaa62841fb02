//! The options for the key to sign with, and loading it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet::diagnosis::Code;
use carnet::small_file::SmallFile;
use carnet::trust::{
    AgentSigner, CommandSigner, HybridSigner, KeyFile, KeyPlace, KeyRequest, PublicKey, SignCommand, Signer,
    TokenSigner,
};
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Args};
use zeroize::Zeroizing;

use super::command::Context;
use super::command_error::CommandError;
use super::plain::plain_path;
use super::screen::say;
use super::token_pin::token_pin;
use super::world::{agent_socket, pkcs11_module};

/// Maximum size of a passphrase file, in bytes. Only its first line is used.
const PASSPHRASE_FILE_BYTES_MAX: u64 = 64 << 10;

/// The options of commands that sign chunks.
#[derive(Args)]
pub(crate) struct ChunkKeyArgs {
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    second: SecondKey,
}

impl ChunkKeyArgs {
    /// Loads the key or the keys. Warns if other users can read a file of them.
    pub(crate) fn load(&self, context: &Context<'_>) -> Result<Arc<dyn Signer>, CommandError> {
        self.second.beside(self.key.load(context)?, context)
    }
}

/// The options for a second key, which signs chunks, too.
#[derive(Args)]
pub(crate) struct SecondKey {
    /// Sign with a key of another algorithm, too, for receivers that want both
    #[arg(long = "second-key", id = "second_key", value_name = "KEY", requires = "key", value_parser = key_place())]
    place: Option<KeyPlace>,
    /// Read the passphrase of the second key from the first line of FILE
    #[arg(
        long = "second-passphrase-file",
        id = "second_passphrase_file",
        value_name = "FILE",
        requires = "second_key"
    )]
    passphrase_file: Option<PathBuf>,
    /// The program that signs with the second key
    #[arg(
        long = "second-sign-command",
        id = "second_sign_command",
        value_name = "COMMAND",
        requires = "second_key",
        conflicts_with = "second_passphrase_file"
    )]
    sign_command: Option<SignCommand>,
}

impl SecondKey {
    /// Whether there is one.
    pub(crate) fn is_given(&self) -> bool {
        self.place.is_some()
    }

    /// Adds the second key to the first, if there is one.
    pub(crate) fn beside(
        &self,
        first: Arc<dyn Signer>,
        context: &Context<'_>,
    ) -> Result<Arc<dyn Signer>, CommandError> {
        let Some(place) = &self.place else { return Ok(first) };
        let second = KeyRequest {
            place: place.clone(),
            passphrase_file: self.passphrase_file.clone(),
            sign_command: self.sign_command.clone(),
            second: None,
        };
        pair(first, &second, context)
    }
}

/// The options of commands that always sign.
#[derive(Args)]
pub(crate) struct KeyArgs {
    /// The private key to sign with: a file, ssh-agent:COMMENT, ssh-agent:FINGERPRINT, or pkcs11:… for a token
    #[arg(long, value_name = "KEY", value_parser = key_place())]
    key: KeyPlace,
    #[command(flatten)]
    access: KeyAccess,
}

impl KeyArgs {
    /// Loads the key. Warns if other users can read its file.
    pub(crate) fn load(&self, context: &Context<'_>) -> Result<Arc<dyn Signer>, CommandError> {
        self.access.load(&self.key, context)
    }
}

/// What is needed to use the key of `--key`.
#[derive(Args)]
pub(crate) struct KeyAccess {
    /// Read the passphrase of the key, or the PIN of its token, from the first line of FILE
    #[arg(long, value_name = "FILE", requires = "key")]
    passphrase_file: Option<PathBuf>,
    /// Let a program sign: its name, or a JSON list of it and its arguments. KEY is the file of the public key then
    #[arg(long, value_name = "COMMAND", requires = "key", conflicts_with = "passphrase_file")]
    sign_command: Option<SignCommand>,
}

impl KeyAccess {
    /// Loads a key. Warns if other users can read its file.
    pub(crate) fn load(
        &self,
        place: &KeyPlace,
        context: &Context<'_>,
    ) -> Result<Arc<dyn Signer>, CommandError> {
        let request = KeyRequest {
            place: place.clone(),
            passphrase_file: self.passphrase_file.clone(),
            sign_command: self.sign_command.clone(),
            second: None,
        };
        load(&request, context)
    }
}

/// Parses the value of `--key`.
pub(crate) fn key_place() -> impl TypedValueParser<Value = KeyPlace> {
    KeyPlaceParser
}

/// The parser for keys. Its errors do not repeat the value, in which somebody may have written a PIN.
#[derive(Clone)]
struct KeyPlaceParser;

impl TypedValueParser for KeyPlaceParser {
    type Value = KeyPlace;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<KeyPlace, clap::Error> {
        KeyPlace::parse(value).map_err(|problem| {
            let name = argument.map(ToString::to_string).unwrap_or_default();
            let message = format!("invalid value for '{name}': {problem}\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

/// Loads the key to sign with, and the second one, if there is one. Warns if other users can read a file of them.
pub(crate) fn load(request: &KeyRequest, context: &Context<'_>) -> Result<Arc<dyn Signer>, CommandError> {
    let first = load_one(request, context)?;
    match &request.second {
        None => Ok(first),
        Some(second) => pair(first, second, context),
    }
}

/// Loads the second key.
fn pair(
    first: Arc<dyn Signer>,
    second: &KeyRequest,
    context: &Context<'_>,
) -> Result<Arc<dyn Signer>, CommandError> {
    let loaded = load_one(second, context)?;
    let algorithm = loaded.public_key().algorithm();
    let both = HybridSigner::new(first, loaded).ok_or_else(|| {
        let message = format!("both keys are of {algorithm}; the second must be of another algorithm");
        CommandError::new(Code::SecondKeyAlgorithm, message)
    })?;
    Ok(Arc::new(both))
}

fn load_one(request: &KeyRequest, context: &Context<'_>) -> Result<Arc<dyn Signer>, CommandError> {
    let stop = context.environment.workers.stop();
    match (&request.place, &request.sign_command) {
        (KeyPlace::File(path), Some(command)) => {
            Ok(Arc::new(CommandSigner::new(command.clone(), PublicKey::load(path)?, stop)))
        }
        (KeyPlace::Agent(_) | KeyPlace::Token(_), Some(command)) => {
            let message = format!(
                "the sign command {:?} needs a public key in a file, found {}",
                command.to_string(),
                request.place
            );
            Err(CommandError::new(Code::SignCommandKey, message))
        }
        (KeyPlace::Agent(key), None) => {
            Ok(Arc::new(AgentSigner::find(agent_socket().as_deref(), key.clone(), stop)?))
        }
        (KeyPlace::Token(uri), None) => {
            let file = uri.pin_source().or(request.passphrase_file.as_deref());
            let ask = |question: &_| token_pin(question, file, context);
            Ok(Arc::new(TokenSigner::open(uri, pkcs11_module().as_deref(), stop, ask)?))
        }
        (KeyPlace::File(path), None) => {
            let passphrase = passphrase(request.passphrase_file.as_deref())?;
            let key = KeyFile::load(path, passphrase.as_ref().map(|p| p.as_slice()))?;
            if key.permissions_too_open() && !context.screen.quiet {
                let path = plain_path(path);
                say(&format!("warning: private key {path} is readable by other users; run chmod 600 on it"));
            }
            Ok(Arc::new(key))
        }
    }
}

/// The first line of a passphrase file, without the line ending.
pub(crate) fn passphrase(path: Option<&Path>) -> Result<Option<Zeroizing<Vec<u8>>>, CommandError> {
    let Some(path) = path else { return Ok(None) };
    let file = SmallFile::read_once(path, PASSPHRASE_FILE_BYTES_MAX)
        .map_err(|error| CommandError::small_file(path, &error))?;
    let line = file.bytes().split(|&b| b == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        let message = format!("the passphrase on the first line of {} is empty", plain_path(path));
        return Err(CommandError::new(Code::PassphraseEmpty, message));
    }
    Ok(Some(Zeroizing::new(line.to_vec())))
}
