//! The credentials files of docker and podman: docker's `config.json`, podman's `auth.json` (containers-auth.json(5)),
//! and docker's old `.dockercfg`.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::RegistryError;
use crate::diagnosis::Advice;
use crate::small_file::SmallFile;

/// Maximum size of a credentials file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Base64 with or without padding, as docker reads it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A credential for a registry.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// A user name and a password.
    Basic { user: String, password: String },
    /// A token to exchange for access tokens (docker's `identitytoken`).
    Identity(String),
}

/// The content of a credentials file.
pub(super) struct AuthFile {
    path: PathBuf,
    json: Value,
}

impl AuthFile {
    /// Reads a file. An empty file has no entries.
    ///
    /// # Errors
    /// [`RegistryError::Setup`] if the file cannot be read, is too large, or is not a JSON object.
    pub(super) fn read(path: &Path) -> Result<AuthFile, RegistryError> {
        let mut file = AuthFile { path: path.to_owned(), json: Value::Null };
        let content = SmallFile::read(path, FILE_BYTES_MAX)
            .map_err(|error| file.setup(error.to_string(), error.advice()))?;
        let text = content.bytes().trim_ascii();
        if text.is_empty() {
            return Ok(file);
        }
        file.json = serde_json::from_slice(text)
            .map_err(|error| file.unusable(format!("not valid JSON: {error}")))?;
        for (what, part) in [("the file", &file.json), ("auths", &file.json["auths"])] {
            if !(part.is_object() || part.is_null()) {
                return Err(file.unusable(format!("expected a JSON object for {what}")));
            }
        }
        Ok(file)
    }

    /// The error for this file. `problem` contains no secrets.
    pub(super) fn unusable(&self, problem: String) -> RegistryError {
        self.setup(problem, None)
    }

    fn setup(&self, problem: String, advice: Option<Advice>) -> RegistryError {
        let what = format!("credentials file {}", self.path.display());
        RegistryError::Setup { what, problem, advice }
    }

    /// The entries by host. In a `.dockercfg` they are at the top.
    fn entries(&self) -> &Value {
        let is_modern = ["auths", "credHelpers", "credsStore"].iter().any(|key| self.json.get(key).is_some());
        if is_modern { &self.json["auths"] } else { &self.json }
    }

    /// The credential under a key; `None` if the file has none, or an empty entry.
    ///
    /// docker once wrote keys as URLs. A key such as `https://low.example/v1/` stands for its host.
    ///
    /// # Errors
    /// [`RegistryError::Setup`] if the entry cannot be read.
    pub(super) fn credential(&self, key: &str) -> Result<Option<Credential>, RegistryError> {
        let entries = self.entries();
        let mut of_host = entries.as_object().into_iter().flatten();
        let entry = entries
            .get(key)
            .or_else(|| of_host.find(|(url, _)| host_of(url) == Some(key)).map(|(_, entry)| entry));
        let Some(entry) = entry.filter(|entry| entry.is_object()) else { return Ok(None) };
        let text = |name: &str| entry[name].as_str().filter(|text| !text.is_empty());
        if let Some(token) = text("identitytoken") {
            return Ok(Some(Credential::Identity(token.to_owned())));
        }
        // As in docker, `auth` comes before the other two.
        if let Some(auth) = text("auth") {
            let decoded = decode(auth).ok_or_else(|| {
                self.unusable(format!("the entry for {key}: expected auth to be NAME:PASSWORD in base64"))
            })?;
            return Ok(decoded);
        }
        let (Some(user), Some(password)) = (text("username"), text("password")) else { return Ok(None) };
        Ok(Some(Credential::Basic { user: user.to_owned(), password: password.to_owned() }))
    }

    /// The name of the credential helper for a key (`credHelpers`).
    pub(super) fn helper(&self, key: &str) -> Option<&str> {
        self.json["credHelpers"][key].as_str().filter(|name| !name.is_empty())
    }

    /// The name of the credential helper for all other hosts (`credsStore`).
    pub(super) fn store(&self) -> Option<&str> {
        self.json["credsStore"].as_str().filter(|name| !name.is_empty())
    }
}

/// The host in a key that is a URL.
fn host_of(key: &str) -> Option<&str> {
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"))?;
    rest.split('/').next()
}

/// Decodes `auth`. The inner value is `None` if name and password are empty, as for anonymous access.
#[expect(clippy::option_option, reason = "the outer one is the result of decoding")]
fn decode(auth: &str) -> Option<Option<Credential>> {
    let decoded = String::from_utf8(BASE64.decode(auth.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    // Old versions of docker filled the password with zeros.
    let (user, password) = (user.to_owned(), password.trim_end_matches('\0').to_owned());
    Some((!(user.is_empty() && password.is_empty())).then_some(Credential::Basic { user, password }))
}
