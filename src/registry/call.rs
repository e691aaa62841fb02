//! Errors of a single call to a registry, before retries.

use super::RegistryError;
use crate::http::HttpError;

/// Why a call got no usable response.
#[derive(Debug)]
pub(super) enum CallError {
    /// The connection failed; a retry may help.
    Http(HttpError),
    /// A token had expired and was replaced. Send the request again.
    Reauthenticated,
    /// Any other error. A retry does not help.
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
