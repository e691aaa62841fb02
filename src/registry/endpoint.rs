//! One host that speaks the distribution API: which URLs are its own, where it may send us, and how a request is
//! retried. Authentication comes on top of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use url::Url;

use super::call::CallError;
use super::error::HostRefusal;
use super::problem::Problem;
use super::{Host, Reach, RegistryError, Settings};
use crate::http::{
    Addresses, Answer, Call, Client, Connections, HttpError, PACE_BYTES_MIN, Permit, Route, WAIT_MAX,
    escaped, header, is_loopback_name, is_temporary,
};

/// One host that speaks the distribution API.
pub(super) struct Endpoint {
    pub(super) host: Host,
    pub(super) settings: Arc<Settings>,
    base: Url,
    client: Client,
    connections: Arc<Connections>,
    /// Whether it ever answered: from then on, a failing connection is worth a retry.
    reached: AtomicBool,
}

impl Endpoint {
    pub(super) fn new(
        host: Host,
        settings: Arc<Settings>,
        connections: Arc<Connections>,
    ) -> Result<Endpoint, RegistryError> {
        let plain =
            settings.plain_http.contains(&host) || (host.is_loopback() && !settings.tls.contains(&host));
        let base = format!("{}://{host}/v2/", if plain { "http" } else { "https" });
        let unusable = |error: url::ParseError| RegistryError::Setup {
            what: host.to_string(),
            problem: error.to_string(),
        };
        let base = Url::parse(&base).map_err(unusable)?;
        // A proxy's loopback is not ours.
        let route = if host.is_loopback() { Route::Direct } else { Route::Proxied };
        let client = Client::new(&connections, route, Addresses::Any)?;
        Ok(Endpoint { host, settings, base, client, connections, reached: AtomicBool::new(false) })
    }

    /// The URL of a path below `/v2/`.
    pub(super) fn url(&self, path: &str) -> Url {
        self.base.join(path).expect("names of repositories, tags and digests make a path")
    }

    /// Waits until a transfer may begin.
    pub(super) fn permit(&self) -> Permit {
        self.connections.permit()
    }

    /// How often a call is retried.
    pub(super) fn retries(&self) -> u32 {
        self.connections.retries()
    }

    /// Sends a call once, to this host or to another one.
    pub(super) fn send(&self, call: &mut Call<'_>, authorization: Option<&str>) -> Result<Answer, HttpError> {
        let answer = self.client.send(call, authorization)?;
        self.reached.store(true, Ordering::Relaxed);
        Ok(answer)
    }

    /// # Errors
    /// [`RegistryError::Interrupted`] if a signal came.
    pub(super) fn check_stop(&self) -> Result<(), RegistryError> {
        if self.connections.is_stopped() { Err(RegistryError::Interrupted) } else { Ok(()) }
    }

    /// Makes a call, again where that makes sense. Answers other than temporary failures are for the
    /// caller to judge.
    pub(super) fn retrying(
        &self,
        asked: &str,
        mut attempt: impl FnMut() -> Result<Answer, CallError>,
    ) -> Result<Answer, RegistryError> {
        let mut tried = 0;
        loop {
            self.check_stop()?;
            let wait = match attempt() {
                Ok(answer) if !is_temporary(answer.status) => return Ok(answer),
                Ok(answer) => {
                    let wait = answer.retry_after();
                    let too_long = wait.is_some_and(|wait| wait > WAIT_MAX);
                    if tried >= self.retries() || too_long {
                        return Err(self.out_of_attempts(answer, asked, tried, wait));
                    }
                    answer.discard();
                    wait
                }
                Err(CallError::Registry(error)) => return Err(error),
                Err(CallError::Reauthenticated) => unreachable!("only streams are sent once"),
                Err(CallError::Http(error)) => {
                    if tried >= self.retries() || !self.may_pass(&error) {
                        return Err(self.failed(error, asked));
                    }
                    None
                }
            };
            self.wait(tried, wait)?;
            tried += 1;
        }
    }

    /// Whether the same call may succeed the next time.
    pub(super) fn may_pass(&self, error: &HttpError) -> bool {
        match error {
            HttpError::Broken(_) | HttpError::Stalled => true,
            HttpError::Unreachable(_) => self.reached.load(Ordering::Relaxed),
            HttpError::Unexpected(_) => false,
        }
    }

    /// Waits before the next attempt, for as long as was asked or longer each time.
    ///
    /// # Errors
    /// [`RegistryError::Interrupted`] at once when a signal comes.
    pub(super) fn wait(&self, tried: u32, asked: Option<Duration>) -> Result<(), RegistryError> {
        if self.connections.wait(tried, asked) { Ok(()) } else { Err(RegistryError::Interrupted) }
    }

