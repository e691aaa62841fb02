//! Credential helpers: the programs that docker and podman name in their files.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential};
use serde_json::json;

use super::auth_file::Credential;

/// Time limit for a credential helper. It may wait for input from a user who is not there.
const HELPER_TIME_MAX: Duration = Duration::from_secs(60);

/// Asks the program `docker-credential-NAME` for the credential under a key; `None` if it has none.
///
/// # Errors
/// What is wrong with the helper. The text does not contain its output, because that may be a secret.
pub(super) fn ask(name: &str, key: &str) -> Result<Option<Credential>, String> {
    // The crate looks for helpers in a file. Give it one that only names this helper.
    let text = json!({ "credsStore": name }).to_string();
    let (sender, receiver) = mpsc::channel();
    // The crate runs helpers without a time limit. A helper inherits the environment, as it does from docker.
    let key = key.to_owned();
    let look_up = move || {
        drop(sender.send(docker_credential::get_credential_from_reader(text.as_bytes(), &key)));
    };
    let program = format!("the credential helper docker-credential-{name}");
    if let Err(error) = thread::Builder::new().name("credentials".to_owned()).spawn(look_up) {
        return Err(format!("{program} cannot be run: {error}"));
    }
    let Ok(answer) = receiver.recv_timeout(HELPER_TIME_MAX) else {
        return Err(format!("{program} takes longer than {} seconds", HELPER_TIME_MAX.as_secs()));
    };
    match answer {
        Ok(DockerCredential::UsernamePassword(user, password)) if user.is_empty() && password.is_empty() => {
            Ok(None)
        }
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            Ok(Some(Credential::Basic { user, password }))
        }
        Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Credential::Identity(token))),
        Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(None),
        // By convention, helpers print this for an unknown host.
        Err(CredentialRetrievalError::HelperFailure { stdout, .. })
            if stdout.contains("credentials not found") =>
        {
            Ok(None)
        }
        Err(CredentialRetrievalError::HelperFailure { .. }) => Err(format!("{program} failed")),
        Err(CredentialRetrievalError::HelperCommunicationError) => {
            Err(format!("{program}, which the file names, cannot be run; is it installed?"))
        }
        Err(_) => Err(format!("{program} gave an answer that is not a credential")),
    }
}
