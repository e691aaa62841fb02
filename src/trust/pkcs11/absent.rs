//! What stands for keys in tokens in a program that cannot load modules. It is built for tests, too, so that it is tested
//! without such a build.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{Pin, PinQuestion, TokenError, TokenUri};
use crate::trust::key::PublicKey;
use crate::trust::signer::{Signer, SignerError};

/// A key in a token, of which this program cannot have one.
#[derive(Debug)]
pub enum TokenSigner {}

impl TokenSigner {
    /// Finds the key, and logs in.
    ///
    /// # Errors
    /// Always [`TokenError::NotBuilt`].
    pub fn open<E: From<TokenError>>(
        _uri: &TokenUri,
        _module: Option<&Path>,
        _stop: Arc<AtomicBool>,
        _pin: impl FnOnce(&PinQuestion) -> Result<Pin, E>,
    ) -> Result<TokenSigner, E> {
        let why = if cfg!(feature = "pkcs11") {
            "it is a static program"
        } else {
            "it was built without the feature `pkcs11`"
        };
        Err(TokenError::NotBuilt { why }.into())
    }
}

impl Signer for TokenSigner {
    fn public_key(&self) -> &PublicKey {
        match *self {}
    }

    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, SignerError> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{Code, Diagnose as _};

    #[test]
    fn no_key_is_opened_and_no_pin_is_asked_for() {
        let uri = TokenUri::parse("pkcs11:token=carnet;object=station").unwrap();
        let ask = |_: &PinQuestion| -> Result<Pin, TokenError> { unreachable!("no PIN is needed") };
        let error = TokenSigner::open(&uri, None, Arc::default(), ask).unwrap_err();
        assert_eq!(error.diagnosis().code, Code::Pkcs11NotBuilt);
        assert!(error.to_string().starts_with("this carnet cannot load modules of PKCS#11: it "), "{error}");
    }
}
