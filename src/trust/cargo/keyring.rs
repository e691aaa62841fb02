//! The keys and certificates that an operator gives.

use pkcs8::der::Document;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::certificate::Certificate;
use super::key_error::CargoKeyError;
use super::outcome::SignedBy;
use super::public_key::SignerKey;
use crate::trust::key::PUBLIC_LABEL;
use crate::trust::pem::{pem_label, single_pem};

/// The keys and certificates that signatures in the cargo are checked with.
#[derive(Default)]
pub struct CargoKeys {
    /// The keys with their files.
    keys: Vec<(String, SignerKey)>,
    /// The trusted certificates with their files.
    pub(super) certificates: Vec<(String, Certificate)>,
}

/// Most keys, and most certificates. More is no list of trusted signers any more.
const COUNT_MAX: usize = 1000;

impl CargoKeys {
    /// Adds the public key in a PEM file, as `cosign generate-key-pair` and `openssl pkey -pubout` write it: ECDSA on P-256,
    /// P-384 or P-521, Ed25519, or RSA from 2048 bits on. `file` names it in reports.
    ///
    /// # Errors
    /// If it is something else, or weak.
    pub fn add_key(&mut self, file: &str, pem: &str) -> Result<(), CargoKeyError> {
        let fails = |problem: String| CargoKeyError::new(file, problem);
        let pem = single_pem(pem).map_err(|error| fails(error.problem().to_string()))?;
        let label = pem_label(pem);
        if label.ends_with("PRIVATE KEY") {
            return Err(fails("it is a private key; a public key is needed".to_owned()));
        }
        if label != PUBLIC_LABEL {
            return Err(fails(format!("it is a PEM block {label:?}, expected {PUBLIC_LABEL:?}")));
        }
        let (_, document) =
            Document::from_pem(pem).map_err(|error| fails(format!("it is not a key: {error}")))?;
        let key = SignerKey::from_der(document.as_bytes())
            .map_err(|problem| fails(format!("the key {problem}")))?;
        check_room(file, self.keys.len())?;
        self.keys.push((file.to_owned(), key));
        Ok(())
    }

    /// Adds the certificates in a PEM file: of authorities, or of signers that are trusted themselves.
    ///
    /// # Errors
    /// If there is none, or if one cannot be read.
    pub fn add_certificates(&mut self, file: &str, pem: &[u8]) -> Result<(), CargoKeyError> {
        let fails = |problem: String| CargoKeyError::new(file, problem);
        let before = self.certificates.len();
        for found in CertificateDer::pem_slice_iter(pem) {
            let der = found.map_err(|error| fails(format!("it is not a valid PEM file: {error}")))?;
            let certificate = Certificate::from_der(der.as_ref())
                .map_err(|problem| fails(format!("a certificate cannot be read: {problem}")))?;
            check_room(file, self.certificates.len())?;
            self.certificates.push((file.to_owned(), certificate));
        }
        if self.certificates.len() == before {
            return Err(fails("expected a PEM block \"CERTIFICATE\", found none".to_owned()));
        }
        Ok(())
    }

    /// The number of keys.
    pub(super) fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// The first key that signed `message`.
    pub(super) fn signer_of(&self, message: &[u8], signature: &[u8]) -> Option<SignedBy> {
        let (file, key) = self.keys.iter().find(|(_, key)| key.signed(message, signature))?;
        Some(SignedBy { file: file.clone(), subject: None, key: key.id() })
    }
}

/// Checks that there is room for one more.
fn check_room(file: &str, count: usize) -> Result<(), CargoKeyError> {
    if count < COUNT_MAX {
        return Ok(());
    }
    Err(CargoKeyError::new(file, format!("more than {COUNT_MAX} keys or certificates were given")))
}
