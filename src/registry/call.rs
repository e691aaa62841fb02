//! Why a call to a registry has no answer that its caller may judge.

use super::RegistryError;
use crate::http::HttpError;

/// Why a call has no answer.
#[derive(Debug)]
pub(super) enum CallError {
    /// The connection failed; a retry may help.
    Http(HttpError),
    /// A token that had expired on the way was replaced; the request is to be sent again.
    Reauthenticated,
    /// Anything else.
    Registry(RegistryError),
}

impl From<HttpError> for CallError {
    fn from(error: HttpError) -> Self {
        CallError::Http(error)
    }
}

impl From<RegistryError> for CallError {
    fn from(error: RegistryError) -> Self {
        CallError::Registry(error)
    }
}
