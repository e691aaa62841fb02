//! The JSON in which credential processes and endpoints answer.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::Keys;
use crate::format::Timestamp;
use crate::storage::StorageError;
use crate::storage::near::setup;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    #[serde(alias = "Token")]
    session_token: Option<Zeroizing<String>>,
    expiration: Option<String>,
}

/// Reads the keys in an answer of `what`. An error shows nothing of the answer.
pub(super) fn keys(what: &str, text: &str) -> Result<Keys, StorageError> {
    let answer: Answer = serde_json::from_str(text)
        .map_err(|_| setup(what, "its answer is not JSON with AccessKeyId and SecretAccessKey"))?;
    let expires = match answer.expiration.as_deref() {
        None | Some("") => None,
        Some(text) => Some(time(text).ok_or_else(|| setup(what, "its Expiration is not a time"))?),
    };
    let Answer { access_key_id: id, secret_access_key: secret, session_token: token, .. } = answer;
    Ok(Keys { id, secret, token, expires })
}

/// Reads a time with or without a fraction of a second, in UTC.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix("+00:00").unwrap_or(text);
    let whole = text.split(['.', 'Z']).next()?;
    format!("{whole}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_answers_and_hides_them() {
        let text = r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"S","SessionToken":"T",
            "Expiration":"2026-12-01T00:00:00.5Z"}"#;
        let keys = keys("process", text).unwrap();
        assert_eq!((keys.id.as_str(), keys.secret.as_str()), ("A", "S"));
        assert_eq!(keys.token.unwrap().as_str(), "T");
        assert_eq!(keys.expires.unwrap().to_string(), "2026-12-01T00:00:00Z");
        let error = super::keys("process", r#"{"SecretAccessKey":"topsecret"}"#).err().unwrap();
        assert!(!error.to_string().contains("topsecret"));
    }
}
