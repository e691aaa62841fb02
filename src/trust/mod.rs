//! Keys, signers, the trust policy, and the two checks that every bundle must pass.
//!
//! - A [`PublicKey`] is a key of Ed25519, ML-DSA-87 or ECDSA with P-384. Weak keys and keys with a non-canonical encoding are refused when they are
//!   read, and signatures are verified strictly, so nobody can forge a signature.
//! - A [`Signer`] signs statements. A [`KeyFile`] has its private key in a file of OpenSSL or `ssh-keygen`, an
//!   [`AgentSigner`] in an SSH agent, a [`TokenSigner`] in a token, and a [`CommandSigner`] wherever another program can use it.
//! - A [`KeyRequest`] is how an operator names the key.
//! - A [`TrustPolicy`] defines which key may act in which [`Role`], for which streams and when.
//!   [`TrustPolicy::judge`] is the only function in the project that counts signatures.
//! - A [`TrustDraft`] is a trust file whose text is being changed. A [`TrustUpdate`] is a new trust file, signed by the roots of
//!   the old one and its own.
//! - [`cargo`] checks signatures that travel with artifacts. They never open a bundle.
//! - [`accept()`] and [`release()`] are the two checks. No other code creates an [`AcceptedChunk`] or a [`Release`].

mod accept;
#[cfg(feature = "full")]
mod agent_signer;
#[cfg(feature = "full")]
mod allowed_signers;
#[cfg(feature = "full")]
#[doc(hidden)]
pub mod cargo;
#[cfg(feature = "full")]
mod changes;
mod demand;
#[cfg(feature = "full")]
mod draft;
#[cfg_attr(not(feature = "ecdsa"), path = "ecdsa/absent.rs")]
mod ecdsa;
mod judgement;
mod key;
mod key_error;
#[cfg(feature = "full")]
mod key_file;
#[cfg(feature = "full")]
mod key_request;
mod mldsa;
mod pem;
#[cfg(feature = "full")]
mod pkcs11;
mod policy;
mod policy_error;
mod policy_file;
mod policy_key;
#[cfg(feature = "full")]
mod sign_command;
#[cfg(feature = "full")]
mod signature_output;
#[cfg(feature = "full")]
mod signer;
mod spki;
mod ssh;
#[cfg(feature = "full")]
mod update;
#[cfg(feature = "full")]
mod update_error;

pub use judgement::{Accepted, RefusalReason, Refused, Role};
pub use key::{KeyId, PublicKey, ShortKeyId, ShortKeyIdError};
pub use key_error::{KeyError, KeyProblem};
pub use policy::TrustPolicy;
pub use policy_error::{PolicyError, PolicyProblem};
pub use policy_key::{PolicyKey, Revocation};

// Errors of this room name these.
#[cfg(feature = "full")]
pub use crate::program::ProgramError;
pub use crate::small_file::SmallFileError;

#[cfg(feature = "full")]
pub use self::{
    agent_signer::{AgentKey, AgentSigner},
    key_file::KeyFile,
    pkcs11::{TokenError, TriesLeft},
    sign_command::{CommandSigner, SignCommand},
    signer::{HybridSigner, Signer, SignerError},
    ssh::AgentError,
};

// For the program and the tests (docs/decisions/0073-the-library-is-what-it-shows.md).
#[doc(hidden)]
pub use self::{
    accept::{AcceptedChunk, Release, Unreleased, Untrusted, accept, release},
    demand::Demand,
    judgement::{Judgement, Question},
    policy_file::POLICY_BYTES_MAX as TRUST_BYTES_MAX,
};
#[cfg(feature = "full")]
#[doc(hidden)]
pub use self::{
    allowed_signers::{AllowedSigner, AllowedSigners, AllowedSignersError, PassedOver},
    changes::changes,
    draft::{DraftError, NewKey, TrustDraft},
    key_request::{KeyPlace, KeyRequest},
    pkcs11::{CAN_LOAD_MODULES, Pin, PinQuestion, TokenSigner, TokenUri},
    signature_output::read_signature,
    update::{TrustUpdate, UPDATE_BYTES_MAX, UpdateStanding, UpdateStatement},
    update_error::UpdateError,
};
#[doc(hidden)]
pub use jiff::Timestamp as Time;
