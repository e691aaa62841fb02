//! TLS: the trusted certificates, the client certificate, and the cryptography.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::certificates::{certificates, read, unusable};
use super::verifier::Verifier;
use super::{Settings, SetupError, curves};

/// The TLS settings of a client: trusts the authorities of the system and those of the settings, and presents the client
/// certificate.
///
/// # Errors
/// [`SetupError`] naming the file that cannot be used.
pub(super) fn tls_config(settings: &Settings) -> Result<Arc<ClientConfig>, SetupError> {
    let mut trusted: Vec<CertificateDer<'static>> =
        (settings.system_roots)().into_iter().map(CertificateDer::from).collect();
    if let Some(path) = &settings.ca {
        trusted.extend(authorities(path)?);
    }
    let provider = Arc::new(curves::provider());
    let verifier = Arc::new(Verifier::new(trusted, provider.signature_verification_algorithms));
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("ring supports TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match &settings.client {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let (chain, key_der) = (certificates(certificate)?, private_key(key)?);
            builder.with_client_auth_cert(chain, key_der).map_err(|error| {
                let certificate = certificate.display();
                let problem = match error {
                    rustls::Error::InconsistentKeys(_) => {
                        format!("the key does not match the certificate {certificate}")
                    }
                    _ => format!(
                        "the key or the certificate {certificate} is of a kind that is not supported; expected RSA, \
                         ECDSA with P-256 or P-384, or Ed25519"
                    ),
                };
                unusable(key, &problem)
            })?
        }
    };
    Ok(Arc::new(config))
}

/// Reads the certificates to trust. A certificate that cannot be parsed would be left out silently, so it is an error.
fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let found = certificates(path)?;
    for (number, certificate) in found.iter().enumerate() {
        if RootCertStore::empty().add(certificate.clone()).is_err() {
            let number = number + 1;
            return Err(unusable(
                path,
                &format!("certificate {number} of the file is not a valid X.509 certificate"),
            ));
        }
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, SetupError> {
    PrivateKeyDer::from_pem_slice(read(path)?.bytes())
        .map_err(|_| unusable(path, &"expected an unencrypted PEM private key, found none"))
}
