//! Private keys in files: PKCS#8, of elliptic curves alone (RFC 5915), or as `ssh-keygen` writes them.

use std::{
    fmt, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use ed25519_dalek::{Signer as _, SigningKey, pkcs8::KeypairBytes};
use pkcs8::{
    EncodePrivateKey as _, EncryptedPrivateKeyInfoRef, LineEnding, PrivateKeyInfoRef, SecretDocument,
    der::Decode as _,
    pkcs5::{self, EncryptionScheme, pbes2::Kdf},
};
use zeroize::Zeroizing;

use super::{
    ecdsa,
    key::{PUBLIC_LABEL, PublicKey},
    key_error::{KeyError, KeyProblem},
    mldsa,
    pem::{malformed, pem_label, read_key_file, single_pem, wrong_kind},
    signer::{Signer, SignerError},
    ssh::{SSH_LABEL, is_line, read_private_key},
};
use crate::medium::Temporary;

/// Maximum memory for the key derivation of a key file, in bytes. The default limit of OpenSSL is 32 MiB.
const SCRYPT_BYTES_MAX: u64 = 1 << 30;

/// Maximum number of scrypt lanes of a key file.
const SCRYPT_LANES_MAX: u16 = 16;

/// Maximum number of PBKDF2 rounds of a key file. They take seconds, not hours.
const PBKDF2_ROUNDS_MAX: u32 = 10_000_000;

const PLAIN_LABEL: &str = "PRIVATE KEY";
const ENCRYPTED_LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// The label of a private key of an elliptic curve without PKCS#8, as `openssl ecparam -genkey` writes it.
const EC_LABEL: &str = "EC PRIVATE KEY";

/// A private key from a file. It is wiped from memory when dropped.
pub struct KeyFile {
    key: Private,
    public: PublicKey,
    permissions_too_open: bool,
}

enum Private {
    Ed25519(SigningKey),
    MlDsa87(mldsa::PrivateHalf),
    EcdsaP384(ecdsa::PrivateHalf),
}

impl KeyFile {
    /// Generates a new Ed25519 key from random bytes of the operating system.
    ///
    /// # Errors
    /// [`KeyProblem::Random`] if the system returns none.
    pub fn generate() -> Result<KeyFile, KeyError> {
        Ok(KeyFile::from_seed(&*random()?))
    }

    /// Generates a new ML-DSA-87 key from random bytes of the operating system.
    ///
    /// # Errors
    /// As [`KeyFile::generate`].
    pub fn generate_ml_dsa_87() -> Result<KeyFile, KeyError> {
        Ok(KeyFile::of_mldsa(mldsa::PrivateHalf::from_seed(&*random()?)))
    }

    /// Generates a new key of ECDSA with P-384 from random bytes of the operating system.
    ///
    /// # Errors
    /// As [`KeyFile::generate`].
    pub fn generate_ecdsa_p384() -> Result<KeyFile, KeyError> {
        loop {
            // A number that is too large is drawn again, so that each key is as likely as any other.
            if let Some(key) = ecdsa::PrivateHalf::from_number(random::<48>()?.as_slice()) {
                return Ok(KeyFile::of_ecdsa(key));
            }
        }
    }

    pub(crate) fn from_seed(seed: &[u8; 32]) -> KeyFile {
        let key = SigningKey::from_bytes(seed);
        let public = PublicKey::derived(key.verifying_key());
        KeyFile { key: Private::Ed25519(key), public, permissions_too_open: false }
    }

    pub(super) fn of_mldsa(key: mldsa::PrivateHalf) -> KeyFile {
        let public = PublicKey::of_mldsa(key.public());
        KeyFile { key: Private::MlDsa87(key), public, permissions_too_open: false }
    }

    pub(super) fn of_ecdsa(key: ecdsa::PrivateHalf) -> KeyFile {
        let public = PublicKey::of_ecdsa(key.public());
        KeyFile { key: Private::EcdsaP384(key), public, permissions_too_open: false }
    }

    /// Parses one PKCS#8 block, v1 or v2, plain or encrypted (PBES2), as OpenSSL writes it, one of an elliptic curve alone, or one of
    /// `ssh-keygen`.
    ///
    /// The passphrase is ignored if the key is not encrypted.
    ///
    /// # Errors
    /// A [`KeyError`] without a path.
    pub fn from_pem(pem: &str, passphrase: Option<&[u8]>) -> Result<KeyFile, KeyError> {
        if is_line(pem.trim_ascii()) {
            return Err(KeyProblem::PublicGiven.into());
        }
        let pem = single_pem(pem)?;
        let read = || Ok::<_, KeyError>(SecretDocument::from_pem(pem).map_err(malformed)?.1);
        match pem_label(pem) {
            PLAIN_LABEL => {
                KeyFile::from_info(PrivateKeyInfoRef::from_der(read()?.as_bytes()).map_err(malformed)?)
            }
            ENCRYPTED_LABEL => {
                let passphrase = passphrase.ok_or(KeyProblem::Encrypted)?;
                let plain = decrypt(read()?.as_bytes(), passphrase)?;
                // About one wrong passphrase in 256 produces valid padding, but the content is garbage.
                let info =
                    PrivateKeyInfoRef::from_der(plain.as_bytes()).map_err(|_| KeyProblem::Passphrase)?;
                KeyFile::from_info(info)
            }
            SSH_LABEL => {
                let pair = read_private_key(pem, passphrase)?;
                let key = KeyFile::from_seed(&pair.seed);
                if key.public.as_bytes() == pair.public {
                    Ok(key)
                } else {
                    Err(KeyProblem::HalvesDiffer.into())
                }
            }
            // A passphrase of this form shows as lines that are no base64 (`Proc-Type`).
            EC_LABEL if pem.contains("Proc-Type:") => {
                let detail = "that of OpenSSL from before PKCS#8".to_owned();
                Err(KeyProblem::Encryption { detail }.into())
            }
            EC_LABEL => Ok(KeyFile::of_ecdsa(ecdsa::PrivateHalf::from_sec1(read()?.as_bytes(), None)?)),
            PUBLIC_LABEL => Err(KeyProblem::PublicGiven.into()),
            other => Err(wrong_kind(PLAIN_LABEL, other)),
        }
    }

    fn from_info(info: PrivateKeyInfoRef<'_>) -> Result<KeyFile, KeyError> {
        let algorithm = info.algorithm.oid;
        if algorithm.to_string() == mldsa::OID {
            return KeyFile::from_mldsa_info(&info);
        }
        if algorithm.to_string() == ecdsa::OID {
            let parameters = info.algorithm.parameters;
            let key = ecdsa::PrivateHalf::from_sec1(info.private_key.as_bytes(), parameters)?;
            return Ok(KeyFile::of_ecdsa(key));
        }
        if algorithm != ed25519_dalek::pkcs8::ALGORITHM_OID {
            return Err(KeyProblem::Algorithm { found: algorithm.to_string() }.into());
        }
        let pair = KeypairBytes::try_from(info).map_err(malformed)?;
        let key = KeyFile::from_seed(&pair.secret_key);
        match &pair.public_key {
            Some(public) if public.as_ref() != key.public.as_bytes() => Err(KeyProblem::HalvesDiffer.into()),
            _ => Ok(key),
        }
    }

    fn from_mldsa_info(info: &PrivateKeyInfoRef<'_>) -> Result<KeyFile, KeyError> {
        if info.algorithm.parameters.is_some() {
            return Err(malformed("an ML-DSA-87 key has no algorithm parameters"));
        }
        let key = KeyFile::of_mldsa(mldsa::PrivateHalf::from_pkcs8(info.private_key.as_bytes())?);
        match info.public_key.map(|public| public.as_bytes()) {
            None => Ok(key),
            Some(Some(public)) if public == key.public.as_bytes() => Ok(key),
            Some(_) => Err(KeyProblem::HalvesDiffer.into()),
        }
    }

    /// Reads a private key file.
    ///
    /// # Errors
    /// A [`KeyError`] that names the file.
    pub fn load(path: &Path, passphrase: Option<&[u8]>) -> Result<KeyFile, KeyError> {
        let file = read_key_file(path)?;
        let text = file.text().map_err(|e| KeyError::at(path, e))?;
        let key = KeyFile::from_pem(text, passphrase).map_err(|e| KeyError::at(path, e))?;
        Ok(KeyFile { permissions_too_open: file.open_to_others(), ..key })
    }

    /// Whether users other than the owner can read or write the file that this key was loaded from.
    pub fn permissions_too_open(&self) -> bool {
        self.permissions_too_open
    }

    /// The key as a PKCS#8 v1 block, because OpenSSL 3.0 cannot read v2. With a passphrase it is encrypted with
    /// scrypt and AES-256-CBC.
    ///
    /// # Errors
    /// [`KeyProblem::PassphraseEmpty`], [`KeyProblem::Random`].
    pub fn to_pem(&self, passphrase: Option<&[u8]>) -> Result<Zeroizing<String>, KeyError> {
        let document = self.to_pkcs8()?;
        match passphrase {
            None => document.to_pem(PLAIN_LABEL, LineEnding::LF).map_err(malformed),
            Some([]) => Err(KeyProblem::PassphraseEmpty.into()),
            Some(passphrase) => {
                let info = PrivateKeyInfoRef::from_der(document.as_bytes()).map_err(malformed)?;
                let encrypted = info.encrypt(passphrase).map_err(|error| match error {
                    pkcs8::Error::EncryptedPrivateKey(pkcs5::Error::Rng) => {
                        KeyProblem::Random { detail: error.to_string() }.into()
                    }
                    error => malformed(error),
                })?;
                encrypted.to_pem(ENCRYPTED_LABEL, LineEnding::LF).map_err(malformed)
            }
        }
    }

    /// The PKCS#8 v1 block: of an ML-DSA-87 key, its seed alone.
    fn to_pkcs8(&self) -> Result<SecretDocument, KeyError> {
        match &self.key {
            // Without the public key it is written as v1.
            Private::Ed25519(key) => KeypairBytes { secret_key: key.to_bytes(), public_key: None }
                .to_pkcs8_der()
                .map_err(malformed),
            Private::MlDsa87(key) => SecretDocument::try_from(key.to_pkcs8().as_slice()).map_err(malformed),
            Private::EcdsaP384(key) => SecretDocument::try_from(key.to_pkcs8().as_slice()).map_err(malformed),
        }
    }

    /// Writes `<prefix>.key.pem` with mode 0600 and `<prefix>.pub.pem` with mode 0644 (less the
    /// umask), and returns their paths in this order.
    ///
    /// Each file is written completely or not at all, and existing files are never overwritten. If the public key
    /// cannot be written, the private key is removed again.
    ///
    /// # Errors
    /// [`KeyProblem::Exists`], [`KeyProblem::Name`], [`KeyProblem::Write`], and those of
    /// [`KeyFile::to_pem`].
    pub fn write_pair(
        &self,
        prefix: &Path,
        passphrase: Option<&[u8]>,
    ) -> Result<(PathBuf, PathBuf), KeyError> {
        let private = with_suffix(prefix, ".key.pem")?;
        let public = with_suffix(prefix, ".pub.pem")?;
        // `write_new` guarantees this; the early check avoids writing one file only to remove it again.
        for path in [&private, &public] {
            match fs::symlink_metadata(path) {
                Ok(_) => return Err(KeyError::at(path, KeyProblem::Exists)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(KeyError::at(path, KeyProblem::Write(error))),
            }
        }
        let pem = self.to_pem(passphrase).map_err(|e| KeyError::at(&private, e))?;
        write_both((&private, pem.as_bytes()), (&public, self.public.to_pem().as_bytes()))?;
        Ok((private, public))
    }
}

impl Signer for KeyFile {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Signs the message itself (RFC 8032, FIPS 204, FIPS 186-5). The same message has the same signature.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let wrong = || SignerError::Wrong { key: self.public.id().short() };
        match &self.key {
            Private::Ed25519(key) => Ok(key.sign(message).to_bytes().to_vec()),
            Private::MlDsa87(key) => key.sign(message).ok_or_else(wrong),
            Private::EcdsaP384(key) => key.sign(message).ok_or_else(wrong),
        }
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("public", &self.public).finish_non_exhaustive()
    }
}

/// Random bytes of the operating system for a new key.
fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, KeyError> {
    let mut seed = Zeroizing::new([0; N]);
    getrandom::fill(seed.as_mut_slice()).map_err(|e| KeyProblem::Random { detail: e.to_string() })?;
    Ok(seed)
}

/// Decrypts an `EncryptedPrivateKeyInfo`, unless its parameters ask for more work than any key needs.
fn decrypt(der: &[u8], passphrase: &[u8]) -> Result<SecretDocument, KeyError> {
    let unsupported = |detail: String| KeyError::from(KeyProblem::Encryption { detail });
    let info = EncryptedPrivateKeyInfoRef::from_der(der).map_err(|e| unsupported(e.to_string()))?;
    if let EncryptionScheme::Pbes2(parameters) = &info.encryption_algorithm {
        match &parameters.kdf {
            Kdf::Pbkdf2(kdf) if kdf.iteration_count > PBKDF2_ROUNDS_MAX => {
                let rounds = kdf.iteration_count;
                return Err(unsupported(format!(
                    "{rounds} rounds of PBKDF2, the limit is {PBKDF2_ROUNDS_MAX}"
                )));
            }
            Kdf::Scrypt(kdf) => {
                let lane_bytes = 128 * u64::from(kdf.block_size);
                let bytes = kdf.cost_parameter.checked_mul(lane_bytes);
                if bytes.is_none_or(|bytes| bytes > SCRYPT_BYTES_MAX)
                    || kdf.parallelization > SCRYPT_LANES_MAX
                {
                    return Err(unsupported(format!(
                        "scrypt with more than {SCRYPT_BYTES_MAX} bytes or {SCRYPT_LANES_MAX} lanes"
                    )));
                }
            }
            _ => {}
        }
    }
    info.decrypt(passphrase).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(
            pkcs5::Error::NoPbes1CryptSupport
            | pkcs5::Error::UnsupportedAlgorithm { .. }
            | pkcs5::Error::AlgorithmParametersInvalid { .. },
        ) => unsupported(error.to_string()),
        _ => KeyProblem::Passphrase.into(),
    })
}

fn with_suffix(prefix: &Path, suffix: &str) -> Result<PathBuf, KeyError> {
    let name = prefix.file_name().ok_or_else(|| KeyError::at(prefix, KeyProblem::Name))?;
    let mut name = name.to_owned();
    name.push(suffix);
    Ok(prefix.with_file_name(name))
}

/// Writes the private key, then the public key. If the second fails, the first is removed.
fn write_both(private: (&Path, &[u8]), public: (&Path, &[u8])) -> Result<(), KeyError> {
    write_new(private.0, 0o600, private.1)?;
    write_new(public.0, 0o644, public.1).inspect_err(|_| {
        // The first error matters more to the operator than a failure here.
        let _ = fs::remove_file(private.0);
    })
}

/// Writes a new file under a temporary name, syncs it, and then gives it its name.
fn write_new(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), KeyError> {
    let written = Temporary::with_mode(path, mode).and_then(|mut temporary| {
        temporary.file().write_all(bytes)?;
        temporary.place_new(path)
    });
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => KeyError::at(path, KeyProblem::Exists),
        _ => KeyError::at(path, KeyProblem::Write(error)),
    })
}

#[cfg(test)]
mod tests;
