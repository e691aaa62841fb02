//! Keys of FIDO tokens (`sk-ssh-ed25519@openssh.com`), and their signatures as `ssh-keygen -Y sign` writes them (PROTOCOL.u2f and
//! PROTOCOL.sshsig of OpenSSH).
//!
//! A token signs what the browser or OpenSSH says it is for, whether somebody touched it, and a counter. So its signature is not one
//! over the statement, and cannot be an entry as those of other keys are.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256, Sha512};

use super::wire::{Reader, put_string};
use crate::trust::key_error::KeyProblem;

/// The word for such keys, and for their signatures.
pub(super) const KIND: &str = "sk-ssh-ed25519@openssh.com";

/// What signatures are for (docs/format.md, "Signatures"). One that is meant for anything else does not verify.
const NAMESPACE: &[u8] = b"carnet";

const MAGIC: &[u8] = b"SSHSIG";
const VERSION: u32 = 1;
const HASH: &[u8] = b"sha512";

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";

/// Width of the lines between them, in characters.
const LINE_CHARS: usize = 70;

/// Maximum length of what the key is for. `ssh-keygen` writes `ssh:` unless it is told otherwise.
const APPLICATION_BYTES_MAX: usize = 64;

/// The flag of a token that was touched.
const PRESENT: u8 = 1;

/// The flag of a token that asked for a PIN or a fingerprint, too.
const VERIFIED: u8 = 4;

/// A public key whose private half is in a FIDO token.
#[derive(Clone)]
pub(in crate::trust) struct TokenKey {
    key: VerifyingKey,
    application: Vec<u8>,
    blob: Vec<u8>,
}

impl TokenKey {
    /// The key in a blob. `point` checks the 32 bytes of the key.
    ///
    /// # Errors
    /// [`KeyProblem::Malformed`], and what `point` says.
    pub(in crate::trust) fn from_blob<E: From<KeyProblem>>(
        blob: &[u8],
        point: impl FnOnce(&[u8; 32]) -> Result<VerifyingKey, E>,
    ) -> Result<TokenKey, E> {
        let malformed = |detail: &str| KeyProblem::Malformed { detail: detail.to_owned() };
        let mut reader = Reader(blob);
        let parts = (reader.string(), reader.string(), reader.string());
        let (Some(kind), Some(key), Some(application)) = parts else {
            return Err(malformed("it ends too early").into());
        };
        if kind != KIND.as_bytes() || !reader.is_at_end() {
            return Err(malformed("it has more than a key of a FIDO token").into());
        }
        let is_plain = application.starts_with(b"ssh:") && application.iter().all(u8::is_ascii_graphic);
        if !is_plain || application.len() > APPLICATION_BYTES_MAX {
            let detail =
                format!("what it is for is not \"ssh:\" and at most {APPLICATION_BYTES_MAX} bytes in all");
            return Err(malformed(&detail).into());
        }
        let key = key.try_into().map_err(|_| malformed("its point has not 32 bytes"))?;
        Ok(TokenKey { key: point(key)?, application: application.to_vec(), blob: blob.to_vec() })
    }

    /// The blob.
    pub(in crate::trust) fn as_bytes(&self) -> &[u8] {
        &self.blob
    }

    /// The key in a line, as files of `ssh-keygen` have it.
    pub(in crate::trust) fn to_line(&self) -> String {
        format!("{KIND} {}", STANDARD.encode(&self.blob))
    }

    /// Whether a signature in its one form is one of this key over `message`, for carnet, by a token that was touched.
    pub(in crate::trust) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let Some(blob) = read(signature) else { return false };
        let Some(parts) = Parts::read(&blob).filter(|_| armored(&blob).as_bytes() == signature) else {
            return false;
        };
        if parts.key != self.blob || !matches!(parts.flags, PRESENT | FLAGS_BOTH) {
            return false;
        }
        let mut framed = MAGIC.to_vec();
        for part in [NAMESPACE, b"", HASH, &Sha512::digest(message)] {
            put_string(&mut framed, part);
        }
        let mut signed = Sha256::digest(&self.application).to_vec();
        signed.push(parts.flags);
        signed.extend(parts.counter.to_be_bytes());
        signed.extend(Sha256::digest(&framed));
        self.key.verify_strict(&signed, &parts.signature).is_ok()
    }
}

const FLAGS_BOTH: u8 = PRESENT | VERIFIED;

/// Whether the token says that it asked for a PIN or a fingerprint. The signature must have been verified.
pub(in crate::trust) fn shows_verification(signature: &[u8]) -> bool {
    read(signature)
        .and_then(|blob| Some(Parts::read(&blob)?.flags))
        .is_some_and(|flags| flags & VERIFIED != 0)
}

/// A signature of such a key in its one form, if a text is one; line ends may be those of Windows, and the last one may be missing.
pub(in crate::trust) fn canonical(text: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8(text.to_vec()).ok()?.replace("\r\n", "\n");
    let blob = read((text.trim_end_matches('\n').to_owned() + "\n").as_bytes())?;
    Parts::read(&blob)?;
    Some(armored(&blob).into_bytes())
}

/// The bytes in the text of a signature.
fn read(text: &[u8]) -> Option<Vec<u8>> {
    let lines = std::str::from_utf8(text).ok()?.strip_prefix(BEGIN)?.strip_suffix(END)?;
    STANDARD.decode(lines.replace('\n', "")).ok()
}

/// The text of a signature, as `ssh-keygen` writes it.
fn armored(blob: &[u8]) -> String {
    let base64 = STANDARD.encode(blob);
    let mut text = BEGIN.to_owned();
    for (at, digit) in base64.chars().enumerate() {
        if at > 0 && at % LINE_CHARS == 0 {
            text.push('\n');
        }
        text.push(digit);
    }
    text + "\n" + END
}

/// What a signature of a FIDO token for carnet consists of.
struct Parts {
    key: Vec<u8>,
    signature: Signature,
    flags: u8,
    counter: u32,
}

impl Parts {
    fn read(blob: &[u8]) -> Option<Parts> {
        let mut reader = Reader(blob);
        let is_known = reader.bytes(MAGIC.len())? == MAGIC && reader.number()? == VERSION;
        let key = reader.string()?.to_vec();
        let is_ours =
            reader.string()? == NAMESPACE && reader.string()?.is_empty() && reader.string()? == HASH;
        let mut inner = Reader(reader.string()?);
        let is_token = inner.string()? == KIND.as_bytes();
        let signature = Signature::from_slice(inner.string()?).ok()?;
        let [flags] = *inner.bytes(1)? else { return None };
        let counter = inner.number()?;
        let is_whole = reader.is_at_end() && inner.is_at_end();
        (is_known && is_ours && is_token && is_whole).then_some(Parts { key, signature, flags, counter })
    }
}
