//! Authenticating to a registry: which credentials it wants, and how its tokens are fetched.

use std::sync::Mutex;

use url::Url;

use super::auth::{AuthState, Scope, basic};
use super::call::CallError;
use super::challenge::Challenge;
use super::credentials::{self, Credential};
use super::endpoint::Endpoint;
use super::problem::Problem;
use super::{Host, RegistryError};
use crate::http::{Answer, Call, HttpError, Method, Payload, escaped, header};

/// Largest answer of a token service, in bytes.
const TOKEN_BYTES_MAX: u64 = 256 << 10;

/// Authenticates the calls to one registry.
#[derive(Default)]
pub(super) struct Authenticator {
    state: Mutex<AuthState>,
}

impl Authenticator {
    /// The `Authorization` for a call, as far as it is known what the registry wants.
    pub(super) fn authorization(
        &self,
        endpoint: &Endpoint,
        scope: &Scope,
    ) -> Result<Option<String>, RegistryError> {
        let mut state = self.state.lock().expect("no thread panicked");
        match state.challenge.clone() {
            None => Ok(None),
            Some(Challenge::Basic) => Ok(match credential(endpoint, &mut state, scope)? {
                Some(Credential::Basic { user, password }) => Some(basic(&user, &password)),
                _ => None,
            }),
            Some(challenge @ Challenge::Bearer { .. }) => match state.token(scope) {
                Some(header) => Ok(Some(header)),
                // Calls at the same time wait for this one token.
                None => fetch_token(endpoint, &mut state, &challenge, scope).map(Some),
            },
        }
    }

    /// Takes note of the authentication that an answer with status 401 asks for.
    ///
    /// # Errors
    /// When we have no credentials for it, or they were just refused.
    pub(super) fn authenticate(
        &self,
        endpoint: &Endpoint,
        answer: Answer,
        scope: &Scope,
        shown: Option<&str>,
        asked: &str,
    ) -> Result<(), RegistryError> {
        let headers = answer.headers.get_all(header::WWW_AUTHENTICATE);
        let texts = headers.iter().filter_map(|value| value.to_str().ok());
        let Some(challenge) = Challenge::best(texts) else { return Err(endpoint.refused(answer, asked)) };
        let mut state = self.state.lock().expect("no thread panicked");
        let lacking = match &challenge {
            Challenge::Basic => {
                !matches!(credential(endpoint, &mut state, scope)?, Some(Credential::Basic { .. }))
            }
            Challenge::Bearer { .. } => false,
        };
        // No credentials, or some that were sent and refused.
        if lacking || (challenge == Challenge::Basic && shown.is_some()) {
            drop(state);
            return Err(endpoint.refused(answer, asked));
        }
        if let Some(shown) = shown {
            state.forget(scope, shown);
        }
        state.challenge = Some(challenge);
        drop(state);
        answer.discard();
        Ok(())
    }
}

fn credential(
    endpoint: &Endpoint,
    state: &mut AuthState,
    scope: &Scope,
) -> Result<Option<Credential>, RegistryError> {
    if let Some(known) = state.credentials.get(&scope.repository) {
        return Ok(known.clone());
    }
    let found =
        credentials::find(&endpoint.settings.credential_files, &endpoint.host, scope.repository.as_ref())?;
    state.credentials.insert(scope.repository.clone(), found.clone());
    Ok(found)
}

/// Fetches a token for the scope and returns its header.
fn fetch_token(
    endpoint: &Endpoint,
    state: &mut AuthState,
    challenge: &Challenge,
    scope: &Scope,
) -> Result<String, RegistryError> {
    let Challenge::Bearer { realm, service, scope: wanted, .. } = challenge else {
        unreachable!("only tokens are fetched")
    };
    let asked = "a token";
    let url = Url::parse(realm)
        .map_err(|error| endpoint.unexpected(asked, format!("its realm is {}: {error}", escaped(realm))))?;
    endpoint.check_place(&url, asked)?;
    // What the registry asked for counts where it asked for more than we know of.
    let mut words: Vec<&str> = scope.words().iter().map(String::as_str).collect();
    let own = |word: &&str| words.contains(word) || word.starts_with("repository:");
    let more: Vec<&str> =
        wanted.iter().flat_map(|words| words.split(' ')).filter(|word| !own(word)).collect();
    words.extend(more);
    let credential = credential(endpoint, state, scope)?;
    let answer = endpoint.retrying(asked, || {
        let service = service.as_deref();
        ask_for_token(endpoint, &url, service, &words, credential.as_ref()).map_err(CallError::Http)
    });
    // It is the token service that is out of reach, not the registry.
    let answer = answer.map_err(|error| match (error, Host::of(&url)) {
        (RegistryError::Unreachable { cause, .. }, Some(service)) => {
            let host = format!("{service} (token service of {})", endpoint.host);
            RegistryError::Unreachable { host, cause }
        }
        (error, _) => error,
    })?;
    if answer.status != 200 {
        let place = Host::of(&url).map_or_else(String::new, |host| format!("a token from {host}"));
        return Err(match answer.status {
            // Token services answer wrong credentials with 400, 401 or 403.
            400 | 401 | 403 => {
                let problem = Problem::of(answer);
                RegistryError::Unauthorized { host: endpoint.host.clone(), asked: place, problem }
            }
            _ => endpoint.refused(answer, &place),
        });
    }
    let bytes = answer.bytes(TOKEN_BYTES_MAX).map_err(|error| endpoint.failed(error, asked))?;
    state.keep(scope, &bytes).map_err(|problem| endpoint.unexpected(asked, problem))
}

/// Asks a token service for a token: with a refresh token by POST, otherwise by GET.
fn ask_for_token(
    endpoint: &Endpoint,
    url: &Url,
    service: Option<&str>,
    scopes: &[&str],
    credential: Option<&Credential>,
) -> Result<Answer, HttpError> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    if let Some(service) = service {
        form.append_pair("service", service);
    }
    if let Some(Credential::Identity(token)) = credential {
        form.append_pair("grant_type", "refresh_token").append_pair("client_id", "carnet");
        form.append_pair("scope", &scopes.join(" ")).append_pair("refresh_token", token);
        let form = form.finish();
        let mut call = Call::new(Method::POST, url.clone())
            .with(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        call.payload = Payload::Bytes(form.as_bytes());
        return endpoint.send(&mut call, None);
    }
    for scope in scopes {
        form.append_pair("scope", scope);
    }
    let mut url = url.clone();
    let query = [url.query().map(str::to_owned), Some(form.finish())];
    url.set_query(Some(&query.into_iter().flatten().collect::<Vec<_>>().join("&")));
    let authorization = match credential {
        Some(Credential::Basic { user, password }) => Some(basic(user, password)),
        _ => None,
    };
    endpoint.send(&mut Call::new(Method::GET, url), authorization.as_deref())
}
