//! Requests to a container: signed, sent again after temporary failures, and their errors in words.

use std::sync::Arc;

use url::Url;

use super::access::{Access, is_loopback};
use super::problem::Problem;
use super::sas;
use crate::clock::Clock;
use crate::http::{
    Call, Connections, HeaderName, LIST_BYTES_MAX, Method, Payload, Response, Route, address_towards,
    date_text, header,
};
use crate::storage::percent::{encoded, query};
use crate::storage::{Attempts, Permission, Settings, StorageError};

/// The version of the service that requests are written for.
const VERSION: &str = "2021-12-02";

/// A request before it is signed.
pub(super) struct Wanted<'a> {
    method: Method,
    key: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    headers: Vec<(HeaderName, String)>,
    body: &'a [u8],
    /// The size of the response body in bytes, if it may be large.
    pub(super) response_bytes: u64,
    /// What the request needs.
    pub(super) needed: Permission,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(method: Method, key: &'a str, needed: Permission) -> Wanted<'a> {
        let (parameters, headers, body): (_, _, &[u8]) = (Vec::new(), Vec::new(), &[]);
        Wanted { method, key, parameters, headers, body, response_bytes: LIST_BYTES_MAX, needed }
    }

    pub(super) fn query(mut self, parameters: &[(&'a str, &'a str)]) -> Self {
        self.parameters.extend(parameters);
        self
    }

    pub(super) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn with_own(self, name: &'static str, value: impl Into<String>) -> Self {
        self.with(HeaderName::from_static(name), value)
    }

    pub(super) fn body(mut self, body: &'a [u8]) -> Self {
        self.body = body;
        self
    }
}

/// Sends requests to a container.
pub(super) struct Requests {
    /// `az://ACCOUNT/CONTAINER`, for messages.
    pub(super) name: String,
    /// The URL of the container, without a slash at its end.
    base: String,
    is_https: bool,
    is_proxied: bool,
    pub(super) access: Access,
    pub(super) attempts: Attempts,
    pub(super) clock: Arc<dyn Clock>,
}

impl Requests {
    /// Looks up what gives access. Nothing is requested from the container yet.
    pub(super) fn open(
        account: &str,
        service: Option<&Url>,
        container: &str,
        settings: &Settings,
    ) -> Result<Requests, StorageError> {
        let connections = Arc::new(Connections::new(settings.http.clone()));
        let (access, service) = Access::find(account, service, settings, &connections)?;
        let host = service.host_str().unwrap_or_default().to_owned();
        let route = if is_loopback(&service) { Route::Direct } else { Route::Proxied };
        Ok(Requests {
            name: format!("az://{account}/{container}"),
            base: format!("{service}{}", encoded(container, false)),
            is_https: service.scheme() == "https",
            is_proxied: matches!(route, Route::Proxied) && settings.http.proxy.is_some(),
            access,
            attempts: Attempts::new(&host, route, &connections)?,
            clock: Arc::clone(&settings.clock),
        })
    }

    /// Checks without a request that the access can do all of this, as far as that can be known.
    pub(super) fn check_access(&self, needed: &[Permission]) -> Result<(), StorageError> {
        let Access::Sas(token) = &self.access else { return Ok(()) };
        token.check(needed, self.clock.now(), self.is_https).map_err(|(refusal, problem)| {
            StorageError::Access { what: sas::WHAT.to_owned(), place: self.name.clone(), problem, refusal }
        })
    }

    /// What gives access, in words.
    pub(super) fn access_text(&self) -> String {
        match &self.access {
            Access::Sas(token) => {
                let doubt = self.address_doubt().map_or(String::new(), |doubt| format!(" ({doubt})"));
                format!("{}{doubt}", token.summary())
            }
            Access::Key(_) => "the account key".to_owned(),
            Access::Identity(identity) => identity.name(),
        }
    }

    pub(super) fn path_url(&self, key: &str) -> Url {
        let slash = if key.is_empty() { "" } else { "/" };
        let text = format!("{}{slash}{}", self.base, encoded(key, true));
        Url::parse(&text).expect("a service URL that was checked, and an encoded path")
    }

    /// The method and path of a request, for messages.
    pub(super) fn describe(&self, wanted: &Wanted<'_>) -> String {
        format!("{} {}", wanted.method, self.path_url(wanted.key).path())
    }

