//! Keys, signers, the trust policy, and the two checks that every bundle must pass.
//!
//! - A [`PublicKey`] is an Ed25519 key. Weak keys and keys with a non-canonical encoding are refused when they are
//!   read, and signatures are verified strictly, so nobody can forge a signature.
//! - A [`Signer`] signs statements. A [`KeyFile`] is a signer with its private key in a PKCS#8 file that OpenSSL 3.0
//!   can read and write.
//! - A [`TrustPolicy`] defines which key may act in which [`Role`], for which streams and when.
//!   [`TrustPolicy::judge`] is the only function in the project that counts signatures.
//! - [`cargo`] checks signatures that travel with artifacts. They never open a bundle.
//! - [`accept`] and [`release`] are the two checks. No other code creates an [`AcceptedChunk`] or a [`Release`].

mod accept;
pub mod cargo;
mod key;
mod key_error;
mod key_file;
mod pem;
mod policy;
mod policy_error;
mod policy_file;
mod signer;

pub use accept::{AcceptedChunk, Release, Unreleased, Untrusted, accept, release};
pub use key::{KeyId, PublicKey, ShortKeyId, ShortKeyIdError};
pub use key_error::{KeyError, KeyProblem};
pub use key_file::KeyFile;
pub use policy::{Accepted, Judgement, PolicyKey, RefusalReason, Refused, Revocation, Role, TrustPolicy};
pub use policy_error::{PolicyError, PolicyProblem};
pub use signer::{Signer, SignerError};
