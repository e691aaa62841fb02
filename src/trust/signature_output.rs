//! Signatures as other programs write them.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{ecdsa, ssh};
use crate::format::signature::{ED25519_BYTES, ML_DSA_87_BYTES, SignatureAlgorithm};

/// Reads a signature: exactly as many bytes as it has, as `openssl pkeyutl -sign` writes them, or one line of base64, as clients
/// of key services print them. Both, and the algorithms, can be told apart by their size and form alone.
///
/// A signature of ECDSA is DER, as OpenSSL writes it, or its two numbers, as tokens do. It is returned in the one form of the
/// format. One of a FIDO token is the text that `ssh-keygen -Y sign` writes.
///
/// # Errors
/// The number of bytes, if it is neither.
pub fn read_signature(output: &[u8]) -> Result<(SignatureAlgorithm, Vec<u8>), usize> {
    if let Some(signature) = ssh::canonical(output) {
        return Ok((SignatureAlgorithm::SK_ED25519, signature));
    }
    let signature = |bytes: Vec<u8>| match bytes.len() {
        ED25519_BYTES => Some((SignatureAlgorithm::ED25519, bytes)),
        ML_DSA_87_BYTES => Some((SignatureAlgorithm::ML_DSA_87, bytes)),
        // One of tiny numbers could be as long as one of Ed25519. No signer makes such a signature.
        _ => ecdsa::canonical(&bytes)
            .filter(|bytes| bytes.len() != ED25519_BYTES)
            .map(|bytes| (SignatureAlgorithm::ECDSA_P384, bytes)),
    };
    if let Some(signature) = signature(output.to_vec()) {
        return Ok(signature);
    }
    let line = output.strip_suffix(b"\n").unwrap_or(output);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let bytes = STANDARD.decode(line).unwrap_or_default();
    signature(bytes).ok_or(output.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms_and_nothing_else() {
        for algorithm in [SignatureAlgorithm::ED25519, SignatureAlgorithm::ML_DSA_87] {
            let size = if algorithm == SignatureAlgorithm::ED25519 { ED25519_BYTES } else { ML_DSA_87_BYTES };
            let signature: Vec<u8> = (0..size).map(|at| at.to_le_bytes()[0]).collect();
            let line = STANDARD.encode(&signature);
            assert_eq!(read_signature(&signature), Ok((algorithm, signature.clone())));
            for end in ["", "\n", "\r\n"] {
                assert_eq!(
                    read_signature(format!("{line}{end}").as_bytes()),
                    Ok((algorithm, signature.clone())),
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

    #[test]
    fn reads_ecdsa_in_both_forms_and_gives_one() {
        // r is 1 and s is 2, and then s is the group order less 2.
        let one_form = [0x30, 6, 2, 1, 1, 2, 1, 2];
        let order = "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52971";
        let large = hex::decode(order).unwrap();
        let high = [&[0x30, 54, 2, 1, 1, 2, 49, 0][..], &large].concat();
        let numbers = |s: &[u8]| [&[0; 47][..], &[1], &vec![0; 48 - s.len()], s].concat();
        for good in [one_form.to_vec(), high.clone(), numbers(&[2]), numbers(&large)] {
            let line = STANDARD.encode(&good);
            for output in [good, line.clone().into_bytes(), format!("{line}\n").into_bytes()] {
                assert_eq!(
                    read_signature(&output),
                    Ok((SignatureAlgorithm::ECDSA_P384, one_form.to_vec())),
                    "{output:?}"
                );
            }
        }
        for wrong in [
            [&one_form[..], b"\n"].concat(),
            one_form[..7].to_vec(),
            high[1..].to_vec(),
            numbers(&[2])[1..].to_vec(),
            numbers(&[]),
            vec![0x30, 7, 2, 1, 1, 2, 2, 0, 2],
            vec![0x30, 0x81, 6, 2, 1, 1, 2, 1, 2],
            // Two signatures of Ed25519 would be longer, and one with its key is as long as two numbers.
            vec![0xff; 96],
        ] {
            assert_eq!(read_signature(&wrong), Err(wrong.len()), "{wrong:?}");
        }
    }
}
