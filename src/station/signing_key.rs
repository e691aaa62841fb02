//! The keys `key`, `passphrase-file`, `sign-command` and `second-key` of station files.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::trust::{KeyPlace, KeyRequest, SignCommand};

/// The table `second-key`: a key of another algorithm that signs bundles, too.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawSecondKey {
    key: PathBuf,
    passphrase_file: Option<PathBuf>,
    sign_command: Option<Vec<String>>,
}

impl RawSecondKey {
    fn read(self, folder: &Path) -> Result<KeyRequest, String> {
        let RawSecondKey { key, passphrase_file, sign_command } = self;
        signing_key(&key, passphrase_file, sign_command, None, folder)
            .map_err(|problem| format!("second-key: {problem}"))
    }
}

/// The key to sign with. Its paths are relative to `folder`.
pub(super) fn signing_key(
    key: &Path,
    passphrase_file: Option<PathBuf>,
    sign_command: Option<Vec<String>>,
    second: Option<RawSecondKey>,
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
        second: second.map(|second| second.read(folder).map(Box::new)).transpose()?,
    })
}
