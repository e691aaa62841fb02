//! Which servers are trusted, and the certificate that we show them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use super::{Settings, SetupError};

/// Largest file of certificates or keys, in bytes.
const PEM_BYTES_MAX: u64 = 16 << 20;

/// The system's authorities, those of `--ca`, and our certificate.
///
/// # Errors
/// [`SetupError`] for a file that cannot be used, named.
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
    let what = path.display().to_string().escape_debug().to_string();
    SetupError { what, problem: problem.to_string() }
}

fn read(path: &Path) -> Result<Vec<u8>, SetupError> {
    match fs::metadata(path).map_err(|error| unusable(path, &error))?.len() {
        bytes if bytes > PEM_BYTES_MAX => Err(unusable(path, &format!("it has {bytes} bytes"))),
        _ => fs::read(path).map_err(|error| unusable(path, &error)),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let bytes = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(unusable(path, &"no certificate (PEM) is in it")),
        Err(error) => Err(unusable(path, &format!("{error:?}"))),
    }
}

fn client_cert(certificate: &Path, key: &Path) -> Result<ClientCert, SetupError> {
    let chain = certificates(certificate)?;
    let bytes = read(key)?;
    let der = PrivateKeyDer::from_pem_slice(&bytes)
        .map_err(|_| unusable(key, &"no private key (PEM, not encrypted) is in it"))?;
    // Held together here, because the connection would only fail later, and without saying why.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(key, &error))?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_client_auth_cert(chain.clone(), der)
        .map_err(|error| unusable(key, &format!("it does not fit {}: {error}", certificate.display())))?;
    let chain: Vec<Certificate<'static>> =
        chain.iter().map(|link| Certificate::from_der(link).to_owned()).collect();
    let key = PrivateKey::from_pem(&bytes).map_err(|error| unusable(key, &error))?;
    Ok(ClientCert::new_with_certs(&chain, key))
}
