//! The private key of a command that signs.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use carnet::diagnosis::Code;
use carnet::trust::KeyFile;
use clap::Args;
use zeroize::Zeroizing;

use super::plain::plain_path;
use super::screen::{Screen, say};
use super::trouble::Trouble;

#[derive(Args)]
pub(crate) struct KeyArgs {
    /// The private key that signs
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The passphrase of the key is the first line of FILE
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl KeyArgs {
    pub(crate) fn load(&self, screen: &Screen) -> Result<KeyFile, Trouble> {
        load(&self.key, self.passphrase_file.as_deref(), screen)
    }
}

/// Reads a private key. Warns if others can read it.
pub(crate) fn load(path: &Path, passphrase_file: Option<&Path>, screen: &Screen) -> Result<KeyFile, Trouble> {
    let passphrase = passphrase(passphrase_file)?;
    let key = KeyFile::load(path, passphrase.as_ref().map(|p| p.as_slice()))?;
    if key.permissions_too_open() && !screen.quiet {
        let path = plain_path(path);
        say(&format!("warning: others can read {path}; run chmod 600 on it"));
    }
    Ok(key)
}

/// The first line of a passphrase file, without its line end.
pub(crate) fn passphrase(path: Option<&Path>) -> Result<Option<Zeroizing<Vec<u8>>>, Trouble> {
    let Some(path) = path else { return Ok(None) };
    let mut bytes = Zeroizing::new(Vec::new());
    std::fs::File::open(path)
        .and_then(|file| file.take(64 << 10).read_to_end(&mut bytes))
        .map_err(|error| Trouble::unusable("read", path, &error))?;
    let line = bytes.split(|&b| b == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        let message = format!("the first line of {} is empty", plain_path(path));
        return Err(Trouble::new(Code::PassphraseEmpty, message));
    }
    Ok(Some(Zeroizing::new(line.to_vec())))
}
