//! Trusted authorities and the client certificate.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use super::{Settings, SetupError};

/// Maximum size of a certificate or key file, in bytes.
const PEM_BYTES_MAX: u64 = 16 << 20;

/// Reads the authorities of the system, those of the settings, and the client certificate.
///
/// # Errors
/// [`SetupError`] naming the file that cannot be used.
pub(super) fn tls_config(settings: &Settings) -> Result<TlsConfig, SetupError> {
    let mut roots: Vec<CertificateDer<'static>> =
        (settings.system_roots)().into_iter().map(CertificateDer::from).collect();
    if let Some(path) = &settings.ca {
        roots.extend(certificates(path)?);
    }
    let roots: Vec<Certificate<'static>> =
        roots.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
    let client = match &settings.client {
        Some((certificate, key)) => Some(client_cert(certificate, key)?),
        None => None,
    };
    Ok(TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .client_cert(client)
        .build())
}

fn unusable(path: &Path, problem: &dyn std::fmt::Display) -> SetupError {
    SetupError { what: path.display().to_string(), problem: problem.to_string() }
}

fn read(path: &Path) -> Result<Vec<u8>, SetupError> {
    match fs::metadata(path).map_err(|error| unusable(path, &error))?.len() {
        bytes if bytes > PEM_BYTES_MAX => {
            Err(unusable(path, &format!("the file has {bytes} bytes, the limit is {PEM_BYTES_MAX}")))
        }
        _ => fs::read(path).map_err(|error| unusable(path, &error)),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let bytes = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(unusable(path, &"expected a PEM certificate, found none")),
        Err(error) => Err(unusable(path, &format!("{error:?}"))),
    }
}

fn client_cert(certificate: &Path, key: &Path) -> Result<ClientCert, SetupError> {
    let chain = certificates(certificate)?;
    let bytes = read(key)?;
    let der = PrivateKeyDer::from_pem_slice(&bytes)
        .map_err(|_| unusable(key, &"expected an unencrypted PEM private key, found none"))?;
    // Check that they match, because the connection would only fail later, without a clear error.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(key, &error))?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_client_auth_cert(chain.clone(), der)
        .map_err(|error| {
            unusable(
                key,
                &format!("the key does not match the certificate {}: {error}", certificate.display()),
            )
        })?;
    let chain: Vec<Certificate<'static>> =
        chain.iter().map(|link| Certificate::from_der(link).to_owned()).collect();
    let key = PrivateKey::from_pem(&bytes).map_err(|error| unusable(key, &error))?;
    Ok(ClientCert::new_with_certs(&chain, key))
}
