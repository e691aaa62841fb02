//! The signed attributes of an envelope of the Notary Project, whatever its form (signature specification, "Signed
//! Attributes").

use std::collections::BTreeSet;

use super::algorithm::EnvelopeAlgorithm;
use crate::format::Timestamp;

pub(super) const SCHEME: &str = "io.cncf.notary.signingScheme";
pub(super) const EXPIRY: &str = "io.cncf.notary.expiry";
pub(super) const SIGNING_TIME: &str = "io.cncf.notary.signingTime";
pub(super) const TIMESTAMP: &str = "io.cncf.notary.timestampSignature";

/// The media type of the only known payload.
pub(super) const PAYLOAD_TYPE: &str = "application/vnd.cncf.notary.payload.v1+json";

/// The scheme of a signer with a certificate of an authority.
const X509: &str = "notary.x509";

/// An envelope that was taken apart. Nothing in it is verified.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) algorithm: EnvelopeAlgorithm,
    pub(super) attributes: Attributes,
    /// What is signed, made of the attributes and the payload.
    pub(super) signed_bytes: Vec<u8>,
    pub(super) payload: std::borrow::Cow<'a, [u8]>,
    pub(super) signature: std::borrow::Cow<'a, [u8]>,
    /// The certificates, that of the signer first. There is at least one.
    pub(super) chain: Vec<Vec<u8>>,
    /// Whether an authority for timestamps said when it was made.
    pub(super) has_timestamp: bool,
}

/// The attributes that are signed.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    /// The media type of the payload.
    pub(super) payload_type: Option<String>,
    /// How it was signed.
    pub(super) scheme: Option<String>,
    /// Until when the artifact should be used.
    pub(super) expiry: Option<Timestamp>,
    /// The attributes that a reader must understand.
    pub(super) critical: BTreeSet<String>,
}

/// What is wrong with attributes.
#[derive(Debug)]
pub(super) enum Odd {
    /// They break a rule.
    Wrong(String),
    /// They ask for more than this program knows.
    Unknown(String),
}

impl Attributes {
    /// Checks that everything that must be understood is understood.
    pub(super) fn check(&self) -> Result<(), Odd> {
        let known = [SCHEME, EXPIRY];
        if let Some(name) = self.critical.iter().find(|name| !known.contains(&name.as_str())) {
            let name: String = name.chars().take(100).collect();
            return Err(Odd::Unknown(format!(
                "its signer requires that {name:?} is understood, which it is not"
            )));
        }
        let scheme = self.scheme.as_deref().unwrap_or_default();
        if scheme != X509 {
            let scheme: String = scheme.chars().take(100).collect();
            return Err(Odd::Unknown(format!("its signing scheme {scheme:?} is not known; {X509:?} is")));
        }
        if !self.critical.contains(SCHEME) {
            return Err(Odd::Wrong("it does not mark its signing scheme as critical".to_owned()));
        }
        if self.expiry.is_some() != self.critical.contains(EXPIRY) {
            return Err(Odd::Wrong("it has an expiry that is not critical, or none that is".to_owned()));
        }
        match self.payload_type.as_deref() {
            Some(PAYLOAD_TYPE) => Ok(()),
            other => {
                let other: String = other.unwrap_or_default().chars().take(100).collect();
                Err(Odd::Unknown(format!("its payload has the type {other:?}; {PAYLOAD_TYPE:?} is known")))
            }
        }
    }
}
