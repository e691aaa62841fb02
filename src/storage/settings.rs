//! What the program passes in: variables, clock, connections.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::clock::Clock;
use crate::http;

/// Environment variables that give access to stores. The program reads them; its `Debug` shows names only.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Whether the variable of this name is one that this module asks for.
    pub fn is_used(name: &str) -> bool {
        const PREFIXES: [&str; 3] = ["AWS_", "AZURE_", "IDENTITY_"];
        const NAMES: [&str; 2] = ["HOME", "IMDS_ENDPOINT"];
        PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&name)
    }

    /// Creates the set from names and values. Empty values count as absent.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Variables {
        Variables(variables.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    /// Returns the value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Sets a variable, as a configuration file may do.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// How S3 encrypts new objects (`x-amz-server-side-encryption`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// `AES256` or `aws:kms`.
    pub algorithm: String,
    /// The key of `aws:kms`; the default key of the account if absent.
    pub key: Option<String>,
}

impl FromStr for Encryption {
    type Err = String;

    /// Reads `AES256`, `aws:kms`, or `aws:kms=KEY`.
    fn from_str(text: &str) -> Result<Encryption, String> {
        let (algorithm, key) = match text.split_once('=') {
            Some((algorithm, key)) => (algorithm, Some(key.to_owned()).filter(|key| !key.is_empty())),
            None => (text, None),
        };
        let fits = matches!((algorithm, &key), ("AES256", None) | ("aws:kms", _));
        let is_printable = key.as_deref().unwrap_or_default().bytes().all(|byte| byte.is_ascii_graphic());
        if fits && is_printable {
            Ok(Encryption { algorithm: algorithm.to_owned(), key })
        } else {
            Err("expected AES256, aws:kms, or aws:kms=KEY".to_owned())
        }
    }
}

/// Settings for object stores.
#[derive(Clone)]
pub struct Settings {
    /// The environment variables that give access.
    pub variables: Variables,
    /// A command whose output, without its last line feed, is the secret: a SAS token for Azure, the secret access key
    /// for S3. It replaces the variable with that secret.
    pub secret_command: Option<Vec<String>>,
    /// The clock by which tokens are judged and requests are signed.
    pub clock: Arc<dyn Clock>,
    /// How S3 encrypts new objects; the default of the bucket if absent.
    pub encryption: Option<Encryption>,
    /// The settings of the connections.
    pub http: http::Settings,
}
