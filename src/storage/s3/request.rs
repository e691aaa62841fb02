//! Requests to a bucket: they are signed, sent, and sent again, and what the store says becomes an error.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::credentials::Credentials;
use super::endpoint::Endpoint;
use super::problem::Problem;
use super::signing::{EMPTY_SHA256, sign};
use crate::clock::Clock;
use crate::http::{Call, Connections, HeaderName, LIST_BYTES_MAX, Method, Payload, Response};
use crate::storage::percent::query;
use crate::storage::{Attempts, Permission, Refusal, Settings, StorageError};

/// What sends requests to a bucket.
pub(super) struct Requests {
    /// `s3://BUCKET`, for messages.
    pub(super) name: String,
    endpoint: Endpoint,
    pub(super) credentials: Credentials,
    pub(super) attempts: Attempts,
    pub(super) clock: Arc<dyn Clock>,
}

/// A request before it is signed.
pub(super) struct Wanted<'a> {
    pub(super) method: Method,
    pub(super) key: &'a str,
    pub(super) query: String,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: &'a [u8],
    /// The size of the response body in bytes, if it may be large.
    pub(super) response_bytes: u64,
    /// What the request needs, for messages.
    pub(super) needed: Permission,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(method: Method, key: &'a str, needed: Permission) -> Wanted<'a> {
        let (query, headers, body): (String, _, &[u8]) = (String::new(), Vec::new(), &[]);
        Wanted { method, key, query, headers, body, response_bytes: LIST_BYTES_MAX, needed }
    }

    pub(super) fn query(mut self, parameters: &[(&str, &str)]) -> Self {
        self.query = query(parameters);
        self
    }

    pub(super) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, body: &'a [u8]) -> Self {
        self.body = body;
        self
    }
}

impl Requests {
    /// Looks up the credentials and the endpoint. Nothing is requested from the bucket yet.
    pub(super) fn open(bucket: &str, settings: &Settings) -> Result<Requests, StorageError> {
        let mut http = settings.http.clone();
        if http.ca.is_none() {
            http.ca = settings.variables.get("AWS_CA_BUNDLE").map(Into::into);
        }
        let connections = Arc::new(Connections::new(http));
        let credentials = Credentials::find(settings, &connections)?;
        let (region, url) = (credentials.region(), credentials.endpoint_url());
        let endpoint = Endpoint::new(bucket, &settings.variables, region, url)?;
        let attempts = Attempts::new(&endpoint.host, endpoint.route, &connections)?;
        let (name, clock) = (format!("s3://{bucket}"), Arc::clone(&settings.clock));
        Ok(Requests { name, endpoint, credentials, attempts, clock })
    }

    /// The method and path of a request, for messages.
    pub(super) fn describe(&self, wanted: &Wanted<'_>) -> String {
        format!("{} {}", wanted.method, self.endpoint.url(&self.endpoint.region(), wanted.key, "").path())
    }

    /// Sends a request. It is sent once more in another region if the store names one, and if the bytes got lost or
    /// changed on the way. Returns the response if it says success, otherwise what the store says.
    pub(super) fn send(&self, wanted: &Wanted<'_>) -> Result<Result<Response, Problem>, StorageError> {
        let mut is_again = false;
        loop {
            let region = self.endpoint.region();
            let response = self.send_in(&region, wanted)?;
            if (200..300).contains(&response.status) {
                return Ok(Ok(response));
            }
            let problem = Problem::of(response);
            let named = problem.region.as_deref().filter(|_| matches!(problem.status, 301 | 307 | 400));
            let is_other = named.is_some_and(|named| self.endpoint.correct_region(&region, named));
            if is_again || !(is_other || problem.is_of_transfer()) {
                return Ok(Err(problem));
            }
            is_again = true;
        }
    }

    fn send_in(&self, region: &str, wanted: &Wanted<'_>) -> Result<Response, StorageError> {
        let hash = if wanted.body.is_empty() {
            EMPTY_SHA256.to_owned()
        } else {
            hex::encode(Sha256::digest(wanted.body))
        };
        self.attempts.send(&mut || {
            let url = self.endpoint.url(region, wanted.key, &wanted.query);
            let mut call = Call::new(wanted.method.clone(), url);
            call.headers.clone_from(&wanted.headers);
            call.response_bytes = wanted.response_bytes;
            if !wanted.body.is_empty() {
                call.payload = Payload::Bytes(wanted.body);
            }
            let keys = self.credentials.keys()?;
            sign(&mut call, &keys, region, self.clock.now(), &hash);
            Ok(call)
        })
    }

    /// Sends a request that has to succeed.
    pub(super) fn demand(&self, wanted: &Wanted<'_>) -> Result<Response, StorageError> {
        self.send(wanted)?.map_err(|problem| self.error(&problem, wanted))
    }

    /// Requests a document, again if the connection ends within it.
    pub(super) fn document(&self, wanted: &Wanted<'_>) -> Result<String, StorageError> {
        let mut attempt = 0;
        loop {
            match self.text(self.demand(wanted)?, wanted) {
                Err(StorageError::Broken { .. } | StorageError::Stalled { .. })
                    if attempt < self.attempts.retries() => {}
                result => return result,
            }
            self.attempts.wait(attempt, None)?;
            attempt += 1;
        }
    }

    /// The error for what the store says.
    pub(super) fn error(&self, problem: &Problem, wanted: &Wanted<'_>) -> StorageError {
        let (place, request) = (self.name.clone(), self.describe(wanted));
        let text = problem.text(wanted.needed, &self.clock.now().to_string());
        match problem.refusal(wanted.needed) {
            Some(refusal) => StorageError::Refused { place, request, refusal, problem: text },
            None => StorageError::Failed { place, status: problem.status, request, problem: text },
        }
    }

    pub(super) fn unexpected(&self, wanted: &Wanted<'_>, problem: impl Into<String>) -> StorageError {
        let (place, request) = (self.name.clone(), self.describe(wanted));
        StorageError::Protocol { place, request, problem: problem.into() }
    }

    /// Reads a whole response body of text.
    pub(super) fn text(&self, response: Response, wanted: &Wanted<'_>) -> Result<String, StorageError> {
        let request = self.describe(wanted);
        let bytes = response.bytes(LIST_BYTES_MAX).map_err(|error| self.attempts.failed(error, &request))?;
        String::from_utf8(bytes).map_err(|_| self.unexpected(wanted, "the body is not UTF-8"))
    }

    pub(super) fn changed(&self, wanted: &Wanted<'_>) -> StorageError {
        let (place, request) = (self.name.clone(), self.describe(wanted));
        let problem = "the object has changed since it was found".to_owned();
        StorageError::Refused { place, request, refusal: Refusal::Changed, problem }
    }
}
