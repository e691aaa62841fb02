//! Envelopes as COSE_Sign1 (RFC 9052, section 4.2; the Notary Project's specification of the COSE envelope).

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::algorithm::EnvelopeAlgorithm;
use super::attributes::{Attributes, EXPIRY, Envelope, SCHEME, TIMESTAMP};
use super::cbor::{Items, Label, write_bytes};
use super::chain::CHAIN_MAX;
use crate::format::Timestamp;

/// The tag of COSE_Sign1.
const SIGN1: u64 = 18;
/// The tag of a time in seconds.
const SECONDS: u64 = 1;

const ALGORITHM: Label<'static> = Label::Number(1);
const CRITICAL: Label<'static> = Label::Number(2);
const CONTENT_TYPE: Label<'static> = Label::Number(3);
const CHAIN: Label<'static> = Label::Number(33);

/// Most critical parameters.
const CRITICAL_MAX: u64 = 100;

/// Takes an envelope apart.
///
/// # Errors
/// Why it cannot be read, as a sentence without its full stop.
pub(super) fn read(bytes: &[u8]) -> Result<Envelope<'_>, String> {
    let mut items = Items::new(bytes);
    items.tag(SIGN1)?;
    let parts = items.array()?;
    if parts != 4 {
        return Err(format!("it has {parts} parts, expected 4"));
    }
    let protected = items.bytes()?;
    let mut chain = None;
    let mut has_timestamp = false;
    each(&mut items, &mut |label, items| {
        match label {
            CHAIN => chain = Some(certificates(items)?),
            Label::Text(TIMESTAMP) => {
                has_timestamp = true;
                items.skip()?;
            }
            ALGORITHM | CRITICAL | CONTENT_TYPE => {
                return Err(format!("the parameter {label} is not signed"));
            }
            _ => items.skip()?,
        }
        Ok(())
    })?;
    let payload = items.bytes()?;
    let signature = items.bytes()?;
    if !items.is_empty() {
        return Err("bytes follow its end".to_owned());
    }
    let (algorithm, attributes, signed_chain) = attributes(protected)?;
    let chain = match (chain, signed_chain) {
        (Some(_), Some(_)) => return Err("it has two chains of certificates".to_owned()),
        (chain, signed_chain) => chain.or(signed_chain).ok_or("it has no certificates")?,
    };
    Ok(Envelope {
        algorithm,
        attributes,
        signed_bytes: signed_bytes(protected, payload),
        payload: Cow::Borrowed(payload),
        signature: Cow::Borrowed(signature),
        chain,
        has_timestamp,
    })
}

/// Reads the entries of a map. No key may occur twice.
fn each<'a>(
    items: &mut Items<'a>,
    read: &mut dyn FnMut(Label<'a>, &mut Items<'a>) -> Result<(), String>,
) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for _ in 0..items.map()? {
        let label = items.label()?;
        if !seen.insert(label) {
            return Err(format!("the parameter {label} occurs twice"));
        }
        read(label, items)?;
    }
    Ok(())
}

type Read = (EnvelopeAlgorithm, Attributes, Option<Vec<Vec<u8>>>);

/// Reads the parameters that are signed.
fn attributes(protected: &[u8]) -> Result<Read, String> {
    let mut items = Items::new(protected);
    let mut algorithm = None;
    let mut attributes = Attributes::default();
    let mut chain = None;
    let mut names = BTreeSet::new();
    each(&mut items, &mut |label, items| {
        names.insert(label.to_string());
        match label {
            ALGORITHM => {
                let number = items.number()?;
                let found = EnvelopeAlgorithm::numbered(number);
                algorithm = Some(found.ok_or_else(|| format!("its algorithm {number} is not allowed"))?);
            }
            CRITICAL => {
                let count = items.array()?;
                if count > CRITICAL_MAX {
                    return Err(format!("it has {count} critical parameters, more than {CRITICAL_MAX}"));
                }
                for _ in 0..count {
                    attributes.critical.insert(items.label()?.to_string());
                }
            }
            CONTENT_TYPE => attributes.payload_type = Some(items.text()?.to_owned()),
            CHAIN => chain = Some(certificates(items)?),
            Label::Text(SCHEME) => attributes.scheme = Some(items.text()?.to_owned()),
            Label::Text(EXPIRY) => {
                items.tag(SECONDS)?;
                let seconds = u64::try_from(items.number()?).ok().and_then(Timestamp::from_seconds);
                attributes.expiry = Some(seconds.ok_or("its expiry is no time from 1970 to 9999")?);
            }
            _ => items.skip()?,
        }
        Ok(())
    })?;
    if !items.is_empty() {
        return Err("bytes follow its signed parameters".to_owned());
    }
    if let Some(name) = attributes.critical.iter().find(|name| !names.contains(*name)) {
        let name: String = name.chars().take(100).collect();
        return Err(format!("the critical parameter {name:?} is not there"));
    }
    Ok((algorithm.ok_or("it names no algorithm")?, attributes, chain))
}

/// Reads certificates: an array, or a single one (RFC 9360, section 2).
fn certificates(items: &mut Items<'_>) -> Result<Vec<Vec<u8>>, String> {
    if items.is_bytes()? {
        return Ok(vec![items.bytes()?.to_vec()]);
    }
    let count = items.array()?;
    if count == 0 || count > CHAIN_MAX as u64 {
        return Err(format!("it has {count} certificates, expected 1 to {CHAIN_MAX}"));
    }
    (0..count).map(|_| items.bytes().map(<[u8]>::to_vec)).collect()
}

/// What is signed: the `Sig_structure` (RFC 9052, section 4.4).
fn signed_bytes(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x84, 0x6a];
    out.extend_from_slice(b"Signature1");
    write_bytes(&mut out, protected);
    // No further data from outside.
    write_bytes(&mut out, b"");
    write_bytes(&mut out, payload);
    out
}