    /// Sends a request, with a new token if the store refuses the first one, and once more if its body changed on the way.
    pub(super) fn send(&self, wanted: &Wanted<'_>) -> Result<Response, StorageError> {
        self.check_access(&[wanted.needed])?;
        let mut response = self.send_once(wanted)?;
        if response.header("x-ms-error-code") == Some("Md5Mismatch") {
            response.discard();
            response = self.send_once(wanted)?;
        }
        if let (401, Access::Identity(identity)) = (response.status, &self.access) {
            response.discard();
            identity.forget();
            return self.send_once(wanted);
        }
        Ok(response)
    }

    fn send_once(&self, wanted: &Wanted<'_>) -> Result<Response, StorageError> {
        self.attempts.send(&mut || {
            let mut url = self.path_url(wanted.key);
            let mut text = query(&wanted.parameters);
            if let Access::Sas(token) = &self.access {
                text = if text.is_empty() {
                    token.query().to_owned()
                } else {
                    format!("{text}&{}", token.query())
                };
            }
            url.set_query(Some(&text).filter(|text| !text.is_empty()).map(String::as_str));
            let mut call = Call::new(wanted.method.clone(), url);
            call.headers.clone_from(&wanted.headers);
            call.headers.push((HeaderName::from_static("x-ms-version"), VERSION.to_owned()));
            let now = u64::try_from(self.clock.now().get().as_second()).unwrap_or(0);
            call.headers.push((HeaderName::from_static("x-ms-date"), date_text(now)));
            call.response_bytes = wanted.response_bytes;
            if !wanted.body.is_empty() {
                call.payload = Payload::Bytes(wanted.body);
            }
            match &self.access {
                Access::Sas(_) => {}
                Access::Key(key) => key.sign(&mut call, &wanted.parameters),
                Access::Identity(identity) => {
                    let token = identity.token()?;
                    call.headers.push((header::AUTHORIZATION, format!("Bearer {}", token.as_str())));
                }
            }
            Ok(call)
        })
    }

    /// Requests a document, again if the connection ends within it.
    pub(super) fn document(&self, wanted: &Wanted<'_>) -> Result<String, StorageError> {
        let request = self.describe(wanted);
        let mut attempt = 0;
        loop {
            let response = self.send(wanted)?;
            if response.status != 200 {
                return Err(self.refused(response, wanted));
            }
            let bytes = response.bytes(LIST_BYTES_MAX).map_err(|error| self.attempts.failed(error, &request));
            match bytes {
                Ok(bytes) => {
                    return String::from_utf8(bytes)
                        .map_err(|_| self.unexpected(wanted, "the body is not UTF-8"));
                }
                Err(StorageError::Broken { .. } | StorageError::Stalled { .. })
                    if attempt < self.attempts.retries() => {}
                Err(error) => return Err(error),
            }
            self.attempts.wait(attempt, None)?;
            attempt += 1;
        }
    }

    /// The error for a response with an error status.
    pub(super) fn refused(&self, response: Response, wanted: &Wanted<'_>) -> StorageError {
        self.error(&Problem::of(response), wanted)
    }

    pub(super) fn error(&self, problem: &Problem, wanted: &Wanted<'_>) -> StorageError {
        let (place, request) = (self.name.clone(), self.describe(wanted));
        let (refusal, mut text) = problem.explain(&self.access, wanted.needed, self.clock.now());
        if problem.status == 403
            && let Some(doubt) = self.address_doubt()
        {
            text += &format!("; a possible cause: {doubt}");
        }
        match (refusal, text) {
            (Some(refusal), problem) => StorageError::Refused { place, request, refusal, problem },
            (None, text) => StorageError::Failed { place, status: problem.status, request, problem: text },
        }
    }

    /// Why the token may not permit the address of this machine. A proxy has another one, which is not known.
    fn address_doubt(&self) -> Option<String> {
        let Access::Sas(token) = &self.access else { return None };
        if self.is_proxied || !token.has_addresses() {
            return None;
        }
        token.address_doubt(address_towards(&self.path_url(""))?)
    }

    pub(super) fn unexpected(&self, wanted: &Wanted<'_>, problem: impl Into<String>) -> StorageError {
        let (place, request) = (self.name.clone(), self.describe(wanted));
        StorageError::Protocol { place, request, problem: problem.into() }
    }
}
