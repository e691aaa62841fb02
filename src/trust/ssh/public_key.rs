//! Public keys in one line, as files of `ssh-keygen` and lists of keys have them: `ssh-ed25519 AAAA… alice`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::wire::Reader;
use crate::trust::key_error::KeyProblem;

/// The word for plain Ed25519 keys (RFC 8709, section 4).
pub(super) const ED25519: &str = "ssh-ed25519";

/// How the words for kinds of keys begin.
const KINDS: [&str; 4] = ["ssh-", "sk-ssh-", "ecdsa-sha2-", "sk-ecdsa-sha2-"];

/// Whether a text begins as such a line does.
pub(in crate::trust) fn is_line(text: &str) -> bool {
    KINDS.iter().any(|kind| text.starts_with(kind))
}

/// The blob in a line: the word for the kind of the key, the blob in base64, and a comment, which counts for nothing. Also says
/// whether the key is one of a FIDO token.
///
/// # Errors
/// [`KeyProblem::Malformed`].
pub(in crate::trust) fn key_of_line(line: &str) -> Result<(Vec<u8>, bool), KeyProblem> {
    let line = line.trim_ascii();
    if line.contains('\n') {
        return Err(malformed("it contains more than one line"));
    }
    let mut words = line.split_ascii_whitespace();
    let (kind, blob) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let blob = STANDARD.decode(blob).map_err(|error| malformed(&format!("its base64 is wrong: {error}")))?;
    let written = Reader(&blob).string();
    if written.is_some_and(|written| written != kind.as_bytes()) {
        return Err(malformed("the kind at the start of its line and the one in its base64 differ"));
    }
    Ok((blob, kind == super::token_key::KIND))
}

/// The key in a blob. It is not checked to be a good point.
///
/// # Errors
/// [`KeyProblem::Algorithm`] for other kinds, else [`KeyProblem::Malformed`].
pub(in crate::trust) fn ed25519_of_blob(blob: &[u8]) -> Result<[u8; 32], KeyProblem> {
    let mut reader = Reader(blob);
    let kind = reader.string().ok_or_else(|| malformed("it ends too early"))?;
    if kind != ED25519.as_bytes() {
        let found = String::from_utf8_lossy(kind).chars().take(40).collect();
        return Err(KeyProblem::Algorithm { found });
    }
    let key = reader.string().and_then(|key| key.try_into().ok());
    key.filter(|_| reader.is_at_end())
        .ok_or_else(|| malformed("an Ed25519 key has 32 bytes and nothing else"))
}

/// The fingerprint of a blob, as `ssh-keygen -l` prints it.
pub(in crate::trust) fn fingerprint(blob: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob)))
}

fn malformed(detail: &str) -> KeyProblem {
    KeyProblem::Malformed { detail: detail.to_owned() }
}
