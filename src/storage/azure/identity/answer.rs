//! The answers of the endpoints that give tokens.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::Given;
use crate::http::bounded;
use crate::storage::near::setup;
use crate::storage::{self, StorageError};

/// How long a token lasts if the answer does not say, in seconds.
const SECONDS: i64 = 600;

#[derive(Deserialize)]
struct Answer {
    access_token: Zeroizing<String>,
    /// A number, or a number as text.
    expires_in: Option<serde_json::Value>,
    /// Seconds since 1970, as a number or as text.
    expires_on: Option<serde_json::Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: serde_json::Value,
    error_description: String,
    message: String,
}

/// Stands for the identity in errors, until its name is known.
const IDENTITY: &str = "the identity";

/// Reads a token in the answer of `what`. An error shows nothing of the token.
pub(super) fn token(what: &str, status: u16, text: &str, now: i64) -> Result<Given, StorageError> {
    if status != 200 {
        return Err(refused(what, status, text));
    }
    let answer: Answer =
        serde_json::from_str(text).map_err(|_| setup(what, "its answer is not JSON with an access_token"))?;
    let number = |value: &Option<serde_json::Value>| match value {
        Some(serde_json::Value::Number(number)) => number.as_i64(),
        Some(serde_json::Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let until = || number(&answer.expires_on).map(|time| time - now);
    let seconds = number(&answer.expires_in).or_else(until).unwrap_or(SECONDS).clamp(0, 86_400);
    if answer.access_token.is_empty() || !answer.access_token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(setup(what, "its access_token is empty or no token"));
    }
    Ok(Given { token: answer.access_token, seconds })
}

/// The error for a refusal.
fn refused(what: &str, status: u16, text: &str) -> StorageError {
    let refusal: Refusal = serde_json::from_str(text).unwrap_or_default();
    let said =
        if refusal.error_description.is_empty() { &refusal.message } else { &refusal.error_description };
    let said = bounded(said.lines().next().unwrap_or_default());
    let code = refusal.error.as_str().map(bounded).unwrap_or_default();
    let hint = match status {
        400 => " (is this identity assigned to this machine?)",
        _ => "",
    };
    let words = [format!("gives no token: HTTP {status}"), code, said];
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let problem = format!("{}{hint}", words.join(" "));
    if !matches!(status, 400 | 401 | 403) {
        return setup(what, &format!("it {problem}"));
    }
    let (what, place) = (what.to_owned(), IDENTITY.to_owned());
    StorageError::Access { what, place, problem, refusal: storage::Refusal::Identity }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_lifetime_in_every_form() {
        for (rest, seconds) in [
            (r#""expires_in":"3599""#, 3599),
            (r#""expires_in":3599"#, 3599),
            (r#""expires_on":"1700003600""#, 3600),
            (r#""expires_on":1700003600"#, 3600),
            (r#""token_type":"Bearer""#, SECONDS),
        ] {
            let text = format!(r#"{{"access_token":"t",{rest}}}"#);
            let given = token("x", 200, &text, 1_700_000_000).map_err(|error| error.to_string());
            assert_eq!(given.unwrap().seconds, seconds, "{rest}");
        }
    }

    #[test]
    fn says_why_there_is_no_token() {
        let text = r#"{"error":"invalid_request","error_description":"Identity not found\nmore"}"#;
        let Err(error) = token("the service", 400, text, 0) else { panic!() };
        let text = "the service for the identity gives no token: HTTP 400 invalid_request Identity not found (is this \
                    identity assigned to this machine?)";
        assert_eq!(error.to_string(), text);
    }
}
