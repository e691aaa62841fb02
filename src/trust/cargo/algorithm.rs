//! The algorithms of signatures, and which of them a key may use.

use rustls_pki_types::SignatureVerificationAlgorithm;
use webpki::ring;

use crate::http::{P384_SHA512, P521_SHA256, P521_SHA384, P521_SHA512};

pub(super) type Algorithm = &'static dyn SignatureVerificationAlgorithm;

/// The algorithms that a chain of certificates may use. None has SHA-1.
pub(super) fn of_certificates() -> Vec<Algorithm> {
    vec![
        ring::ECDSA_P256_SHA256,
        ring::ECDSA_P256_SHA384,
        ring::ECDSA_P384_SHA256,
        ring::ECDSA_P384_SHA384,
        P384_SHA512,
        P521_SHA256,
        P521_SHA384,
        P521_SHA512,
        ring::ED25519,
        ring::RSA_PKCS1_2048_8192_SHA256,
        ring::RSA_PKCS1_2048_8192_SHA384,
        ring::RSA_PKCS1_2048_8192_SHA512,
        ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        ring::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
        ring::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    ]
}

/// An algorithm of an envelope of the Notary Project. The key alone decides which one is used (signature specification,
/// "Algorithm Selection").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EnvelopeAlgorithm {
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
}

impl EnvelopeAlgorithm {
    const ALL: [EnvelopeAlgorithm; 6] = [
        EnvelopeAlgorithm::Ps256,
        EnvelopeAlgorithm::Ps384,
        EnvelopeAlgorithm::Ps512,
        EnvelopeAlgorithm::Es256,
        EnvelopeAlgorithm::Es384,
        EnvelopeAlgorithm::Es512,
    ];

    /// The name in a JWS (RFC 7518, section 3.1).
    pub(super) fn name(self) -> &'static str {
        match self {
            EnvelopeAlgorithm::Ps256 => "PS256",
            EnvelopeAlgorithm::Ps384 => "PS384",
            EnvelopeAlgorithm::Ps512 => "PS512",
            EnvelopeAlgorithm::Es256 => "ES256",
            EnvelopeAlgorithm::Es384 => "ES384",
            EnvelopeAlgorithm::Es512 => "ES512",
        }
    }

    /// The number in a COSE (RFC 9053, section 2.1, and RFC 8230, section 2).
    fn number(self) -> i64 {
        match self {
            EnvelopeAlgorithm::Ps256 => -37,
            EnvelopeAlgorithm::Ps384 => -38,
            EnvelopeAlgorithm::Ps512 => -39,
            EnvelopeAlgorithm::Es256 => -7,
            EnvelopeAlgorithm::Es384 => -35,
            EnvelopeAlgorithm::Es512 => -36,
        }
    }

    pub(super) fn named(name: &str) -> Option<EnvelopeAlgorithm> {
        EnvelopeAlgorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    pub(super) fn numbered(number: i64) -> Option<EnvelopeAlgorithm> {
        EnvelopeAlgorithm::ALL.into_iter().find(|algorithm| algorithm.number() == number)
    }

    pub(super) fn algorithm(self) -> Algorithm {
        match self {
            EnvelopeAlgorithm::Ps256 => ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
            EnvelopeAlgorithm::Ps384 => ring::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
            EnvelopeAlgorithm::Ps512 => ring::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
            EnvelopeAlgorithm::Es256 => ring::ECDSA_P256_SHA256,
            EnvelopeAlgorithm::Es384 => ring::ECDSA_P384_SHA384,
            EnvelopeAlgorithm::Es512 => P521_SHA512,
        }
    }

    /// The bytes of each of the two numbers of an ECDSA signature; `None` for RSA.
    pub(super) fn number_bytes(self) -> Option<usize> {
        match self {
            EnvelopeAlgorithm::Es256 => Some(32),
            EnvelopeAlgorithm::Es384 => Some(48),
            EnvelopeAlgorithm::Es512 => Some(66),
            EnvelopeAlgorithm::Ps256 | EnvelopeAlgorithm::Ps384 | EnvelopeAlgorithm::Ps512 => None,
        }
    }
}
