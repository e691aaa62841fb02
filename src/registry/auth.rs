//! What a registry wants to see, and the tokens that we hold for it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::RepositoryName;
use super::challenge::Challenge;
use super::credentials::Credential;

/// The lifetime of a token that states none (distribution-spec's token authentication), in seconds.
const TOKEN_SECONDS: u64 = 60;

/// A token is not used any more this long before it expires: a request takes time.
const TOKEN_MARGIN: Duration = Duration::from_secs(10);

/// What a request wants to do, as token services have it: `repository:team/app:pull`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// The repository whose credentials count.
    pub(super) repository: Option<RepositoryName>,
    words: Vec<String>,
}

impl Scope {
    /// To look which repositories there are.
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

    /// To mount from another repository, too.
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

/// What a token service answers.
#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

/// What is known of how to authenticate to a registry.
#[derive(Default)]
pub(super) struct AuthState {
    /// What it asked for, once it did.
    pub(super) challenge: Option<Challenge>,
    tokens: HashMap<String, Token>,
    pub(super) credentials: HashMap<Option<RepositoryName>, Option<Credential>>,
}

impl AuthState {
    /// The token for this scope, if it lives long enough.
    pub(super) fn token(&self, scope: &Scope) -> Option<String> {
        let token = self.tokens.get(&scope.key())?;
        (token.until > Instant::now()).then(|| token.header.clone())
    }

    /// Drops the token of this scope if it is the one that was refused.
    pub(super) fn forget(&mut self, scope: &Scope, refused: &str) {
        let key = scope.key();
        if self.tokens.get(&key).is_some_and(|token| token.header == refused) {
            self.tokens.remove(&key);
        }
    }

    /// Keeps the token that a service returned, and returns its header.
    ///
    /// # Errors
    /// A sentence for an answer that holds none.
    pub(super) fn keep(&mut self, scope: &Scope, answer: &[u8]) -> Result<String, String> {
        let answer: TokenAnswer =
            serde_json::from_slice(answer).map_err(|_| "expected a token as JSON".to_owned())?;
        let given = [answer.token, answer.access_token];
        let token =
            given.into_iter().flatten().find(|token| !token.is_empty()).ok_or("no token in the answer")?;
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("the token has odd characters".to_owned());
        }
        let header = format!("Bearer {token}");
        let lives =
            Duration::from_secs(answer.expires_in.unwrap_or(TOKEN_SECONDS).clamp(TOKEN_SECONDS, 86_400));
        let until = Instant::now() + lives.saturating_sub(TOKEN_MARGIN);
        self.tokens.insert(scope.key(), Token { header: header.clone(), until });
        Ok(header)
    }
}

/// The header of a name and a password (RFC 7617).
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
