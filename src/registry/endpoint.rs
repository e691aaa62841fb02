//! One host of the distribution API: its URLs, the other hosts that it may refer to, and retries. Authentication is
//! added in `client`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use url::Url;

use super::call::CallError;
use super::error::HostRefusal;
use super::problem::Problem;
use super::{Host, Reach, RegistryError, Settings, hub};
use crate::http::{
    Addresses, Call, Client, Connections, HttpError, PACE_BYTES_MIN, Permit, Response, Route, WAIT_MAX,
    bounded, header, is_loopback_name, is_temporary,
};

/// One host of the distribution API.
pub(super) struct Endpoint {
    pub(super) host: Host,
    pub(super) settings: Arc<Settings>,
    base: Url,
    client: Client,
    connections: Arc<Connections>,
    /// Whether the host has responded in this run. Only then are failing connections retried.
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
        let api = hub::api_host(&host);
        let base = format!("{}://{api}/v2/", if plain { "http" } else { "https" });
        let unusable = |error: url::ParseError| RegistryError::Setup {
            what: host.to_string(),
            problem: error.to_string(),
            advice: None,
        };
        let base = Url::parse(&base).map_err(unusable)?;
        // Loopback addresses mean another machine to a proxy.
        let route = if host.is_loopback() { Route::Direct } else { Route::Proxied };
        let client = Client::new(&connections, route, Addresses::Any)?;
        Ok(Endpoint { host, settings, base, client, connections, reached: AtomicBool::new(false) })
    }

    /// The URL of a path below `/v2/`.
    pub(super) fn url(&self, path: &str) -> Url {
        self.base.join(path).expect("repository names, tags and digests are valid in a path")
    }

    /// Waits until another transfer may start, and returns its permit.
    pub(super) fn permit(&self) -> Permit {
        self.connections.permit()
    }

    /// The maximum number of retries of a call.
    pub(super) fn retries(&self) -> u32 {
        self.connections.retries()
    }

    /// Sends a call once, to this host or to another one.
    pub(super) fn send(
        &self,
        call: &mut Call<'_>,
        authorization: Option<&str>,
    ) -> Result<Response, HttpError> {
        let response = self.client.send(call, authorization)?;
        self.reached.store(true, Ordering::Relaxed);
        Ok(response)
    }

    /// Checks for the stop signal.
    ///
    /// # Errors
    /// [`RegistryError::Interrupted`] after a stop signal.
    pub(super) fn check_stop(&self) -> Result<(), RegistryError> {
        if self.connections.is_stopped() { Err(RegistryError::Interrupted) } else { Ok(()) }
    }

    /// Sends a call, and retries it after temporary failures. The caller must check the status of the response.
    pub(super) fn retrying(
        &self,
        request: &str,
        mut attempt: impl FnMut() -> Result<Response, CallError>,
    ) -> Result<Response, RegistryError> {
        let mut retried = 0;
        loop {
            self.check_stop()?;
            let wait = match attempt() {
                Ok(response) if !is_temporary(response.status) => return Ok(response),
                Ok(response) => {
                    let wait = response.retry_after();
                    let too_long = wait.is_some_and(|wait| wait > WAIT_MAX);
                    if retried >= self.retries() || too_long {
                        return Err(self.out_of_attempts(response, request, retried, wait));
                    }
                    response.discard();
                    wait
                }
                Err(CallError::Registry(error)) => return Err(error),
                Err(CallError::Reauthenticated) => unreachable!("only uploads are sent without retries"),
                Err(CallError::Http(error)) => {
                    if retried >= self.retries() || !self.is_retryable(&error) {
                        return Err(self.failed(error, request));
                    }
                    None
                }
            };
            self.wait(retried, wait)?;
            retried += 1;
        }
    }

    /// Sends a call, and reads the body of at most `limit` bytes if the status is 200. If the body breaks, the call is
    /// sent again.
    pub(super) fn whole(
        &self,
        request: &str,
        limit: u64,
        mut send: impl FnMut() -> Result<Response, RegistryError>,
    ) -> Result<(Response, Vec<u8>), RegistryError> {
        let mut retried = 0;
        loop {
            let mut response = send()?;
            if response.status != 200 {
                return Ok((response, Vec::new()));
            }
            let announced = response.content_length();
            let error = match response.read_whole(limit) {
                Ok(bytes) if announced.is_none_or(|announced| announced == bytes.len() as u64) => {
                    return Ok((response, bytes));
                }
                Ok(bytes) => {
                    let expected = announced.unwrap_or_default();
                    HttpError::Broken(format!("the body ended after {} of {expected} bytes", bytes.len()))
                }
                Err(error) => error,
            };
            if retried >= self.retries() || !self.is_retryable(&error) {
                return Err(self.failed(error, request));
            }
            self.wait(retried, None)?;
            retried += 1;
        }
    }

    /// Returns whether the same call may succeed if it is retried.
    pub(super) fn is_retryable(&self, error: &HttpError) -> bool {
        match error {
            HttpError::Broken(_) | HttpError::Stalled => true,
            HttpError::Unreachable(_) => self.reached.load(Ordering::Relaxed),
            HttpError::Unexpected(_) => false,
        }
    }

    /// Waits before the next attempt: for `retry_after` if the server sent one, otherwise twice as long after each
    /// attempt.
    ///
    /// # Errors
    /// [`RegistryError::Interrupted`] as soon as the stop signal is received.
    pub(super) fn wait(&self, retried: u32, retry_after: Option<Duration>) -> Result<(), RegistryError> {
        if self.connections.wait(retried, retry_after) { Ok(()) } else { Err(RegistryError::Interrupted) }
    }

    fn out_of_attempts(
        &self,
        response: Response,
        request: &str,
        attempt: u32,
        wait: Option<Duration>,
    ) -> RegistryError {
        let is_limit = response.status == 429;
        let wait = wait.map_or(String::new(), |wait| format!(", retry after {} s", wait.as_secs()));
        if !is_limit {
            let mut error = self.refused(response, request);
            if let RegistryError::Failed { problem, .. } = &mut error {
                problem.append(&wait);
            }
            return error;
        }
        let problem = format!("{wait}, attempt {}", attempt + 1);
        RegistryError::RateLimited { host: self.host.clone(), request: request.to_owned(), problem }
    }

    /// The URL in the `Location` header of a response.
    ///
    /// # Errors
    /// If the header is missing or invalid, or the URL is on a host that may not be contacted.
    pub(super) fn location(&self, response: &Response, request: &str) -> Result<Url, RegistryError> {
        let url = self.target(response, request)?;
        self.check_target(&url, request)?;
        Ok(url)
    }

    /// The URL in the `Location` header of a response, which may be on any host.
    ///
    /// # Errors
    /// If the header is missing or invalid.
    pub(super) fn target(&self, response: &Response, request: &str) -> Result<Url, RegistryError> {
        let location = response.header(header::LOCATION).ok_or_else(|| {
            self.unexpected(request, format!("status {} without a Location header", response.status))
        })?;
        let url = response.url.join(location).map_err(|error| {
            self.unexpected(request, format!("invalid Location header {}: {error}", bounded(location)))
        })?;
        Ok(self.over_https(url))
    }

    /// A URL of this registry with the scheme that the registry is contacted with. A registry behind a proxy for TLS may
    /// not know that it is reached over HTTPS, and refers to itself with `http`. Other URLs are returned as they are.
    pub(super) fn over_https(&self, mut url: Url) -> Url {
        let is_same_place = url.host_str() == self.base.host_str()
            && (url.port() == self.base.port() || url.port() == self.base.port_or_known_default());
        if self.base.scheme() == "https" && url.scheme() == "http" && is_same_place {
            // Fails only for other schemes.
            let _ = url.set_scheme("https");
        }
        url
    }

    /// Refuses URLs that may not be contacted. URLs of the registry are allowed; other hosts only over HTTPS and if the
    /// settings allow them.
    pub(super) fn check_target(&self, url: &Url, request: &str) -> Result<(), RegistryError> {
        // Omit the user name and password, because they may grant access.
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        let target = format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default());
        let refused = |cause: HostRefusal| RegistryError::OtherHost {
            host: self.host.clone(),
            other: bounded(&target),
            request: request.to_owned(),
            cause,
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused(HostRefusal::Credentials));
        }
        if self.is_own(url) {
            return Ok(());
        }
        let host: Host = Host::of(url).ok_or_else(|| refused(HostRefusal::NoHost))?;
        match url.scheme() {
            "https" => {}
            "http" if self.settings.plain_http.contains(&host) => {}
            // Only a registry on loopback without TLS may refer to another port of this machine over HTTP.
            "http"
                if self.base.scheme() == "http"
                    && self.host.is_loopback()
                    && is_loopback_name(host.name()) => {}
            "http" if url.host_str() == self.base.host_str() => {
                return Err(refused(HostRefusal::OwnNotHttps));
            }
            _ => return Err(refused(HostRefusal::NotHttps)),
        }
        match &self.settings.reach {
            Reach::Anywhere => Ok(()),
            Reach::Only(hosts) if hosts.contains(&host) => Ok(()),
            Reach::Only(_) => Err(refused(HostRefusal::NotAllowed)),
        }
    }

    /// Returns whether a URL is on the registry itself: same scheme, host and port.
    pub(super) fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// The error for a response with an error status.
    pub(super) fn refused(&self, response: Response, request: &str) -> RegistryError {
        let (host, status) = (self.host.clone(), response.status);
        let elsewhere = Host::of(&response.url).filter(|_| !self.is_own(&response.url));
        let request = match &elsewhere {
            Some(other) if status != 401 => format!("{request} at {other}"),
            _ => request.to_owned(),
        };
        let problem = Problem::of(response);
        match status {
            401 => RegistryError::Unauthorized { host, elsewhere, request, problem },
            403 => RegistryError::Denied { host, request, problem },
            429 => RegistryError::RateLimited { host, request, problem: format!(": {problem}") },
            _ => RegistryError::Failed { host, status, request, problem },
        }
    }

    /// The error for an invalid response.
    pub(super) fn unexpected(&self, request: &str, problem: impl Into<String>) -> RegistryError {
        RegistryError::Protocol {
            host: self.host.clone(),
            request: request.to_owned(),
            problem: problem.into(),
        }
    }

    /// The error for a call that got no usable response.
    pub(super) fn failed(&self, error: HttpError, request: &str) -> RegistryError {
        // A stop signal breaks connections with various errors. Report the signal instead.
        if let Err(interrupted) = self.check_stop() {
            return interrupted;
        }
        let (host, request) = (self.host.clone(), request.to_owned());
        match error {
            HttpError::Unreachable(cause) => {
                let api = hub::api_host(&host);
                let host = if api == host { host.to_string() } else { format!("{api} (for {host})") };
                RegistryError::Unreachable { host, cause }
            }
            HttpError::Broken(problem) => RegistryError::Broken { host, request, problem },
            HttpError::Stalled => RegistryError::Stalled {
                host,
                request,
                bytes: PACE_BYTES_MIN,
                seconds: self.connections.stall().as_secs(),
            },
            HttpError::Unexpected(problem) => RegistryError::Protocol { host, request, problem },
        }
    }
}
