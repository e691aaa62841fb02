//! The sums of a header. rpm passes over a package whose header does not have the sum that it states.

use super::header::{ENTRY_BYTES, Header, tag};
use crate::oci::Digest;

/// What stands before a header in a package file, and so in what the sums are of.
const MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0];

/// Compares the header with the SHA-256 that it states.
///
/// # Errors
/// A sentence if they differ, or if the header states a sum of a part that cannot be found.
pub(super) fn check(header: &Header<'_>) -> Result<(), String> {
    let Some(stated) = header.text(tag::SHA256) else {
        return Ok(());
    };
    let found = Digest::sha256(&summed(header)?).hex();
    compare("SHA-256", stated, &found)
}

fn compare(algorithm: &str, stated: &[u8], found: &str) -> Result<(), String> {
    if stated.eq_ignore_ascii_case(found.as_bytes()) {
        return Ok(());
    }
    let stated = crate::packages::word::quoted(&String::from_utf8_lossy(stated));
    Err(format!("has the {algorithm} {found}, and states {stated}"))
}

/// The bytes that the sums are of.
fn summed(header: &Header<'_>) -> Result<Vec<u8>, String> {
    let Some(part) = header.immutable() else {
        return Err("states a sum, but not of which part".to_owned());
    };
    let lengths = [part.entries.len() / ENTRY_BYTES, part.values.len()];
    let mut bytes = MAGIC.to_vec();
    for length in lengths {
        bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    }
    bytes.extend(part.entries);
    bytes.extend(part.values);
    Ok(bytes)
}
