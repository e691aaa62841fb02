//! Signatures with elliptic curves that `ring` lacks: P-521, and P-384 with SHA-512. `trust` checks signatures in the cargo
//! with them, too.

use std::sync::LazyLock;

use p384::ecdsa::signature::hazmat::PrehashVerifier;
use rustls::SignatureScheme;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

type Algorithm = &'static dyn SignatureVerificationAlgorithm;

pub(crate) const P384_SHA512: Algorithm = &Ecdsa(Curve::P384, Hash::Sha512);
pub(crate) const P521_SHA256: Algorithm = &Ecdsa(Curve::P521, Hash::Sha256);
pub(crate) const P521_SHA384: Algorithm = &Ecdsa(Curve::P521, Hash::Sha384);
pub(crate) const P521_SHA512: Algorithm = &Ecdsa(Curve::P521, Hash::Sha512);

/// The cryptography of `ring`, with these signatures added. Private keys and key exchange are those of `ring`.
pub(super) fn provider() -> CryptoProvider {
    static ALL: LazyLock<Vec<Algorithm>> = LazyLock::new(|| {
        let known = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
        [known, &[P384_SHA512, P521_SHA256, P521_SHA384, P521_SHA512]].concat()
    });
    static MAPPING: LazyLock<Vec<(SignatureScheme, &'static [Algorithm])>> = LazyLock::new(|| {
        let known = rustls::crypto::ring::default_provider().signature_verification_algorithms.mapping;
        // TLS 1.3 takes the first one, TLS 1.2 any (RFC 8446, section 4.2.3).
        let added: (_, &[Algorithm]) = (SignatureScheme::ECDSA_NISTP521_SHA512, &[P521_SHA512, P384_SHA512]);
        [known, &[added]].concat()
    });
    CryptoProvider {
        signature_verification_algorithms: WebPkiSupportedAlgorithms { all: &ALL, mapping: &MAPPING },
        ..rustls::crypto::ring::default_provider()
    }
}

#[derive(Clone, Copy, Debug)]
enum Curve {
    P384,
    P521,
}

#[derive(Clone, Copy, Debug)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// ECDSA with a curve and a hash (RFC 5758, section 3.2).
#[derive(Clone, Copy, Debug)]
struct Ecdsa(Curve, Hash);

impl SignatureVerificationAlgorithm for Ecdsa {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let hash = match self.1 {
            Hash::Sha256 => Sha256::digest(message).to_vec(),
            Hash::Sha384 => Sha384::digest(message).to_vec(),
            Hash::Sha512 => Sha512::digest(message).to_vec(),
        };
        let verified = match self.0 {
            Curve::P384 => {
                use p384::ecdsa::{DerSignature, VerifyingKey};
                let key = VerifyingKey::from_sec1_bytes(public_key).map_err(|_| InvalidSignature)?;
                let signature = DerSignature::from_bytes(signature).map_err(|_| InvalidSignature)?;
                key.verify_prehash(&hash, &signature)
            }
            Curve::P521 => {
                use p521::ecdsa::{DerSignature, VerifyingKey};
                let key = VerifyingKey::from_sec1_bytes(public_key).map_err(|_| InvalidSignature)?;
                let signature = DerSignature::from_bytes(signature).map_err(|_| InvalidSignature)?;
                key.verify_prehash(&hash, &signature)
            }
        };
        verified.map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        match self.0 {
            Curve::P384 => alg_id::ECDSA_P384,
            Curve::P521 => alg_id::ECDSA_P521,
        }
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        match self.1 {
            Hash::Sha256 => alg_id::ECDSA_SHA256,
            Hash::Sha384 => alg_id::ECDSA_SHA384,
            Hash::Sha512 => alg_id::ECDSA_SHA512,
        }
    }
}
