//! Keys in an SSH agent.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::key::PublicKey;
use super::signer::{Signer, SignerError};
use super::ssh::{Agent, AgentError, fingerprint};

/// How a fingerprint begins.
const FINGERPRINT: &str = "SHA256:";

/// How certificates of keys are called. Agents list them beside their keys.
const CERTIFICATE: &[u8] = b"-cert-v01@openssh.com";

/// A key of an agent, by its fingerprint or by its comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentKey(String);

impl AgentKey {
    /// A key by its fingerprint (`SHA256:…`), else by its comment; `None` if the text is empty.
    pub fn new(text: &str) -> Option<AgentKey> {
        (!text.is_empty()).then(|| AgentKey(text.to_owned()))
    }

    fn is(&self, blob: &[u8], comment: &str) -> bool {
        if self.0.starts_with(FINGERPRINT) { fingerprint(blob) == self.0 } else { comment == self.0 }
    }
}

impl fmt::Display for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An Ed25519 key whose private half is in an SSH agent.
#[derive(Debug)]
pub struct AgentSigner {
    agent: Agent,
    wanted: AgentKey,
    blob: Vec<u8>,
    public: PublicKey,
}

impl AgentSigner {
    /// Finds a key in the agent behind `socket`. Waiting for the agent ends early when `stop` is set.
    ///
    /// # Errors
    /// [`AgentError`], for example if it has no such key, several, or one of another algorithm.
    pub fn find(
        socket: Option<&Path>,
        wanted: AgentKey,
        stop: Arc<AtomicBool>,
    ) -> Result<AgentSigner, AgentError> {
        let agent = Agent::new(socket.ok_or(AgentError::Absent)?.to_owned(), stop);
        let all = agent.identities()?;
        let is_certificate = |blob: &[u8]| blob.windows(CERTIFICATE.len()).any(|part| part == CERTIFICATE);
        let mut found: Vec<_> = all.iter().filter(|key| wanted.is(&key.blob, &key.comment)).collect();
        if found.iter().any(|key| !is_certificate(&key.blob)) {
            found.retain(|key| !is_certificate(&key.blob));
        }
        let wanted_text = wanted.0.clone();
        let blob = match found[..] {
            [key] => key.blob.clone(),
            [] => {
                let has = all.into_iter().map(|key| key.comment).collect();
                return Err(AgentError::NoKey { wanted: wanted_text, has });
            }
            _ => {
                let found = found.iter().map(|key| fingerprint(&key.blob)).collect();
                return Err(AgentError::Several { wanted: wanted_text, found });
            }
        };
        match PublicKey::from_ssh_blob(&blob) {
            Ok(public) => Ok(AgentSigner { agent, wanted, blob, public }),
            Err(problem) => Err(AgentError::Key { wanted: wanted_text, problem }),
        }
    }
}

impl Signer for AgentSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn waits(&self) -> bool {
        true
    }

    /// The agent signs the message itself, without the frame of `ssh-keygen -Y sign`.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let signature = self.agent.sign(&self.blob, message)?;
        let refused = || AgentError::Refused { wanted: self.wanted.to_string() };
        Ok(signature.ok_or_else(refused)?.to_vec())
    }
}
