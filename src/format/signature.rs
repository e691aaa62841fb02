//! Signatures in the head of a chunk (docs/format.md, "Signatures").

use std::fmt;
use std::str::FromStr;

use super::limits::DATA_SIGNATURES_MAX;

/// Longest name of an algorithm, in bytes.
pub const ALGORITHM_NAME_BYTES_MAX: usize = 16;

/// The name of a signature algorithm: 1 to 16 of `a` to `z` and `0` to `9`. The algorithm need not be supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignatureAlgorithm([u8; ALGORITHM_NAME_BYTES_MAX]);

impl SignatureAlgorithm {
    /// Ed25519 (RFC 8032), whose signatures have [`ED25519_BYTES`].
    pub const ED25519: SignatureAlgorithm = SignatureAlgorithm(*b"ed25519\0\0\0\0\0\0\0\0\0");

    /// ML-DSA-87 (FIPS 204), whose signatures have [`ML_DSA_87_BYTES`].
    pub const ML_DSA_87: SignatureAlgorithm = SignatureAlgorithm(*b"mldsa87\0\0\0\0\0\0\0\0\0");

    /// ECDSA with P-384 and SHA-384 (FIPS 186-5), whose signatures have at most [`ECDSA_P384_BYTES_MAX`].
    pub const ECDSA_P384: SignatureAlgorithm = SignatureAlgorithm(*b"ecdsap384\0\0\0\0\0\0\0");

    /// Ed25519 in a FIDO token, in the frame of OpenSSH, whose signatures have at most [`SK_ED25519_BYTES_MAX`].
    pub const SK_ED25519: SignatureAlgorithm = SignatureAlgorithm(*b"sked25519\0\0\0\0\0\0\0");

    /// The algorithms that are not reserved.
    pub const KNOWN: [SignatureAlgorithm; 4] = [
        SignatureAlgorithm::ED25519,
        SignatureAlgorithm::ML_DSA_87,
        SignatureAlgorithm::ECDSA_P384,
        SignatureAlgorithm::SK_ED25519,
    ];

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|&byte| byte == 0).unwrap_or(self.0.len());
        std::str::from_utf8(&self.0[..end]).expect("letters and digits")
    }

    /// Returns the allowed sizes of a signature of this algorithm, in bytes.
    pub(super) fn bytes(self) -> std::ops::RangeInclusive<u64> {
        match self {
            SignatureAlgorithm::ED25519 => ED25519_BYTES as u64..=ED25519_BYTES as u64,
            SignatureAlgorithm::ML_DSA_87 => ML_DSA_87_BYTES as u64..=ML_DSA_87_BYTES as u64,
            SignatureAlgorithm::ECDSA_P384 => ECDSA_P384_BYTES_MIN as u64..=ECDSA_P384_BYTES_MAX as u64,
            SignatureAlgorithm::SK_ED25519 => 1..=SK_ED25519_BYTES_MAX as u64,
            _ => 1..=super::limits::SIGNATURE_BYTES_MAX,
        }
    }

    /// What a signature of this algorithm looks like when another program made it.
    pub fn form(self) -> String {
        match self {
            SignatureAlgorithm::ECDSA_P384 => "DER, or 96 bytes".to_owned(),
            SignatureAlgorithm::SK_ED25519 => "an SSH signature".to_owned(),
            other => format!("{} bytes", other.bytes().end()),
        }
    }

    /// Whether a signature of this algorithm may have this size, in bytes.
    pub fn allows(self, bytes: usize) -> bool {
        self.bytes().contains(&(bytes as u64))
    }
}

/// Size of an Ed25519 signature, in bytes (RFC 8032).
pub const ED25519_BYTES: usize = 64;

/// Size of an ML-DSA-87 signature, in bytes (FIPS 204, table 2).
pub const ML_DSA_87_BYTES: usize = 4627;

/// Minimum size of an ECDSA signature with P-384, in bytes: two numbers of one byte.
pub const ECDSA_P384_BYTES_MIN: usize = 8;

/// Maximum size of an ECDSA signature with P-384, in bytes: a number of 49 bytes and one of 48, with the heads of DER.
pub const ECDSA_P384_BYTES_MAX: usize = 103;

/// Maximum size of a signature of a FIDO token, in bytes. So it takes as much room as one of Ed25519.
pub const SK_ED25519_BYTES_MAX: usize = 512;

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SignatureAlgorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !plain || !(1..=ALGORITHM_NAME_BYTES_MAX).contains(&text.len()) {
            return Err(format!("1 to {ALGORITHM_NAME_BYTES_MAX} of a to z and 0 to 9"));
        }
        let mut name = [0; ALGORITHM_NAME_BYTES_MAX];
        name[..text.len()].copy_from_slice(text.as_bytes());
        Ok(SignatureAlgorithm(name))
    }
}

/// A signature with the beginning of the id of its alleged key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The first 8 bytes of the key's id.
    pub key: [u8; 8],
    /// The signature algorithm.
    pub algorithm: SignatureAlgorithm,
    /// The bytes of the signature.
    pub bytes: Vec<u8>,
}

/// Whether a chunk other than the control chunk may have these signatures: at most one of each algorithm.
pub(super) fn are_data_signatures(signatures: &[Signature]) -> bool {
    let repeats = |(at, signature): (usize, &Signature)| {
        signatures[..at].iter().any(|before| before.algorithm == signature.algorithm)
    };
    (1..=DATA_SIGNATURES_MAX).contains(&signatures.len()) && !signatures.iter().enumerate().any(repeats)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_valid_names_and_rejects_others() {
        for name in ["ed25519", "mldsa87", "ecdsap384", "a", "0123456789abcdef"] {
            assert_eq!(name.parse::<SignatureAlgorithm>().unwrap().to_string(), name);
        }
        assert_eq!("ed25519".parse(), Ok(SignatureAlgorithm::ED25519));
        assert_eq!("mldsa87".parse(), Ok(SignatureAlgorithm::ML_DSA_87));
        assert_eq!("ecdsap384".parse(), Ok(SignatureAlgorithm::ECDSA_P384));
        for name in ["", "Ed25519", "ml-dsa", "ecdsa.p384", "0123456789abcdefg", "é"] {
            assert!(name.parse::<SignatureAlgorithm>().is_err(), "{name:?}");
        }
    }
}
