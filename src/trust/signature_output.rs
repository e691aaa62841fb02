//! Signatures as other programs write them.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::format::signature::{ED25519_BYTES, ML_DSA_87_BYTES};

/// Reads a signature: exactly as many bytes as it has, as `openssl pkeyutl -sign` writes them, or one line of base64, as clients
/// of key services print them. Both, and the algorithms, can be told apart by their size alone.
///
/// # Errors
/// The number of bytes, if it is neither.
pub fn read_signature(output: &[u8]) -> Result<Vec<u8>, usize> {
    let is_signature = |bytes: &[u8]| [ED25519_BYTES, ML_DSA_87_BYTES].contains(&bytes.len());
    if is_signature(output) {
        return Ok(output.to_vec());
    }
    let line = output.strip_suffix(b"\n").unwrap_or(output);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let bytes = STANDARD.decode(line).unwrap_or_default();
    if is_signature(&bytes) { Ok(bytes) } else { Err(output.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms_and_nothing_else() {
        for size in [ED25519_BYTES, ML_DSA_87_BYTES] {
            let signature: Vec<u8> = (0..size).map(|at| at.to_le_bytes()[0]).collect();
            let line = STANDARD.encode(&signature);
            assert_eq!(read_signature(&signature), Ok(signature.clone()));
            for end in ["", "\n", "\r\n"] {
                assert_eq!(
                    read_signature(format!("{line}{end}").as_bytes()),
                    Ok(signature.clone()),
                    "{end:?}"
                );
            }
            let line = line.as_bytes();
            for wrong in [
                Vec::new(),
                signature[..size - 1].to_vec(),
                [signature.as_slice(), &signature].concat(),
                [line, b"\n\n"].concat(),
                [b" ", line].concat(),
                line[..line.len() - 2].to_vec(),
                line[..line.len() - 1].to_vec(),
                [line, line].concat(),
            ] {
                assert_eq!(read_signature(&wrong), Err(wrong.len()));
            }
        }
    }
}
