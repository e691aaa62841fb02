//! Sends requests to a store, again after temporary failures.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::StorageError;
use crate::http::{
    Addresses, Call, Client, Connections, HttpError, Permit, Response, Route, WAIT_MAX, is_temporary,
};

/// The connections to one host, and how often a request is sent.
pub(super) struct Attempts {
    /// The host, for messages.
    host: String,
    client: Client,
    connections: Arc<Connections>,
    /// Whether the host has responded. Only then are connections that cannot be opened tried again.
    reached: AtomicBool,
}

impl Attempts {
    /// Opens no connection yet. Loopback and link-local hosts need [`Route::Direct`].
    pub(super) fn new(
        host: &str,
        route: Route,
        connections: &Arc<Connections>,
    ) -> Result<Attempts, StorageError> {
        let client = Client::new(connections, route, Addresses::Any)?;
        let (host, connections) = (host.to_owned(), Arc::clone(connections));
        Ok(Attempts { host, client, connections, reached: AtomicBool::new(false) })
    }

    /// Waits until another transfer may start, and returns its permit.
    pub(super) fn permit(&self) -> Permit {
        self.connections.permit()
    }

    /// The largest number of retries.
    pub(super) fn retries(&self) -> u32 {
        self.connections.retries()
    }

    /// Waits before attempt number `attempt` + 1, counted from 0.
    ///
    /// # Errors
    /// [`StorageError::Interrupted`] after a stop signal.
    pub(super) fn wait(&self, attempt: u32, asked: Option<Duration>) -> Result<(), StorageError> {
        if self.connections.wait(attempt, asked) { Ok(()) } else { Err(StorageError::Interrupted) }
    }

    /// Sends a call that `make` builds anew for each attempt, because its date and signature change, until the response
    /// has a status that is not temporary. After the last attempt it returns the response as it is: its body may say why.
    ///
    /// # Errors
    /// If there is no response.
    pub(super) fn send<'a>(
        &self,
        make: &mut dyn FnMut() -> Result<Call<'a>, StorageError>,
    ) -> Result<Response, StorageError> {
        let mut attempt = 0;
        loop {
            if self.connections.is_stopped() {
                return Err(StorageError::Interrupted);
            }
            let mut call = make()?;
            let request = call.describe();
            let wait = match self.client.send(&mut call, None) {
                Ok(response) => {
                    self.reached.store(true, Ordering::Relaxed);
                    let asked = response.retry_after();
                    let too_long = asked.is_some_and(|wait| wait > WAIT_MAX);
                    if !is_temporary(response.status) || attempt >= self.retries() || too_long {
                        return Ok(response);
                    }
                    response.discard();
                    asked
                }
                Err(error) => {
                    if attempt >= self.retries() || !self.is_retryable(&error) {
                        return Err(self.failed(error, &request));
                    }
                    None
                }
            };
            self.wait(attempt, wait)?;
            attempt += 1;
        }
    }

    fn is_retryable(&self, error: &HttpError) -> bool {
        match error {
            HttpError::Broken(_) | HttpError::Stalled => true,
            HttpError::Unreachable(_) => self.reached.load(Ordering::Relaxed),
            HttpError::Unexpected(_) => false,
        }
    }

    /// The error for a call, or a body, that brought no usable response.
    pub(super) fn failed(&self, error: HttpError, request: &str) -> StorageError {
        if self.connections.is_stopped() {
            return StorageError::Interrupted;
        }
        let (host, request) = (self.host.clone(), request.to_owned());
        match error {
            HttpError::Unreachable(cause) => StorageError::Unreachable { host, cause },
            HttpError::Broken(problem) => StorageError::Broken { host, request, problem },
            HttpError::Stalled => StorageError::Stalled { host, request },
            HttpError::Unexpected(problem) => StorageError::Protocol { place: host, request, problem },
        }
    }
}
