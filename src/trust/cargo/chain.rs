//! Chains: from the certificate of a signer to one that an operator trusts.

use std::time::Duration;

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter, anchor_from_trusted_cert,
};

use super::algorithm::of_certificates;
use super::certificate::Certificate;
use super::keyring::CargoKeys;
use crate::format::Timestamp;

/// Most certificates of a chain. Real ones have two to four.
pub const CHAIN_MAX: usize = 16;

/// Signing code (RFC 5280, section 4.2.1.12), and any purpose.
const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];
const ANY_PURPOSE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];

/// Why a chain leads to nothing that is trusted.
#[derive(Debug)]
pub(super) enum Broken {
    /// It does not hold.
    Wrong(String),
    /// A certificate in it is not valid at the time.
    OutOfDate(String),
    /// It cannot be checked, or leads elsewhere.
    Unknown(String),
}

/// Authorities may be restricted to purposes. That of the signer's own certificate is checked elsewhere, more strictly.
struct SigningCode;

impl ExtendedKeyUsageValidator for SigningCode {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let mut is_restricted = false;
        for purpose in purposes {
            let purpose = purpose?;
            if [CODE_SIGNING, ANY_PURPOSE].iter().any(|allowed| KeyPurposeId::new(allowed) == purpose) {
                return Ok(());
            }
            is_restricted = true;
        }
        if is_restricted { Err(Error::EndEntityUsedAsCa) } else { Ok(()) }
    }
}

/// Checks that the first certificate of a chain is trusted at this time: it is itself, byte for byte, one of those that were
/// given, or one of these issued it, with the others of the chain between them. Returns the file.
pub(super) fn trusted<'a>(
    keys: &'a CargoKeys,
    signer: &Certificate,
    others: &[CertificateDer<'_>],
    at: Timestamp,
) -> Result<&'a str, Broken> {
    let seconds = u64::try_from(at.get().as_second()).unwrap_or_default();
    signer.holds_at(seconds).map_err(Broken::OutOfDate)?;
    if let Some((file, _)) = keys.certificates.iter().find(|(_, trusted)| trusted.der == signer.der) {
        return Ok(file);
    }
    if keys.certificates.is_empty() {
        return Err(Broken::Unknown("no certificate of an authority was given to check it with".to_owned()));
    }
    // Any certificate works as an anchor, also that of a signer, who could issue certificates to others.
    let authorities = || keys.certificates.iter().filter(|(_, trusted)| trusted.may_issue());
    let anchors: Vec<(&str, &Certificate, TrustAnchor<'_>)> = authorities()
        .filter_map(|(file, trusted)| {
            Some((file.as_str(), trusted, anchor_from_trusted_cert(&trusted.der).ok()?))
        })
        .collect();
    let trust: Vec<TrustAnchor<'_>> = anchors.iter().map(|(.., anchor)| anchor.clone()).collect();
    let end = EndEntityCert::try_from(&signer.der).map_err(|error| broken(&error, signer))?;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let path = end
        .verify_for_usage(&of_certificates(), &trust, others, time, SigningCode, None, None)
        .map_err(|error| broken(&error, signer))?;
    let is_it = |anchor: &TrustAnchor<'_>| {
        anchor.subject == path.anchor().subject
            && anchor.subject_public_key_info == path.anchor().subject_public_key_info
    };
    // An authority may have several certificates for one key, of which one has expired.
    let mut expired = None;
    for (file, trusted, _) in anchors.iter().filter(|(.., anchor)| is_it(anchor)) {
        match trusted.holds_at(seconds) {
            Ok(()) => return Ok(file),
            Err(why) => expired = Some(why),
        }
    }
    Err(Broken::OutOfDate(expired.unwrap_or_default()))
}

/// Says in words why there is no chain.
fn broken(error: &Error, signer: &Certificate) -> Broken {
    let subject = &signer.subject;
    match error {
        Error::UnknownIssuer => {
            Broken::Unknown(format!("no certificate that was given issued that of the signer, {subject}"))
        }
        Error::CertExpired { .. } | Error::CertNotValidYet { .. } => Broken::OutOfDate(format!(
            "a certificate between that of {subject} and a trusted one is out of date"
        )),
        Error::UnsupportedCriticalExtension
        | Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
        | Error::UnsupportedCertVersion
        | Error::MaximumSignatureChecksExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumNameConstraintComparisonsExceeded
        | Error::MaximumPathDepthExceeded => {
            Broken::Unknown(format!("the chain of the certificate of {subject} cannot be checked: {error:?}"))
        }
        Error::EndEntityUsedAsCa => Broken::Wrong(format!(
            "a certificate between that of {subject} and a trusted one is not for an authority that signs code"
        )),
        error => Broken::Wrong(format!("the chain of the certificate of {subject} is wrong: {error:?}")),
    }
}
