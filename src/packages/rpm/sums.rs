//! The sums of a header. rpm passes over a package whose header does not have the sum that it states.

use sha1::{Digest as _, Sha1};

use super::header::{ENTRY_BYTES, Header, tag};
use crate::oci::Digest;

/// What stands before a header in a package file, and so in what the sums are of.
const MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0];

/// Compares the header with the SHA-256 that it states, and with the SHA-1, which is all that rpm before 4.14 wrote.
///
/// # Errors
/// A sentence if one differs, or if the header states a sum of a part that cannot be found.
pub(super) fn check(header: &Header<'_>) -> Result<(), String> {
    let (sha256, sha1) = (header.text(tag::SHA256), header.text(tag::SHA1));
    if sha256.is_none() && sha1.is_none() {
        return Ok(());
    }
    let summed = summed(header)?;
    if let Some(stated) = sha256 {
        compare("SHA-256", stated, &Digest::sha256(&summed).hex())?;
    }
    if let Some(stated) = sha1 {
        compare("SHA-1", stated, &hex::encode(Sha1::digest(&summed)))?;
    }
    Ok(())
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
