//! Who is trusted for what: keys, signers, the trust policy, and the two gates that every bundle passes.
//!
//! - A [`PublicKey`] is an Ed25519 key that cannot be forged under: weak and oddly written keys are
//!   refused when they are read, signatures are checked strictly.
//! - A [`Signer`] signs statements; a [`KeyFile`] is the one whose private key lies in a PKCS#8 file,
//!   readable and writable by stock OpenSSL 3.0.
//! - A [`TrustPolicy`] says which key may act in which [`Role`], for which streams and when.
//!   [`TrustPolicy::judge`] is the only function in the project that counts signatures.
//! - [`accept`] and [`release`] are the gates: nothing else makes an [`AcceptedChunk`] or a [`Release`].

mod accept;
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
