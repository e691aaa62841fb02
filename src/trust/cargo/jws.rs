//! Envelopes as JWS in flattened JSON (RFC 7515, section 7.2.2; the Notary Project's specification of the JWS envelope).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use super::algorithm::EnvelopeAlgorithm;
use super::attributes::{Attributes, EXPIRY, Envelope, SCHEME, SIGNING_TIME, TIMESTAMP};
use super::chain::CHAIN_MAX;
use crate::format::Timestamp;
use crate::oci::json;

/// The keys with a meaning in an envelope, and in its signed header.
const KNOWN_KEYS: &[&str] = &[
    "payload",
    "protected",
    "header",
    "signature",
    "x5c",
    "alg",
    "crit",
    "cty",
    SCHEME,
    EXPIRY,
    SIGNING_TIME,
    TIMESTAMP,
];

#[derive(Deserialize)]
struct Flattened {
    payload: String,
    protected: String,
    header: Unsigned,
    signature: String,
}

/// The header that is not signed.
#[derive(Deserialize)]
struct Unsigned {
    x5c: Vec<String>,
    #[serde(rename = "io.cncf.notary.timestampSignature")]
    timestamp: Option<Value>,
}

/// The header that is signed.
#[derive(Deserialize)]
struct Protected {
    alg: String,
    #[serde(default)]
    crit: Vec<String>,
    cty: Option<String>,
    #[serde(rename = "io.cncf.notary.signingScheme")]
    scheme: Option<String>,
    #[serde(rename = "io.cncf.notary.expiry")]
    expiry: Option<String>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// Takes an envelope apart.
///
/// # Errors
/// Why it cannot be read, as a sentence without its full stop.
pub(super) fn read(bytes: &[u8]) -> Result<Envelope<'_>, String> {
    let wrong = |error: serde_json::Error| json::message(&error);
    let Flattened { payload, protected, header, signature } =
        json::object::<Flattened>(bytes, KNOWN_KEYS).map_err(wrong)?;
    let part = |name: &str, text: &str| {
        URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("its {name} is not base64url without padding"))
    };
    let Protected { alg, crit, cty, scheme, expiry, others } =
        json::object::<Protected>(&part("signed header", &protected)?, KNOWN_KEYS)
            .map_err(|error| format!("its signed header cannot be read: {}", json::message(&error)))?;
    let is_there = |name: &str| match name {
        SCHEME => scheme.is_some(),
        EXPIRY => expiry.is_some(),
        other => others.contains_key(other),
    };
    if let Some(name) = crit.iter().find(|name| !is_there(name)) {
        let name: String = name.chars().take(100).collect();
        return Err(format!("the critical attribute {name:?} is not there"));
    }
    if header.x5c.is_empty() || header.x5c.len() > CHAIN_MAX {
        return Err(format!("it has {} certificates, expected 1 to {CHAIN_MAX}", header.x5c.len()));
    }
    // With padding, in the other alphabet (RFC 7515, section 4.1.6).
    let chain = header.x5c.iter().map(|text| STANDARD.decode(text));
    let chain: Result<Vec<Vec<u8>>, _> = chain.collect();
    let algorithm = EnvelopeAlgorithm::named(&alg).ok_or_else(|| {
        let alg: String = alg.chars().take(100).collect();
        format!("its algorithm {alg:?} is not allowed")
    })?;
    Ok(Envelope {
        algorithm,
        attributes: Attributes {
            payload_type: cty,
            scheme,
            expiry: expiry.map(|text| time(&text)).transpose()?,
            critical: crit.into_iter().collect::<BTreeSet<_>>(),
        },
        signed_bytes: format!("{protected}.{payload}").into_bytes(),
        payload: Cow::Owned(part("payload", &payload)?),
        signature: Cow::Owned(part("signature", &signature)?),
        chain: chain.map_err(|_| "a certificate is not base64")?,
        has_timestamp: header.timestamp.is_some(),
    })
}

/// Reads a time of RFC 3339, to the second.
fn time(text: &str) -> Result<Timestamp, String> {
    let wrong = || "its expiry is no time such as 2026-11-20T00:00:00Z".to_owned();
    let found: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
    u64::try_from(found.as_second()).ok().and_then(Timestamp::from_seconds).ok_or_else(wrong)
}
