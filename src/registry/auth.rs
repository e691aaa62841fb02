//! Scopes and tokens of a registry.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::RepositoryName;
use super::challenge::Challenge;
use super::credentials::Credential;

/// The lifetime of a token without `expires_in` (distribution-spec, token authentication). A token with a shorter one is
/// also used this long: the registry refuses it when it has expired, and it is replaced.
const TOKEN_TIME: Duration = Duration::from_secs(60);

/// The longest time for which a token is used.
const TOKEN_TIME_MAX: Duration = Duration::from_secs(86_400);

/// A token is replaced this long before it expires, because a request takes time.
const TOKEN_MARGIN: Duration = Duration::from_secs(10);

/// The scope of a request, as token services write it: `repository:team/app:pull`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// The repository whose credentials are used.
    pub(super) repository: Option<RepositoryName>,
    words: Vec<String>,
}

impl Scope {
    /// To list the repositories.
    pub(super) fn catalog() -> Scope {
        Scope { repository: None, words: vec!["registry:catalog:*".to_owned()] }
    }

    pub(super) fn pull(repository: &RepositoryName) -> Scope {
        Scope { repository: Some(repository.clone()), words: vec![format!("repository:{repository}:pull")] }
    }

    pub(super) fn push(repository: &RepositoryName) -> Scope {
        Scope {
            repository: Some(repository.clone()),
            words: vec![format!("repository:{repository}:pull,push")],
        }
    }

    /// Adds the right to mount blobs from another repository.
    pub(super) fn and_pull(mut self, other: &RepositoryName) -> Scope {
        self.words.push(format!("repository:{other}:pull"));
        self
    }

    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    fn key(&self) -> String {
        self.words.join(" ")
    }
}

/// A token and when it expires.
struct Token {
    header: String,
    until: Instant,
}

/// The response of a token service.
#[derive(Deserialize)]
struct TokenResponse {
    token: Option<String>,
    access_token: Option<String>,
    #[serde(default)]
    expires_in: Value,
}

impl TokenResponse {
    /// The lifetime in seconds; `None` if the service does not tell one that makes sense. Services write it as a number,
    /// also with a fraction, or as text.
    fn lifetime(&self) -> Option<Duration> {
        let seconds = match &self.expires_in {
            Value::String(text) => text.trim().parse().ok(),
            number => number.as_f64(),
        };
        seconds.filter(|&seconds| seconds > 0.0).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }
}

/// The authentication state of a registry.
#[derive(Default)]
pub(super) struct AuthState {
    /// The challenge that the registry sent, if any.
    pub(super) challenge: Option<Challenge>,
    /// Whether the registry was asked for its challenge, because there are credentials for it.
    pub(super) inquired: bool,
    /// Whether the registry has refused a request without credentials.
    pub(super) refused: bool,
    tokens: HashMap<String, Token>,
    pub(super) credentials: HashMap<Option<RepositoryName>, Option<Credential>>,
}

impl AuthState {
    /// The token for this scope, unless it is about to expire.
    pub(super) fn token(&self, scope: &Scope) -> Option<String> {
        let token = self.tokens.get(&scope.key())?;
        (token.until > Instant::now()).then(|| token.header.clone())
    }

    /// Removes the token of this scope if it is the one that was refused.
    pub(super) fn discard_token(&mut self, scope: &Scope, refused: &str) {
        let key = scope.key();
        if self.tokens.get(&key).is_some_and(|token| token.header == refused) {
            self.tokens.remove(&key);
        }
    }

    /// Stores the token in the response of a token service, and returns its header.
    ///
    /// # Errors
    /// A message if the response contains no valid token.
    pub(super) fn store_token(&mut self, scope: &Scope, response: &[u8]) -> Result<String, String> {
        let response: TokenResponse =
            serde_json::from_slice(response).map_err(|_| "expected JSON with a token".to_owned())?;
        let lifetime = response.lifetime().unwrap_or(TOKEN_TIME).clamp(TOKEN_TIME, TOKEN_TIME_MAX);
        let tokens = [response.token, response.access_token];
        let token =
            tokens.into_iter().flatten().find(|token| !token.is_empty()).ok_or("no token in the response")?;
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("the token contains invalid characters".to_owned());
        }
        let header = format!("Bearer {token}");
        let until = Instant::now() + lifetime.saturating_sub(TOKEN_MARGIN);
        self.tokens.insert(scope.key(), Token { header: header.clone(), until });
        Ok(header)
    }
}

/// The `Authorization` header for a user name and a password (RFC 7617).
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_read_in_every_form() {
        let of = |text: &str| serde_json::from_str::<TokenResponse>(text).unwrap().lifetime();
        let seconds = Duration::from_secs;
        assert_eq!(of(r#"{"token":"t","expires_in":300}"#), Some(seconds(300)));
        assert_eq!(of(r#"{"token":"t","expires_in":"300"}"#), Some(seconds(300)));
        assert_eq!(of(r#"{"token":"t","expires_in":300.5}"#), Some(Duration::from_millis(300_500)));
        for odd in ["0", "-1", "null", "\"soon\"", "1e300", "\"inf\"", "\"NaN\"", "{}", "true"] {
            assert_eq!(of(&format!(r#"{{"token":"t","expires_in":{odd}}}"#)), None, "{odd}");
        }
        assert_eq!(of(r#"{"token":"t"}"#), None);
    }
}
