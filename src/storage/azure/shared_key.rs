//! Signatures with the key of an account (Azure Storage documentation, "Authorize with Shared Key").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::http::{Call, HeaderName, Payload, header};
use crate::storage::StorageError;
use crate::storage::near::setup;

/// The key of an account. It has no `Debug`.
pub(super) struct SharedKey {
    account: String,
    key: Zeroizing<Vec<u8>>,
}

impl SharedKey {
    /// Reads a key in base64.
    ///
    /// # Errors
    /// [`StorageError::Setup`] that names `what`, if it is not base64.
    pub(super) fn parse(what: &str, account: &str, text: &str) -> Result<SharedKey, StorageError> {
        let key = STANDARD.decode(text.trim()).map_err(|_| setup(what, "the account key is not base64"))?;
        Ok(SharedKey { account: account.to_owned(), key: Zeroizing::new(key) })
    }

    /// Signs a call. `parameters` is its query, not encoded.
    pub(super) fn sign(&self, call: &mut Call<'_>, parameters: &[(&str, &str)]) {
        let value = |name: &HeaderName| {
            let found = call.headers.iter().find(|(found, _)| found == name);
            found.map_or("", |(_, value)| value.trim())
        };
        let length = match &call.payload {
            Payload::Empty | Payload::Bytes([]) => String::new(),
            Payload::Bytes(bytes) => bytes.len().to_string(),
            Payload::Stream(bytes, _) => bytes.to_string(),
        };
        let content_md5 = HeaderName::from_static("content-md5");
        let fields = [
            call.method.as_str(),
            value(&header::CONTENT_ENCODING),
            value(&header::CONTENT_LANGUAGE),
            &length,
            value(&content_md5),
            value(&header::CONTENT_TYPE),
            // The date is in x-ms-date.
            "",
            value(&header::IF_MODIFIED_SINCE),
            value(&header::IF_MATCH),
            value(&header::IF_NONE_MATCH),
            value(&header::IF_UNMODIFIED_SINCE),
            value(&header::RANGE),
        ];
        let own = call.headers.iter().filter(|(name, _)| name.as_str().starts_with("x-ms-"));
        let mut own: Vec<(&str, &str)> = own.map(|(name, value)| (name.as_str(), value.trim())).collect();
        // By name alone: a colon sorts after digits, so `a1` would come before `a`.
        own.sort_unstable();
        let own: String = own.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let mut query: Vec<String> =
            parameters.iter().map(|(name, value)| format!("\n{name}:{value}")).collect();
        query.sort();
        let (account, path) = (&self.account, call.url.path());
        let text = format!("{}\n{}/{account}{path}{}", fields.join("\n"), own, query.concat());
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("a key of any length");
        mac.update(text.as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        call.headers.push((header::AUTHORIZATION, format!("SharedKey {account}:{signature}")));
    }
}
