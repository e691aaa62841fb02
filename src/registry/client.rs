//! A registry: authenticates calls and follows redirects.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::auth::Scope;
use super::authenticator::Authenticator;
use super::call::CallError;
use super::credentials;
use super::endpoint::Endpoint;
use super::{Host, RegistryError, RepositoryName, Settings};
use crate::http::{Call, Connections, REDIRECTS_MAX, Response, is_followed, is_redirect};

/// A registry on one host.
pub struct Registry {
    pub(super) endpoint: Endpoint,
    authenticator: Authenticator,
    /// Repositories without the referrers API. Stored per repository, because one host may serve several registries.
    lack_referrers: Mutex<BTreeSet<RepositoryName>>,
}

impl Registry {
    pub(super) fn new(
        host: Host,
        settings: Arc<Settings>,
        connections: Arc<Connections>,
    ) -> Result<Registry, RegistryError> {
        credentials::check(&settings.credential_files, &host)?;
        let endpoint = Endpoint::new(host, settings, connections)?;
        Ok(Registry { endpoint, authenticator: Authenticator::default(), lack_referrers: Mutex::default() })
    }

    /// The host of the registry.
    pub fn host(&self) -> &Host {
        &self.endpoint.host
    }

    /// Returns whether a repository is known to lack the referrers API.
    pub(super) fn lacks_referrers(&self, repository: &RepositoryName) -> bool {
        self.lack_referrers.lock().expect("no thread panicked").contains(repository)
    }

    /// Records that a repository lacks the referrers API.
    pub(super) fn note_lack_of_referrers(&self, repository: &RepositoryName) {
        self.lack_referrers.lock().expect("no thread panicked").insert(repository.clone());
    }

    /// Sends a call with retries and follows redirects. The caller must check the status of the response; temporary
    /// failures, a final 401 and 403 are returned as errors.
    pub(super) fn call(&self, call: &mut Call<'_>, scope: &Scope) -> Result<Response, RegistryError> {
        self.endpoint.retrying(&call.describe(), || self.follow(call, scope, true))
    }

    /// Like [`Registry::call`], but contacts no other host: a redirect to one is returned as the response.
    pub(super) fn call_here(&self, call: &mut Call<'_>, scope: &Scope) -> Result<Response, RegistryError> {
        self.endpoint.retrying(&call.describe(), || self.follow(call, scope, false))
    }

    /// Sends a call once, without redirects. For streams, which cannot be sent again.
    pub(super) fn call_once(&self, call: &mut Call<'_>, scope: &Scope) -> Result<Response, CallError> {
        self.endpoint.check_stop()?;
        let own = self.endpoint.is_own(&call.url);
        let authorization = self.authorization(own, scope)?;
        let sent = self.endpoint.send(call, authorization.as_deref());
        // A stop signal also ends the stream. Report the signal, not a failure of the registry.
        self.endpoint.check_stop()?;
        let response = sent?;
        if response.status == 401 && own {
            let sent_header = authorization.as_deref();
            self.authenticator.authenticate(
                &self.endpoint,
                response,
                scope,
                sent_header,
                &call.describe(),
            )?;
            return Err(CallError::Reauthenticated);
        }
        Ok(response)
    }

    /// The `Authorization` header for a call. Other hosts never get one.
    fn authorization(&self, own: bool, scope: &Scope) -> Result<Option<String>, RegistryError> {
        if own { self.authenticator.authorization(&self.endpoint, scope) } else { Ok(None) }
    }

    /// Sends a call and follows redirects, also to other hosts if `leaves` is true.
    fn follow(&self, call: &mut Call<'_>, scope: &Scope, leaves: bool) -> Result<Response, CallError> {
        let first = call.url.clone();
        let followed = self.follow_from(call, scope, leaves);
        call.url = first;
        followed
    }

    fn follow_from(&self, call: &mut Call<'_>, scope: &Scope, leaves: bool) -> Result<Response, CallError> {
        let endpoint = &self.endpoint;
        let request = call.describe();
        let mut redirects = 0;
        let mut authenticated = false;
        loop {
            let own = endpoint.is_own(&call.url);
            let authorization = self.authorization(own, scope)?;
            let response = endpoint.send(call, authorization.as_deref())?;
            match response.status {
                401 if own && !authenticated => {
                    authenticated = true;
                    let sent_header = authorization.as_deref();
                    self.authenticator.authenticate(endpoint, response, scope, sent_header, &request)?;
                }
                401 | 403 => return Err(endpoint.refused(response, &request).into()),
                status if is_redirect(status) && is_followed(call, status) => {
                    redirects += 1;
                    if redirects > REDIRECTS_MAX {
                        let problem = format!("more than {REDIRECTS_MAX} redirects");
                        return Err(endpoint.unexpected(&request, problem).into());
                    }
                    let target = endpoint.target(&response, &request)?;
                    if !leaves && !endpoint.is_own(&target) {
                        return Ok(response);
                    }
                    endpoint.check_target(&target, &request)?;
                    call.url = target;
                    response.discard();
                }
                _ => return Ok(response),
            }
        }
    }
}