    fn out_of_attempts(
        &self,
        answer: Answer,
        asked: &str,
        attempt: u32,
        wait: Option<Duration>,
    ) -> RegistryError {
        if answer.status != 429 {
            return self.refused(answer, asked);
        }
        let wait = wait.map_or(String::new(), |wait| format!(", retry after {} s", wait.as_secs()));
        let problem = format!("{wait}, attempt {}", attempt + 1);
        RegistryError::RateLimited { host: self.host.clone(), asked: asked.to_owned(), problem }
    }

    /// The URL in the `Location` of an answer.
    ///
    /// # Errors
    /// When there is none, or it is on a host that may not be contacted.
    pub(super) fn location(&self, answer: &Answer, asked: &str) -> Result<Url, RegistryError> {
        let location = answer
            .header(header::LOCATION)
            .ok_or_else(|| self.unexpected(asked, format!("status {} without a Location", answer.status)))?;
        let url = answer.url.join(location).map_err(|error| {
            self.unexpected(asked, format!("its Location is {}: {error}", escaped(location)))
        })?;
        self.check_place(&url, asked)?;
        Ok(url)
    }

    /// Refuses URLs that may not be contacted. The registry itself may be; other hosts only over HTTPS and within reach.
    pub(super) fn check_place(&self, url: &Url, asked: &str) -> Result<(), RegistryError> {
        // Without a name or a password: they may grant access.
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        let place = format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default());
        let elsewhere = |cause: HostRefusal| RegistryError::Elsewhere {
            host: self.host.clone(),
            other: escaped(&place),
            asked: asked.to_owned(),
            cause,
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(elsewhere(HostRefusal::Credentials));
        }
        if self.is_own(url) {
            return Ok(());
        }
        let host: Host = Host::of(url).ok_or_else(|| elsewhere(HostRefusal::NoHost))?;
        match url.scheme() {
            "https" => {}
            "http" if self.settings.plain_http.contains(&host) => {}
            // A registry on loopback without TLS may point there; no other may make us contact this machine.
            "http"
                if self.base.scheme() == "http"
                    && self.host.is_loopback()
                    && is_loopback_name(host.name()) => {}
            _ => return Err(elsewhere(HostRefusal::WithoutTls)),
        }
        match &self.settings.reach {
            Reach::Anywhere => Ok(()),
            Reach::Only(hosts) if hosts.contains(&host) => Ok(()),
            Reach::Only(_) => Err(elsewhere(HostRefusal::NotAllowed)),
        }
    }

    /// Whether a URL is the registry's own: the same scheme, host and port.
    pub(super) fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// The error for an answer that refuses.
    pub(super) fn refused(&self, answer: Answer, asked: &str) -> RegistryError {
        let (host, status) = (self.host.clone(), answer.status);
        let asked = match Host::of(&answer.url) {
            Some(other) if !self.is_own(&answer.url) => format!("{asked} at {other}"),
            _ => asked.to_owned(),
        };
        let problem = Problem::of(answer);
        match status {
            401 => RegistryError::Unauthorized { host, asked, problem },
            403 => RegistryError::Denied { host, asked, problem },
            429 => RegistryError::RateLimited { host, asked, problem: format!(": {problem}") },
            _ => RegistryError::Failed { host, status, asked, problem },
        }
    }

    /// The error for an answer that is not what it should be.
    pub(super) fn unexpected(&self, asked: &str, problem: impl Into<String>) -> RegistryError {
        RegistryError::Protocol { host: self.host.clone(), asked: asked.to_owned(), problem: problem.into() }
    }

    /// The error for a call without an answer.
    pub(super) fn failed(&self, error: HttpError, asked: &str) -> RegistryError {
        // A signal ends connections, and each in its own way.
        if let Err(interrupted) = self.check_stop() {
            return interrupted;
        }
        let (host, asked) = (self.host.clone(), asked.to_owned());
        match error {
            HttpError::Unreachable(cause) => RegistryError::Unreachable { host: host.to_string(), cause },
            HttpError::Broken(problem) => RegistryError::Broken { host, asked, problem },
            HttpError::Stalled => RegistryError::Stalled {
                host,
                asked,
                bytes: PACE_BYTES_MIN,
                seconds: self.connections.stall().as_secs(),
            },
            HttpError::Unexpected(problem) => RegistryError::Protocol { host, asked, problem },
        }
    }
}
