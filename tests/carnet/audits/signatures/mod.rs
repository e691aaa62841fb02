//! Signatures in the cargo: made by cosign, Notation and openssl, and checked by an audit.

mod by_cosign;
mod by_notation;
mod by_openssl;
mod damage;
mod envelopes;
mod policies;
mod signers;
