//! Authentication to a registry: answers its challenges and fetches its tokens.

use std::sync::Mutex;

use url::Url;

use super::auth::{AuthState, Scope, basic};
use super::call::CallError;
use super::challenge::Challenge;
use super::credentials::{self, Credential};
use super::endpoint::Endpoint;
use super::problem::Problem;
use super::{Host, RegistryError};
use crate::http::{
    Call, Method, Payload, REDIRECTS_MAX, Response, bounded, header, is_followed, is_redirect,
};

/// Maximum size of a response of a token service, in bytes.
const TOKEN_BYTES_MAX: u64 = 256 << 10;

/// Authenticates the calls to one registry.
#[derive(Default)]
pub(super) struct Authenticator {
    state: Mutex<AuthState>,
}

impl Authenticator {
    /// The `Authorization` header for a call; `None` if there are no credentials for it and the registry has not asked for
    /// any.
    ///
    /// Credentials are sent before the registry asks for them: to strangers, many registries show fewer tags, or say
    /// that a repository does not exist.
    pub(super) fn authorization(
        &self,
        endpoint: &Endpoint,
        scope: &Scope,
    ) -> Result<Option<String>, RegistryError> {
        let mut state = self.state.lock().expect("no thread panicked");
        let credential = credential(endpoint, &mut state, scope)?;
        if credential.is_some() && state.challenge.is_none() && !state.inquired {
            state.inquired = true;
            state.challenge = inquire(endpoint)?;
        }
        let basic = match &credential {
            Some(Credential::Basic { user, password }) => Some(basic(user, password)),
            _ => None,
        };
        match state.challenge.clone() {
            Some(Challenge::Bearer { .. }) if credential.is_none() && !state.refused => Ok(None),
            Some(challenge @ Challenge::Bearer { .. }) => match state.token(scope) {
                Some(header) => Ok(Some(header)),
                // Concurrent calls wait for this token, because the state is locked.
                None => fetch_token(endpoint, &mut state, &challenge, scope).map(Some),
            },
            // A registry that asks nobody may still show more to a user.
            Some(Challenge::Basic) | None => Ok(basic),
        }
    }

    /// Stores the challenge in a response with status 401. The caller then repeats the call.
    ///
    /// # Errors
    /// If there are no credentials for it, or they were just refused.
    pub(super) fn authenticate(
        &self,
        endpoint: &Endpoint,
        response: Response,
        scope: &Scope,
        sent: Option<&str>,
        request: &str,
    ) -> Result<(), RegistryError> {
        let Some(challenge) = challenge_in(&response) else {
            return Err(endpoint.refused(response, request));
        };
        let mut state = self.state.lock().expect("no thread panicked");
        let missing = match &challenge {
            Challenge::Basic => {
                !matches!(credential(endpoint, &mut state, scope)?, Some(Credential::Basic { .. }))
            }
            Challenge::Bearer { .. } => false,
        };
        // There are no credentials, or they were sent and refused.
        if missing || (challenge == Challenge::Basic && sent.is_some()) {
            drop(state);
            return Err(endpoint.refused(response, request));
        }
        if let Some(sent) = sent {
            state.discard_token(scope, sent);
        }
        (state.challenge, state.refused) = (Some(challenge), true);
        drop(state);
        response.discard();
        Ok(())
    }
}

fn challenge_in(response: &Response) -> Option<Challenge> {
    let headers = response.headers.get_all(header::WWW_AUTHENTICATE);
    Challenge::best(headers.iter().filter_map(|value| value.to_str().ok()))
}

/// Asks the registry how users log in (distribution-spec, "Determining Support"); `None` if it does not say.
fn inquire(endpoint: &Endpoint) -> Result<Option<Challenge>, RegistryError> {
    let mut call = Call::new(Method::GET, endpoint.url(""));
    let response = endpoint.retrying(&call.describe(), || Ok(endpoint.send(&mut call, None)?))?;
    let challenge = if response.status == 401 { challenge_in(&response) } else { None };
    response.discard();
    Ok(challenge)
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
    let Challenge::Bearer { realm, service, scope: requested, .. } = challenge else {
        unreachable!("only bearer challenges have tokens")
    };
    let request = "a token request";
    let url = Url::parse(realm).map_err(|error| {
        endpoint.unexpected(request, format!("invalid token realm {}: {error}", bounded(realm)))
    })?;
    let url = endpoint.over_https(url);
    endpoint.check_target(&url, request)?;
    // Add the scopes that the registry requested beyond ours.
    let mut words: Vec<&str> = scope.words().iter().map(String::as_str).collect();
    let known = |word: &&str| words.contains(word) || word.starts_with("repository:");
    let added: Vec<&str> =
        requested.iter().flat_map(|words| words.split(' ')).filter(|word| !known(word)).collect();
    words.extend(added);
    let credential = credential(endpoint, state, scope)?;
    let response = endpoint.whole(request, TOKEN_BYTES_MAX, || {
        endpoint.retrying(request, || {
            let service = service.as_deref();
            request_token(endpoint, &url, service, &words, credential.as_ref())
        })
    });
    // The token service is unreachable, not the registry.
    let (response, bytes) = response.map_err(|error| match (error, Host::of(&url)) {
        (RegistryError::Unreachable { cause, .. }, Some(service)) => {
            let host = format!("{service} (token service of {})", endpoint.host);
            RegistryError::Unreachable { host, cause }
        }
        (error, _) => error,
    })?;
    if response.status != 200 {
        let request = Host::of(&url).map_or(request.to_owned(), |host| format!("{request} to {host}"));
        return Err(match response.status {
            // Token services reject wrong credentials with 400, 401 or 403.
            400 | 401 | 403 => {
                let problem = Problem::of(response);
                let host = endpoint.host.clone();
                RegistryError::Unauthorized { host, elsewhere: None, request, problem }
            }
            _ => endpoint.refused(response, &request),
        });
    }
    state.store_token(scope, &bytes).map_err(|problem| endpoint.unexpected(request, problem))
}

/// Requests a token from a token service: by POST with a refresh token, otherwise by GET.
fn request_token(
    endpoint: &Endpoint,
    url: &Url,
    service: Option<&str>,
    scopes: &[&str],
    credential: Option<&Credential>,
) -> Result<Response, CallError> {
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
        return send_within_host(endpoint, &mut call, None);
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
    send_within_host(endpoint, &mut Call::new(Method::GET, url), authorization.as_deref())
}

/// Sends a request to a token service. Follows redirects on the same host only, because the request carries a password.
fn send_within_host(
    endpoint: &Endpoint,
    call: &mut Call<'_>,
    authorization: Option<&str>,
) -> Result<Response, CallError> {
    let request = "a token request";
    for _ in 0..=REDIRECTS_MAX {
        let response = endpoint.send(call, authorization)?;
        if !(is_redirect(response.status) && is_followed(call, response.status)) {
            return Ok(response);
        }
        let target = endpoint.target(&response, request)?;
        if target.origin() != call.url.origin() {
            let host =
                |url: &Url| Host::of(url).map_or_else(|| url.scheme().to_owned(), |host| host.to_string());
            let (from, to) = (host(&call.url), host(&target));
            let problem =
                format!("the token service on {from} redirects to {to}; passwords are not sent there");
            return Err(endpoint.unexpected(request, problem).into());
        }
        response.discard();
        call.url = target;
    }
    Err(endpoint.unexpected(request, format!("more than {REDIRECTS_MAX} redirects")).into())
}
