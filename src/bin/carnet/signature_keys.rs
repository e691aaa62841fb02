//! The keys and certificates for signatures in the cargo, which an operator names.

use std::path::{Path, PathBuf};

use carnet::audit::{CargoKeyFiles, NamedSum};
use carnet::format::Sum;
use carnet::small_file::SmallFile;
use clap::Args;

use crate::command_error::CommandError;

/// The most bytes of a file of keys or certificates.
const KEY_BYTES_MAX: u64 = 4 << 20;

/// The options of commands that check signatures in the cargo.
#[derive(Args, Clone, Default)]
pub(crate) struct SignatureKeyArgs {
    /// Check signatures in the cargo that cosign made, with the public key in FILE (PEM); repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) cosign_key: Vec<PathBuf>,
    /// Check signatures in the cargo that Notation made: FILE has certificates of authorities, or of signers
    /// (PEM); repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) notation_ca: Vec<PathBuf>,
}

impl SignatureKeyArgs {
    /// Reads the files.
    pub(crate) fn read(&self) -> Result<CargoKeyFiles, CommandError> {
        let mut all = CargoKeyFiles::default();
        for path in &self.cosign_key {
            let (name, file) = small(path)?;
            let text = file.text().map_err(|error| CommandError::small_file(path, &error))?;
            all.keys.add_key(&name, text)?;
            all.files.push(NamedSum { name, sha256: Sum::of(file.bytes()) });
        }
        for path in &self.notation_ca {
            let (name, file) = small(path)?;
            all.keys.add_certificates(&name, file.bytes())?;
            all.files.push(NamedSum { name, sha256: Sum::of(file.bytes()) });
        }
        Ok(all)
    }
}

fn small(path: &Path) -> Result<(String, SmallFile), CommandError> {
    let file =
        SmallFile::read_once(path, KEY_BYTES_MAX).map_err(|error| CommandError::small_file(path, &error))?;
    Ok((path.display().to_string(), file))
}
