//! Credentials from the files of docker and podman, and from the credential helpers that they name.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential};

use super::{Host, RegistryError, RepositoryName};

/// Maximum size of a credentials file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Time limit for a credential helper. It may wait for input from a user who is not there.
const HELPER_TIME_MAX: Duration = Duration::from_secs(60);

/// A credential for a registry.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// A user name and a password.
    Basic { user: String, password: String },
    /// A token to exchange for access tokens (docker's `identitytoken`).
    Identity(String),
}

/// Finds the credential for a repository in the first file that has one for it or for its host.
///
/// # Errors
/// [`RegistryError::Setup`] if a file cannot be read or a helper fails. The error does not contain the output of the
/// helper, because it may be a secret.
pub(super) fn find(
    files: &[PathBuf],
    host: &Host,
    repository: Option<&RepositoryName>,
) -> Result<Option<Credential>, RegistryError> {
    for path in files {
        if let Some(credential) = find_in(path, host, repository)? {
            return Ok(Some(credential));
        }
    }
    Ok(None)
}

/// Checks that the files and their entries for the host can be read, before any request is sent. Helpers are not run
/// until the registry requires authentication.
///
/// # Errors
/// [`RegistryError::Setup`] for the first file that cannot be read.
pub(super) fn check(files: &[PathBuf], host: &Host) -> Result<(), RegistryError> {
    for path in files {
        let (_, json) = read(path)?;
        let key = host.as_str();
        // With docker's credsStore the entries are empty.
        if json["auths"][key].get("auth").is_some() && json["credHelpers"].get(key).is_none() {
            find_in(path, host, None)?;
        }
    }
    Ok(())
}

fn unusable(path: &Path, problem: String) -> RegistryError {
    let what = format!("credentials file {}", path.display());
    RegistryError::Setup { what, problem }
}

/// Reads a file. Returns its text and the JSON in it.
fn read(path: &Path) -> Result<(Vec<u8>, serde_json::Value), RegistryError> {
    let invalid = |problem: String| unusable(path, problem);
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text))
        .map_err(|error| invalid(error.to_string()))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(invalid(format!("the file is larger than the limit of {FILE_BYTES_MAX} bytes")));
    }
    let json: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| invalid(format!("not valid JSON: {error}")))?;
    if json.is_object() { Ok((text, json)) } else { Err(invalid("expected a JSON object".to_owned())) }
}

fn find_in(
    path: &Path,
    host: &Host,
    repository: Option<&RepositoryName>,
) -> Result<Option<Credential>, RegistryError> {
    let invalid = |problem: String| unusable(path, problem);
    let (text, json) = read(path)?;
    // podman's keys may be a repository or a prefix of one (containers-auth.json(5)). Use the longest match.
    let key = repository.and_then(|name| {
        let whole = format!("{host}/{name}");
        let prefixes = whole.match_indices('/').map(|(at, _)| &whole[..at]).skip(1);
        let mut keys: Vec<&str> = prefixes.chain([whole.as_str()]).collect();
        keys.reverse();
        keys.into_iter().find(|key| json["auths"].get(key).is_some()).map(str::to_owned)
    });
    let key = key.unwrap_or_else(|| host.to_string());
    match look_up(text, key) {
        Ok(DockerCredential::UsernamePassword(user, password)) if user.is_empty() && password.is_empty() => {
            Ok(None)
        }
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            Ok(Some(Credential::Basic { user, password }))
        }
        Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Credential::Identity(token))),
        Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(None),
        Err(CredentialRetrievalError::HelperFailure { helper, stdout, .. }) => {
            // By convention, helpers print this for an unknown host.
            if stdout.contains("credentials not found") {
                Ok(None)
            } else {
                Err(invalid(format!("the credential helper {helper} failed")))
            }
        }
        Err(CredentialRetrievalError::HelperCommunicationError) => {
            Err(invalid("its credential helper cannot be run, or takes too long".to_owned()))
        }
        Err(error) => Err(invalid(error.to_string())),
    }
}

/// Looks up the key in the text of a credentials file. This runs on a separate thread, because the crate runs helpers
/// without a time limit. We pass the text, because the other functions of the crate find files through the
/// environment. A helper inherits the environment, as it does from docker.
fn look_up(text: Vec<u8>, key: String) -> Result<DockerCredential, CredentialRetrievalError> {
    let (sender, receiver) = mpsc::channel();
    let look_up =
        move || drop(sender.send(docker_credential::get_credential_from_reader(text.as_slice(), &key)));
    thread::spawn(look_up);
    receiver.recv_timeout(HELPER_TIME_MAX).unwrap_or(Err(CredentialRetrievalError::HelperCommunicationError))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, repository: &str) -> Result<Option<Credential>, RegistryError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auth.json");
        std::fs::write(&path, text).unwrap();
        find(&[path], &"low.example:5000".parse().unwrap(), Some(&repository.parse().unwrap()))
    }

    #[test]
    fn the_longest_matching_key_is_used() {
        let text = r#"{"auths": {"low.example:5000": {"auth": "YTpi"}, "low.example:5000/team": {"auth": "Yzpk"},
            "other.example": {"identitytoken": "t"}}}"#;
        let basic = |user: &str, password: &str| {
            Some(Credential::Basic { user: user.to_owned(), password: password.to_owned() })
        };
        assert!(found(text, "app").unwrap() == basic("a", "b"));
        assert!(found(text, "team/app").unwrap() == basic("c", "d"));
        assert!(found(text, "teams/app").unwrap() == basic("a", "b"));
        assert!(
            found(r#"{"auths": {"low.example:5000": {"identitytoken": "t"}}}"#, "app").unwrap()
                == Some(Credential::Identity("t".to_owned()))
        );
        assert!(found("{}", "app").unwrap().is_none());
    }

    #[test]
    fn errors_name_the_file_but_not_its_content() {
        for text in [
            "secret",
            r#"{"auths": {"low.example:5000": {"auth": "secret!"}}}"#,
            r#"{"credHelpers": {"low.example:5000": "of-nobody"}}"#,
        ] {
            let error = found(text, "app").err().unwrap().to_string();
            assert!(error.contains("auth.json") && !error.contains("secret"), "{error}");
        }
    }
}
