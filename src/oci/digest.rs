//! Digests of blobs, and the proof that a blob matches its digest (image-spec, "Digests").

use std::{fmt, io, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// The two algorithms that image-spec registers. Others are rejected, because a digest becomes a file name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl Algorithm {
    /// Returns the name that stands before the colon of a digest.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
        }
    }
}

/// The digest of a blob.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Digest {
    /// `sha256:` and 64 lower-case hex digits.
    Sha256([u8; 32]),
    /// `sha512:` and 128 lower-case hex digits.
    Sha512([u8; 64]),
}

/// Computes the SHA-256 of what is written, without keeping it.
pub(crate) fn sha256_of_written(
    write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
) -> io::Result<[u8; 32]> {
    struct Summing(Sha256);
    impl io::Write for Summing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut out = Summing(Sha256::new());
    write(&mut out)?;
    Ok(out.0.finalize().into())
}

/// Computes the SHA-384 of `bytes`. No digest of a blob has it.
pub(crate) fn sha384(bytes: &[u8]) -> [u8; 48] {
    Sha384::digest(bytes).into()
}

impl Digest {
    /// Computes the SHA-256 digest of `bytes`.
    pub fn sha256(bytes: &[u8]) -> Digest {
        Digest::Sha256(Sha256::digest(bytes).into())
    }

    /// Computes the digest of `bytes` with the algorithm of `self`.
    pub fn same_algorithm(&self, bytes: &[u8]) -> Digest {
        match self {
            Digest::Sha256(_) => Digest::sha256(bytes),
            Digest::Sha512(_) => Digest::Sha512(Sha512::digest(bytes).into()),
        }
    }

    /// Returns the algorithm of the digest.
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Digest::Sha256(_) => Algorithm::Sha256,
            Digest::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Returns the lower-case hex digits after the colon.
    pub fn hex(&self) -> String {
        match self {
            Digest::Sha256(bytes) => hex::encode(bytes),
            Digest::Sha512(bytes) => hex::encode(bytes),
        }
    }
}

/// Decodes exactly `N` bytes of lower-case hex; returns `None` for anything else.
pub(crate) fn decode_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm().name(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A text is not a valid digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// The algorithm is not registered, so the bytes could not be checked.
    #[error("digest {text:?} does not start with sha256: or sha512:")]
    Algorithm {
        /// The text that was parsed, shortened.
        text: String,
    },
    /// The number or kind of digits does not fit the algorithm.
    #[error("digest {text:?} needs exactly {expected} lower-case hex digits after the colon")]
    Digits {
        /// The text that was parsed, shortened.
        text: String,
        /// The number of hex digits that the algorithm requires.
        expected: usize,
    },
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shown = || text.chars().take(144).collect::<String>();
        if let Some(digits) = text.strip_prefix("sha256:") {
            let bytes =
                decode_hex(digits).ok_or_else(|| DigestError::Digits { text: shown(), expected: 64 })?;
            Ok(Digest::Sha256(bytes))
        } else if let Some(digits) = text.strip_prefix("sha512:") {
            let bytes =
                decode_hex(digits).ok_or_else(|| DigestError::Digits { text: shown(), expected: 128 })?;
            Ok(Digest::Sha512(bytes))
        } else {
            Err(DigestError::Algorithm { text: shown() })
        }
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for Digest {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Digest".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$"
        })
    }
}

/// The proof that a blob was read to its end and matched its digest and size.
///
/// Only [`VerifiedBlob::prove`] creates it. Code that stores a blob permanently requires this proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedBlob {
    digest: Digest,
    size: u64,
}

impl VerifiedBlob {
    /// Compares the expected digest and size with those found.
    ///
    /// # Errors
    /// [`BlobMismatch`] if the digest or the size differs.
    pub fn prove(
        expected: Digest,
        expected_bytes: u64,
        found: Digest,
        found_bytes: u64,
    ) -> Result<VerifiedBlob, BlobMismatch> {
        if expected == found && expected_bytes == found_bytes {
            Ok(VerifiedBlob { digest: expected, size: expected_bytes })
        } else {
            Err(BlobMismatch { expected, expected_bytes, found, found_bytes })
        }
    }

    /// Returns the digest of the blob.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the size of the blob in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// The number of bytes that were found, for a message. Of content that is longer than announced, one byte more is read,
/// so the number is not that of all bytes.
pub(crate) fn found_bytes(announced: u64, found: u64) -> String {
    if announced.checked_add(1) == Some(found) { "more".to_owned() } else { found.to_string() }
}

/// The content of a blob does not match its digest or size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("blob {expected}: expected {expected_bytes} bytes, found {found} with {found_bytes} bytes")]
pub struct BlobMismatch {
    /// The digest in the descriptor.
    pub expected: Digest,
    /// The size in the descriptor, in bytes.
    pub expected_bytes: u64,
    /// The digest of the bytes that were read.
    pub found: Digest,
    /// The number of bytes that were read.
    pub found_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_digests_that_are_not_safe_file_names() {
        for text in [
            "",
            "sha256:",
            "sha256:../../x",
            "md5:d41d8cd98f00b204e9800998ecf8427e",
            "blake3:00",
            "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
            "sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(empty.parse::<Digest>().unwrap(), Digest::sha256(b""));
        assert_eq!(Digest::sha256(b"").to_string(), empty);
    }
}
