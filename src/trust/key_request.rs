//! How an operator names the key to sign with.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use super::agent_signer::AgentKey;
use super::pkcs11::{SCHEME, TokenUri};
use super::sign_command::SignCommand;

/// How a key of an agent is named.
const AGENT: &str = "ssh-agent:";

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In a file.
    File(PathBuf),
    /// In the SSH agent.
    Agent(AgentKey),
    /// In a token.
    Token(Box<TokenUri>),
}

impl KeyPlace {
    /// Reads `ssh-agent:COMMENT`, `ssh-agent:FINGERPRINT`, a URI that begins with `pkcs11:` (RFC 7512), or the path of a file. A
    /// file whose name begins so can be named with `./` in front.
    ///
    /// # Errors
    /// What was expected, if the key in the agent is not named, or the URI is wrong.
    pub fn parse(text: &OsStr) -> Result<KeyPlace, String> {
        if let Some(uri) = text.to_str().filter(|text| text.starts_with(SCHEME)) {
            return TokenUri::parse(uri).map(|uri| KeyPlace::Token(Box::new(uri)));
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
            KeyPlace::Token(uri) => KeyPlace::Token(Box::new(uri.below(folder))),
            agent @ KeyPlace::Agent(_) => agent,
        }
    }
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyPlace::File(path) => path.display().fmt(f),
            KeyPlace::Agent(key) => write!(f, "{AGENT}{key}"),
            KeyPlace::Token(uri) => uri.fmt(f),
        }
    }
}

/// The key to sign with, and what is needed to use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRequest {
    /// The private key; the public key if a command signs.
    pub place: KeyPlace,
    /// The file with the passphrase of the key, or with the PIN of its token.
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
    fn tells_agents_and_tokens_from_files() {
        let parse = |text: &str| KeyPlace::parse(OsStr::new(text));
        let agent = |text: &str| Ok(KeyPlace::Agent(AgentKey::new(text).unwrap()));
        assert_eq!(parse("ssh-agent:alice@desk"), agent("alice@desk"));
        assert_eq!(parse("ssh-agent:SHA256:abc"), agent("SHA256:abc"));
        assert_eq!(parse("./ssh-agent:x"), Ok(KeyPlace::File("./ssh-agent:x".into())));
        assert!(parse("ssh-agent:").is_err());
        assert!(matches!(parse("pkcs11:token=t;object=k"), Ok(KeyPlace::Token(_))));
        assert_eq!(parse("./pkcs11:x"), Ok(KeyPlace::File("./pkcs11:x".into())));
        assert!(parse("pkcs11:colour=red").unwrap_err().contains("colour"));
        let below = |text: &str| parse(text).unwrap().below(Path::new("/etc")).to_string();
        assert_eq!(below("k.pem"), "/etc/k.pem");
        assert_eq!(below("/run/k.pem"), "/run/k.pem");
        assert_eq!(below("ssh-agent:alice"), "ssh-agent:alice");
        assert_eq!(below("pkcs11:token=t"), "pkcs11:token=t");
    }
}
