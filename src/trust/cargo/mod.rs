//! Signatures in the cargo: those that travel with an artifact, made by its author and not by a packer. All are checked
//! offline, with the keys and certificates that an operator gives.
//!
//! - [`cosign_signature`] checks a signature of cosign over a small document that names the manifest.
//! - [`envelope_signature`] and [`message_signature`] check what is in a DSSE envelope or a Sigstore bundle.
//! - [`notation_signature`] checks an envelope of the Notary Project, as JWS or COSE, and the chain of its certificate.
//!
//! Each ends in an [`Outcome`]. Nothing is called valid that was not verified with a key that was given, and what cannot be
//! checked is never called invalid. Logs (Rekor), certificates for one signature (Fulcio) and timestamps are not checked.

mod algorithm;
mod attributes;
mod cbor;
mod certificate;
mod chain;
mod cose;
mod cosign;
mod jws;
mod key_error;
mod keyring;
mod notation;
mod outcome;
mod public_key;

pub use certificate::{CERTIFICATE_BYTES_MAX, Certificate};
pub use chain::CHAIN_MAX;
pub use cosign::{
    PAYLOAD_BYTES_MAX, SimpleSignature, cosign_signature, envelope_signature, message_signature,
};
pub use key_error::CargoKeyError;
pub use keyring::CargoKeys;
pub use notation::{ENVELOPE_BYTES_MAX, EnvelopeForm, notation_signature};
pub use outcome::{Outcome, SignedBy};
