//! One registry: how a call is authenticated, and how it follows redirects.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::auth::Scope;
use super::authenticator::Authenticator;
use super::call::CallError;
use super::credentials;
use super::endpoint::Endpoint;
use super::{Host, RegistryError, RepositoryName, Settings};
use crate::http::{Answer, Call, Connections, REDIRECTS_MAX, is_followed, is_redirect};

/// A registry.
pub struct Registry {
    pub(super) endpoint: Endpoint,
    authenticator: Authenticator,
    /// Its repositories that were seen to have no referrers API: behind one host there may be many registries.
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

    /// The host that it is on.
    pub fn host(&self) -> &Host {
        &self.endpoint.host
    }

    /// Whether a repository was seen to have no referrers API.
    pub(super) fn lacks_referrers(&self, repository: &RepositoryName) -> bool {
        self.lack_referrers.lock().expect("no thread panicked").contains(repository)
    }

    /// Remembers that a repository has no referrers API.
    pub(super) fn note_lack_of_referrers(&self, repository: &RepositoryName) {
        self.lack_referrers.lock().expect("no thread panicked").insert(repository.clone());
    }

    /// Sends a call, again where that makes sense, and follows redirects. Answers below 500 are for the caller to
    /// judge, all but 429 and a last 401.
    pub(super) fn call(&self, call: &mut Call<'_>, scope: &Scope) -> Result<Answer, RegistryError> {
        self.endpoint.retrying(&call.asked(), || self.follow(call, scope))
    }

    /// Sends a call once, without redirects: for streams, which cannot be sent again.
    pub(super) fn call_once(&self, call: &mut Call<'_>, scope: &Scope) -> Result<Answer, CallError> {
        self.endpoint.check_stop()?;
        let own = self.endpoint.is_own(&call.url);
        let authorization = self.authorization(own, scope)?;
        let sent = self.endpoint.send(call, authorization.as_deref());
        // A signal ends the stream; that is no failure of the registry.
        self.endpoint.check_stop()?;
        let answer = sent?;
        if answer.status == 401 && own {
            let shown = authorization.as_deref();
            self.authenticator.authenticate(&self.endpoint, answer, scope, shown, &call.asked())?;
            return Err(CallError::Reauthenticated);
        }
        Ok(answer)
    }

    /// What to send along: nothing to other hosts.
    fn authorization(&self, own: bool, scope: &Scope) -> Result<Option<String>, RegistryError> {
        if own { self.authenticator.authorization(&self.endpoint, scope) } else { Ok(None) }
    }

    fn follow(&self, call: &mut Call<'_>, scope: &Scope) -> Result<Answer, CallError> {
        let first = call.url.clone();
        let followed = self.follow_from(call, scope);
        call.url = first;
        followed
    }

    fn follow_from(&self, call: &mut Call<'_>, scope: &Scope) -> Result<Answer, CallError> {
        let endpoint = &self.endpoint;
        let asked = call.asked();
        let mut redirects = 0;
        let mut authenticated = false;
        loop {
            let own = endpoint.is_own(&call.url);
            let authorization = self.authorization(own, scope)?;
            let answer = endpoint.send(call, authorization.as_deref())?;
            match answer.status {
                401 if own && !authenticated => {
                    authenticated = true;
                    let shown = authorization.as_deref();
                    self.authenticator.authenticate(endpoint, answer, scope, shown, &asked)?;
                }
                401 | 403 => return Err(endpoint.refused(answer, &asked).into()),
                status if is_redirect(status) && is_followed(call, status) => {
                    redirects += 1;
                    if redirects > REDIRECTS_MAX {
                        let problem = format!("more than {REDIRECTS_MAX} redirects");
                        return Err(endpoint.unexpected(&asked, problem).into());
                    }
                    call.url = endpoint.location(&answer, &asked)?;
                    answer.discard();
                }
                _ => return Ok(answer),
            }
        }
    }
}
