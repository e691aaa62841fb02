//! Who is trusted for what: keys, signers and the trust policy.
//!
//! - A [`PublicKey`] is an Ed25519 key that cannot be forged under: weak and oddly written keys are
//!   refused when they are read, signatures are checked strictly.
//! - A [`Signer`] signs statements; a [`KeyFile`] is the one whose private key lies in a PKCS#8 file,
//!   readable and writable by stock OpenSSL 3.0.
//! - A [`TrustPolicy`] says which key may act in which [`Role`], for which streams and when.
//!   [`TrustPolicy::judge`] is the only function in the project that counts signatures.

mod key;
mod key_error;
mod key_file;
mod policy;
mod policy_error;
mod policy_file;

pub use key::{KeyId, PublicKey, ShortKeyId, ShortKeyIdError, Signer};
pub use key_error::{KeyError, KeyProblem};
pub use key_file::KeyFile;
pub use policy::{Accepted, Judgement, PolicyKey, RefusalReason, Refused, Revocation, Role, TrustPolicy};
pub use policy_error::{PolicyError, PolicyProblem};
