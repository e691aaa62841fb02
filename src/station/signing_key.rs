//! The keys `key`, `passphrase-file` and `sign-command` of station files.

use std::path::{Path, PathBuf};

use crate::trust::{KeyPlace, KeyRequest, SignCommand};

/// The key to sign with. Its paths are relative to `folder`.
pub(super) fn signing_key(
    key: &Path,
    passphrase_file: Option<PathBuf>,
    sign_command: Option<Vec<String>>,
    folder: &Path,
) -> Result<KeyRequest, String> {
    if passphrase_file.is_some() && sign_command.is_some() {
        return Err(
            "sign-command: the command has the private key, so passphrase-file is not used".to_owned()
        );
    }
    let place = KeyPlace::parse(key.as_os_str()).map_err(|problem| format!("key: {problem}"))?;
    let sign_command = sign_command.map(SignCommand::new).transpose();
    Ok(KeyRequest {
        place: place.below(folder),
        passphrase_file: passphrase_file.map(|path| folder.join(path)),
        sign_command: sign_command.map_err(|problem| format!("sign-command: {problem}"))?,
    })
}
