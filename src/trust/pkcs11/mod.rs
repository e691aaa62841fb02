//! Keys in tokens and hardware modules, by PKCS#11 (feature `pkcs11`). A token makes plain signatures of Ed25519, or of
//! ECDSA with P-384, so the format does not know them.
//!
//! - `uri`: how such a key is named (RFC 7512).
//! - `token_error`: why it cannot be used.
//! - `present`: modules, tokens, and the signer. `absent` stands for it in a program that cannot load modules.

#[cfg(any(test, not(all(feature = "pkcs11", not(target_feature = "crt-static")))))]
#[cfg_attr(
    all(feature = "pkcs11", not(target_feature = "crt-static")),
    allow(dead_code, unreachable_pub, reason = "it is only tested")
)]
mod absent;
#[cfg(all(feature = "pkcs11", not(target_feature = "crt-static")))]
mod present;
mod token_error;
mod uri;

use zeroize::Zeroizing;

#[cfg(not(all(feature = "pkcs11", not(target_feature = "crt-static"))))]
pub use absent::TokenSigner;
#[cfg(all(feature = "pkcs11", not(target_feature = "crt-static")))]
pub use present::TokenSigner;
pub use token_error::{TokenError, TriesLeft};
pub(super) use uri::SCHEME;
pub use uri::TokenUri;

/// Whether this program can load modules. A static program cannot, whatever its features are.
pub const CAN_LOAD_MODULES: bool = cfg!(all(feature = "pkcs11", not(target_feature = "crt-static")));

/// The PIN of a token.
pub type Pin = Zeroizing<Vec<u8>>;

/// A token asks for its PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinQuestion {
    /// The label of the token.
    pub token: String,
    /// Whether a wrong PIN would lock the token.
    pub is_last_try: bool,
}
