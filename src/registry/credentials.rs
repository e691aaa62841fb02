//! Credentials, from the files of docker and podman and the helpers that these name.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential};

use super::{Host, RegistryError, RepositoryName};

/// Largest credentials file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// How long a credential helper may take. It may ask a person, who may not be there.
const HELPER_TIME_MAX: Duration = Duration::from_secs(60);

/// What we authenticate with.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// A name and a password.
    Basic { user: String, password: String },
    /// A token that is exchanged for others (docker's `identitytoken`).
    Identity(String),
}

/// The credential for a repository: the first file that knows it, or its host, counts.
///
/// # Errors
/// [`RegistryError::Setup`] for a file or a helper that fails. What a helper said is not repeated: it may be a
/// secret.
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

/// Whether the files can be read, and what they say of the host, before any request is sent. Helpers wait until the
/// registry asks for authentication.
///
/// # Errors
/// [`RegistryError::Setup`] for the first that cannot.
pub(super) fn check(files: &[PathBuf], host: &Host) -> Result<(), RegistryError> {
    for path in files {
        let (_, json) = read(path)?;
        let key = host.as_str();
        // With docker's credsStore there are empty entries.
        if json["auths"][key].get("auth").is_some() && json["credHelpers"].get(key).is_none() {
            find_in(path, host, None)?;
        }
    }
    Ok(())
}

fn unusable(path: &Path, problem: String) -> RegistryError {
    let what = format!("credentials file {}", path.display().to_string().escape_debug());
    RegistryError::Setup { what, problem }
}

/// The text of a file, and its JSON.
fn read(path: &Path) -> Result<(Vec<u8>, serde_json::Value), RegistryError> {
    let refused = |problem: String| unusable(path, problem);
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text))
        .map_err(|error| refused(error.to_string()))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(refused(format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    let json: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| refused(format!("it is not JSON: {error}")))?;
    if json.is_object() { Ok((text, json)) } else { Err(refused("it is no JSON object".to_owned())) }
}

fn find_in(
    path: &Path,
    host: &Host,
    repository: Option<&RepositoryName>,
) -> Result<Option<Credential>, RegistryError> {
    let refused = |problem: String| unusable(path, problem);
    let (text, json) = read(path)?;
    // podman's keys may name a repository or the first parts of one (containers-auth.json(5)); the longest counts.
    let key = repository.and_then(|name| {
        let whole = format!("{host}/{name}");
        let prefixes = whole.match_indices('/').map(|(at, _)| &whole[..at]).skip(1);
        let mut keys: Vec<&str> = prefixes.chain([whole.as_str()]).collect();
        keys.reverse();
        keys.into_iter().find(|key| json["auths"].get(key).is_some()).map(str::to_owned)
    });
    let key = key.unwrap_or_else(|| host.to_string());
    match ask(text, key) {
        Ok(DockerCredential::UsernamePassword(user, password)) if user.is_empty() && password.is_empty() => {
            Ok(None)
        }
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            Ok(Some(Credential::Basic { user, password }))
        }
        Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Credential::Identity(token))),
        Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(None),
        Err(CredentialRetrievalError::HelperFailure { helper, stdout, .. }) => {
            // The words that helpers agree on for a host that they do not know.
            if stdout.contains("credentials not found") {
                Ok(None)
            } else {
                Err(refused(format!("{helper} failed")))
            }
        }
        Err(CredentialRetrievalError::HelperCommunicationError) => {
            Err(refused("the credential helper that it names cannot be run, or takes too long".to_owned()))
        }
        Err(error) => Err(refused(error.to_string())),
    }
}

/// Looks the key up, on a thread of its own: helpers run without a time limit. The text is ours, because other functions
/// of that crate look for files by the environment. A helper inherits the environment, as it does from docker.
fn ask(text: Vec<u8>, key: String) -> Result<DockerCredential, CredentialRetrievalError> {
    let (answer, answered) = mpsc::channel();
    let ask = move || drop(answer.send(docker_credential::get_credential_from_reader(text.as_slice(), &key)));
    thread::spawn(ask);
    answered.recv_timeout(HELPER_TIME_MAX).unwrap_or(Err(CredentialRetrievalError::HelperCommunicationError))
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
    fn the_longest_key_counts() {
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
    fn a_file_that_cannot_be_read_is_named_and_not_repeated() {
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
