//! How an operator names the key to sign with.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use super::agent_signer::AgentKey;
use super::sign_command::SignCommand;

/// How a key of an agent is named.
const AGENT: &str = "ssh-agent:";

/// How a key in a hardware module is named (RFC 7512). It is known so that the error can say what to do instead.
const PKCS11: &str = "pkcs11:";

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In a file.
    File(PathBuf),
    /// In the SSH agent.
    Agent(AgentKey),
}

impl KeyPlace {
    /// Reads `ssh-agent:COMMENT`, `ssh-agent:FINGERPRINT`, or the path of a file. A file whose name begins with
    /// `ssh-agent:` can be named with `./` in front.
    ///
    /// # Errors
    /// What was expected, if the key in the agent is not named, or is in a hardware module.
    pub fn parse(text: &OsStr) -> Result<KeyPlace, String> {
        if text.to_str().is_some_and(|text| text.starts_with(PKCS11)) {
            return Err("modules of PKCS#11 are not loaded by this program: name the file of the public key, and a command \
                        that signs"
                .to_owned());
        }
        match text.to_str().and_then(|text| text.strip_prefix(AGENT)) {
            Some(key) => AgentKey::new(key)
                .map(KeyPlace::Agent)
                .ok_or_else(|| "expected a comment or a fingerprint after ssh-agent:".to_owned()),
            None => Ok(KeyPlace::File(text.into())),
        }
    }

    /// The same place, with paths relative to `folder`.
    #[must_use]
    pub fn below(self, folder: &Path) -> KeyPlace {
        match self {
            KeyPlace::File(path) => KeyPlace::File(folder.join(path)),
            agent @ KeyPlace::Agent(_) => agent,
        }
    }
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyPlace::File(path) => path.display().fmt(f),
            KeyPlace::Agent(key) => write!(f, "{AGENT}{key}"),
        }
    }
}

/// The key to sign with, and what is needed to use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRequest {
    /// The private key; the public key if a command signs.
    pub place: KeyPlace,
    /// The file with the passphrase of the key.
    pub passphrase_file: Option<PathBuf>,
    /// The command that signs.
    pub sign_command: Option<SignCommand>,
    /// A key of another algorithm that signs heads, too.
    pub second: Option<Box<KeyRequest>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_agents_from_files() {
        let parse = |text: &str| KeyPlace::parse(OsStr::new(text));
        let agent = |text: &str| Ok(KeyPlace::Agent(AgentKey::new(text).unwrap()));
        assert_eq!(parse("ssh-agent:alice@desk"), agent("alice@desk"));
        assert_eq!(parse("ssh-agent:SHA256:abc"), agent("SHA256:abc"));
        assert_eq!(parse("./ssh-agent:x"), Ok(KeyPlace::File("./ssh-agent:x".into())));
        assert!(parse("ssh-agent:").is_err());
        assert!(parse("pkcs11:token=t;object=k").unwrap_err().contains("a command that signs"));
        let below = |text: &str| parse(text).unwrap().below(Path::new("/etc")).to_string();
        assert_eq!(below("k.pem"), "/etc/k.pem");
        assert_eq!(below("/run/k.pem"), "/run/k.pem");
        assert_eq!(below("ssh-agent:alice"), "ssh-agent:alice");
    }
}
