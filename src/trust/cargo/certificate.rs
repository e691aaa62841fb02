//! What a certificate says (RFC 5280): its subject, its dates, and what its key may be used for.

use rustls_pki_types::CertificateDer;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};

use super::public_key::SignerKey;
use crate::format::Timestamp;

/// Largest certificate in bytes. Real ones have some 2,000.
pub const CERTIFICATE_BYTES_MAX: usize = 64 << 10;

/// Most characters of a subject that are kept.
const SUBJECT_CHARS_MAX: usize = 300;

const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
/// Usages that exclude signing code: any, servers, clients, mail, timestamps (signature specification, "Leaf Certificates").
const OTHER_USAGES: [ObjectIdentifier; 5] = [
    ObjectIdentifier::new_unwrap("2.5.29.37.0"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8"),
];

/// A certificate that was read. Nothing about it is verified.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub(super) der: CertificateDer<'static>,
    /// The subject, as text (RFC 4514).
    pub(super) subject: String,
    /// Its public key, or why it cannot be used.
    pub(super) key: Result<SignerKey, String>,
    not_before: u64,
    not_after: u64,
    /// Whether it says that it is one of an authority.
    is_authority: bool,
    /// The usages of its key, and whether readers must heed them.
    usage: Option<(bool, KeyUsage)>,
    extended: Option<ExtendedKeyUsage>,
}

impl Certificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// Why it cannot be read, as a sentence without its full stop.
    pub fn from_der(der: &[u8]) -> Result<Certificate, String> {
        if der.len() > CERTIFICATE_BYTES_MAX {
            return Err(format!("it has {} bytes, more than {CERTIFICATE_BYTES_MAX}", der.len()));
        }
        let wrong = |error: x509_cert::der::Error| format!("it is not a certificate: {error}");
        let parsed = x509_cert::Certificate::from_der(der).map_err(wrong)?;
        let content = parsed.tbs_certificate();
        let usage = content.get_extension::<KeyUsage>().map_err(wrong)?;
        let constraints = content.get_extension::<BasicConstraints>().map_err(wrong)?;
        let is_authority = constraints.is_some_and(|(_, constraints)| constraints.ca);
        let key = content.subject_public_key_info().to_der().map_err(wrong)?;
        Ok(Certificate {
            der: CertificateDer::from(der.to_vec()),
            subject: content.subject().to_string().chars().take(SUBJECT_CHARS_MAX).collect(),
            key: SignerKey::from_der(&key),
            not_before: content.validity().not_before.to_unix_duration().as_secs(),
            not_after: content.validity().not_after.to_unix_duration().as_secs(),
            is_authority,
            usage,
            extended: content.get_extension::<ExtendedKeyUsage>().map_err(wrong)?.map(|(_, usages)| usages),
        })
    }

    /// Whether it may issue others.
    pub(super) fn may_issue(&self) -> bool {
        self.is_authority && self.usage.as_ref().is_none_or(|(_, usage)| usage.key_cert_sign())
    }

    /// Checks that it is valid at this time.
    pub(super) fn holds_at(&self, seconds: u64) -> Result<(), String> {
        let time = |seconds: u64| {
            Timestamp::from_seconds(seconds)
                .map_or_else(|| "the year 9999".to_owned(), |time| time.to_string())
        };
        if seconds < self.not_before {
            return Err(format!(
                "the certificate of {} is not valid before {}",
                self.subject,
                time(self.not_before)
            ));
        }
        if seconds > self.not_after {
            return Err(format!("the certificate of {} expired on {}", self.subject, time(self.not_after)));
        }
        Ok(())
    }

    /// Checks that its key may sign artifacts (signature specification, "Leaf Certificates").
    pub(super) fn may_sign(&self) -> Result<(), String> {
        let subject = &self.subject;
        if self.is_authority {
            return Err(format!(
                "the certificate of {subject} is one of an authority, and signs no artifacts"
            ));
        }
        let Some((is_critical, usage)) = &self.usage else {
            return Err(format!("the certificate of {subject} does not say what its key may be used for"));
        };
        if !is_critical {
            return Err(format!(
                "the certificate of {subject} lets readers pass over what its key may be used for"
            ));
        }
        let others = usage.key_encipherment()
            || usage.data_encipherment()
            || usage.key_agreement()
            || usage.key_cert_sign()
            || usage.crl_sign()
            || usage.encipher_only()
            || usage.decipher_only();
        if !usage.digital_signature() || others {
            return Err(format!("the key of {subject} may not be used for signatures alone (key usage)"));
        }
        // Without this extension, the key may be used for any purpose.
        if let Some(ExtendedKeyUsage(usages)) = &self.extended {
            let is_other = usages.iter().any(|usage| OTHER_USAGES.contains(usage));
            if is_other || !usages.contains(&CODE_SIGNING) {
                return Err(format!("the key of {subject} is not one for signing code (extended key usage)"));
            }
        }
        Ok(())
    }
}
