//! Keys of OpenSSH. An Ed25519 key of OpenSSH makes the same signatures as any other, so the format does not know them. Those of
//! FIDO tokens sign in a frame of OpenSSH.
//!
//! - `wire`: the encoding of everything else (RFC 4251, section 5).
//! - `public_key`: lines such as `ssh-ed25519 AAAA… alice`.
//! - `token_key`: keys of FIDO tokens, and their signatures.
//! - `private_key`: files of `ssh-keygen`.
//! - `agent`: asks an agent for its keys and for signatures.

#[cfg(feature = "full")]
mod agent;
#[cfg(feature = "full")]
mod agent_error;
#[cfg(feature = "full")]
mod private_key;
mod public_key;
mod token_key;
mod wire;

#[cfg(feature = "full")]
pub(super) use agent::Agent;
#[cfg(feature = "full")]
pub use agent_error::AgentError;
#[cfg(feature = "full")]
pub(super) use private_key::{SSH_LABEL, read_private_key};
#[cfg(feature = "full")]
pub(super) use public_key::fingerprint;
pub(super) use public_key::{ed25519_of_blob, is_line, key_of_line};
pub(super) use token_key::{TokenKey, canonical, shows_verification};
