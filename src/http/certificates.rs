//! Reads files with certificates and keys (PEM, RFC 7468).

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};

use super::SetupError;
use crate::small_file::SmallFile;

/// Maximum size of a certificate or key file, in bytes.
const PEM_BYTES_MAX: u64 = 16 << 20;

/// Other words that OpenSSL writes or accepts for a certificate. The first one has settings of OpenSSL after it.
const OTHER_LABELS: [&str; 2] = ["TRUSTED CERTIFICATE", "X509 CERTIFICATE"];

/// The error for a file that cannot be used.
pub(super) fn unusable(path: &Path, problem: &dyn std::fmt::Display) -> SetupError {
    SetupError { what: path.display().to_string(), problem: problem.to_string(), advice: None }
}

/// Reads a PEM file, without a byte order mark.
pub(super) fn read(path: &Path) -> Result<SmallFile, SetupError> {
    SmallFile::read(path, PEM_BYTES_MAX)
        .map_err(|error| SetupError { advice: error.advice(), ..unusable(path, &error) })
}

/// Reads all certificates in a file. It has at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let found = parse(read(path)?.bytes()).map_err(|problem| unusable(path, &problem))?;
    if found.is_empty() { Err(unusable(path, &"expected a PEM certificate, found none")) } else { Ok(found) }
}

fn parse(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    // A SEQUENCE with a length of two bytes, as every certificate in DER.
    if let [0x30, 0x82, ..] = bytes {
        return Err("the file is in DER; convert it to PEM, e.g. with openssl x509 -inform der".to_owned());
    }
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    for label in OTHER_LABELS {
        text = text.replace(&format!("-----BEGIN {label}-----"), "-----BEGIN CERTIFICATE-----");
        text = text.replace(&format!("-----END {label}-----"), "-----END CERTIFICATE-----");
    }
    CertificateDer::pem_slice_iter(text.as_bytes())
        .map(|found| found.map(|der| first_value(&der)).map_err(|error| reason(&error).to_owned()))
        .collect()
}

/// The certificate at the start, without what OpenSSL writes after it into a `TRUSTED CERTIFICATE`.
fn first_value(der: &[u8]) -> CertificateDer<'static> {
    let end = match der {
        [0x30, 0x82, high, low, ..] => 4 + usize::from(u16::from_be_bytes([*high, *low])),
        _ => der.len(),
    };
    CertificateDer::from(der.get(..end).unwrap_or(der).to_vec())
}

/// Says in words why a PEM file cannot be parsed.
pub(super) fn reason(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "the file is cut off: a BEGIN line has no END line",
        pem::Error::IllegalSectionStart { .. } => "a BEGIN line is damaged",
        pem::Error::Base64Decode(_) => "the base64 text is damaged",
        pem::Error::NoItemsFound => "expected a PEM file, found no BEGIN line",
        _ => "not a valid PEM file",
    }
}
