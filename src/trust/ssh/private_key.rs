//! Private keys in files of `ssh-keygen` (PROTOCOL.key of OpenSSH), plain or with a passphrase.

use aes::Aes256;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit as _, StreamCipher as _};
use zeroize::Zeroizing;

use super::public_key::{ED25519, ed25519_of_blob};
use super::wire::Reader;
use crate::trust::key_error::KeyProblem;

/// The label of the PEM block.
pub(in crate::trust) const SSH_LABEL: &str = "OPENSSH PRIVATE KEY";

/// What the bytes in the block start with.
const MAGIC: &[u8] = b"openssh-key-v1\0";

/// Maximum number of rounds of the key derivation. ssh-keygen takes 16 or 24; these take seconds, not hours.
const ROUNDS_MAX: u32 = 1024;

/// An Ed25519 private key, and the public key that stands beside it. Whether they belong together is not checked.
pub(in crate::trust) struct SshPair {
    /// The private key (RFC 8032, section 5.1.5).
    pub(in crate::trust) seed: Zeroizing<[u8; 32]>,
    /// The public key.
    pub(in crate::trust) public: [u8; 32],
}

/// Reads a PEM block with [`SSH_LABEL`]. A passphrase is ignored if the key is not encrypted.
///
/// # Errors
/// [`KeyProblem`].
pub(in crate::trust) fn read_private_key(
    pem: &str,
    passphrase: Option<&[u8]>,
) -> Result<SshPair, KeyProblem> {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    let text: Zeroizing<String> = Zeroizing::new(lines.flat_map(str::split_ascii_whitespace).collect());
    let bytes = STANDARD.decode(text.as_bytes()).map_err(|error| malformed(&error.to_string()))?;
    let bytes = Zeroizing::new(bytes);
    let file = File::read(&bytes).ok_or_else(|| malformed("it is no openssh-key-v1 with one key"))?;
    let public = ed25519_of_blob(file.public)?;
    let plain = file.decrypt(passphrase)?;
    let is_encrypted = file.cipher != "none";
    let mut reader = Reader(&plain);
    // The same number twice. With a wrong passphrase the two differ.
    if reader.number() != reader.number() {
        return Err(if is_encrypted {
            KeyProblem::Passphrase
        } else {
            malformed("its check numbers differ")
        });
    }
    pair(&mut reader, public).ok_or_else(|| malformed("its private part is not that of an Ed25519 key"))?
}

/// Reads the private part behind the check numbers.
fn pair(reader: &mut Reader<'_>, public: [u8; 32]) -> Option<Result<SshPair, KeyProblem>> {
    let kind = reader.string()?;
    let (second, both) = (reader.string()?, reader.string()?);
    let _comment = reader.string()?;
    let is_padding = reader.0.iter().zip(1..).all(|(found, expected)| *found == expected);
    if kind != ED25519.as_bytes() || both.len() != 64 || !is_padding {
        return None;
    }
    // The public key stands there three times.
    if second != public || both[32..] != public {
        return Some(Err(KeyProblem::HalvesDiffer));
    }
    let mut seed = Zeroizing::new([0; 32]);
    seed.copy_from_slice(&both[..32]);
    Some(Ok(SshPair { seed, public }))
}

/// The parts of a file with one key.
struct File<'a> {
    cipher: &'a str,
    kdf: &'a str,
    kdf_options: &'a [u8],
    public: &'a [u8],
    private: &'a [u8],
    /// Ciphers that authenticate put their tag here.
    rest: &'a [u8],
}

impl<'a> File<'a> {
    fn read(bytes: &'a [u8]) -> Option<File<'a>> {
        let mut reader = Reader(bytes.strip_prefix(MAGIC)?);
        let cipher = str::from_utf8(reader.string()?).ok()?;
        let kdf = str::from_utf8(reader.string()?).ok()?;
        let kdf_options = reader.string()?;
        let is_one = reader.number()? == 1;
        let (public, private) = (reader.string()?, reader.string()?);
        is_one.then_some(File { cipher, kdf, kdf_options, public, private, rest: reader.0 })
    }

    fn decrypt(&self, passphrase: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, KeyProblem> {
        let unsupported = |detail: String| KeyProblem::Encryption { detail };
        let mut bytes = Zeroizing::new(self.private.to_vec());
        match (self.cipher, self.kdf) {
            ("none" | "aes256-ctr", _) if !self.rest.is_empty() => {
                return Err(malformed("it has more bytes behind its private part"));
            }
            ("none", "none") => return Ok(bytes),
            ("aes256-ctr", "bcrypt") => {}
            (cipher, kdf) => {
                let shown = |text: &str| text.chars().take(40).collect::<String>();
                return Err(unsupported(format!("{} with {}", shown(cipher), shown(kdf))));
            }
        }
        let passphrase = passphrase.ok_or(KeyProblem::Encrypted)?;
        let mut options = Reader(self.kdf_options);
        let read = options.string().zip(options.number()).filter(|_| options.is_at_end());
        let (salt, rounds) = read.ok_or_else(|| malformed("its salt and rounds are malformed"))?;
        if rounds > ROUNDS_MAX {
            return Err(unsupported(format!("{rounds} rounds of bcrypt, the limit is {ROUNDS_MAX}")));
        }
        // The key, and the first block of the counter.
        let mut derived = Zeroizing::new([0; 48]);
        bcrypt_pbkdf::bcrypt_pbkdf(passphrase, salt, rounds, derived.as_mut_slice())
            .map_err(|error| unsupported(error.to_string()))?;
        let (key, counter) = derived.split_at(32);
        let mut cipher = Ctr128BE::<Aes256>::new_from_slices(key, counter).expect("32 and 16 bytes");
        cipher.apply_keystream(&mut bytes);
        Ok(bytes)
    }
}

fn malformed(detail: &str) -> KeyProblem {
    KeyProblem::Malformed { detail: detail.to_owned() }
}
