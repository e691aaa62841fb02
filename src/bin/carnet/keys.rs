//! The private key options, and loading private keys.

use std::path::{Path, PathBuf};

use carnet::diagnosis::Code;
use carnet::small_file::SmallFile;
use carnet::trust::KeyFile;
use clap::Args;
use zeroize::Zeroizing;

use super::command_error::CommandError;
use super::plain::plain_path;
use super::screen::{Screen, say};

/// Maximum size of a passphrase file, in bytes. Only its first line is used.
const PASSPHRASE_FILE_BYTES_MAX: u64 = 64 << 10;

/// The options `--key` and `--passphrase-file`.
#[derive(Args)]
pub(crate) struct KeyArgs {
    /// The private key to sign with
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Read the passphrase of the key from the first line of FILE
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl KeyArgs {
    /// Loads the key. Warns if other users can read the file.
    pub(crate) fn load(&self, screen: &Screen) -> Result<KeyFile, CommandError> {
        load(&self.key, self.passphrase_file.as_deref(), screen)
    }
}

/// Loads a private key. Warns if other users can read the file.
pub(crate) fn load(
    path: &Path,
    passphrase_file: Option<&Path>,
    screen: &Screen,
) -> Result<KeyFile, CommandError> {
    let passphrase = passphrase(passphrase_file)?;
    let key = KeyFile::load(path, passphrase.as_ref().map(|p| p.as_slice()))?;
    if key.permissions_too_open() && !screen.quiet {
        let path = plain_path(path);
        say(&format!("warning: private key {path} is readable by other users; run chmod 600 on it"));
    }
    Ok(key)
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
