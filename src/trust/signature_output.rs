//! Ed25519 signatures as other programs write them.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::format::signature::ED25519_BYTES;

/// Reads a signature: exactly 64 bytes, as `openssl pkeyutl -sign` writes them, or one line of 88 base64 digits, as
/// clients of key services print them. Both can be told apart by their size alone.
///
/// # Errors
/// The number of bytes, if it is neither.
pub fn read_signature(output: &[u8]) -> Result<[u8; ED25519_BYTES], usize> {
    if let Ok(bytes) = output.try_into() {
        return Ok(bytes);
    }
    let line = output.strip_suffix(b"\n").unwrap_or(output);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let bytes = STANDARD.decode(line).unwrap_or_default();
    bytes.try_into().map_err(|_| output.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms_and_nothing_else() {
        let signature = std::array::from_fn(|at| u8::try_from(at).unwrap());
        let line = STANDARD.encode(signature);
        assert_eq!(read_signature(&signature), Ok(signature));
        for end in ["", "\n", "\r\n"] {
            assert_eq!(read_signature(format!("{line}{end}").as_bytes()), Ok(signature), "{end:?}");
        }
        let line = line.as_bytes();
        for wrong in [
            Vec::new(),
            signature[..63].to_vec(),
            [signature, signature].concat(),
            [line, b"\n\n"].concat(),
            [b" ", line].concat(),
            line[..86].to_vec(),
            line[..87].to_vec(),
            [line, line].concat(),
        ] {
            assert_eq!(read_signature(&wrong), Err(wrong.len()));
        }
    }
}
