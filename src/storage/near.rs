//! Requests to the endpoints that give keys or tokens to a machine, a container, a role or an identity.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use url::Url;
use zeroize::Zeroizing;

use super::{Attempts, StorageError};
use crate::http::{Call, Connections, HeaderName, Route, header};
use crate::small_file::SmallFile;

/// Time limit for an endpoint of the machine itself. Where there is none, nothing answers.
pub(super) const NEAR_TIME_MAX: Duration = Duration::from_secs(2);

/// The largest number of retries at an endpoint of the machine itself.
const NEAR_RETRIES_MAX: u32 = 2;

/// Maximum size of an answer in bytes.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// An endpoint that gives keys or tokens. Requests are sent again after temporary failures.
pub(super) struct AccessEndpoint {
    attempts: Attempts,
    what: &'static str,
}

/// What an endpoint answered.
pub(super) struct Answer {
    /// The status.
    pub(super) status: u16,
    /// The value of the header that was asked for.
    pub(super) header: Option<String>,
    /// The body.
    pub(super) text: String,
}

impl AccessEndpoint {
    /// An endpoint of the machine: no proxy, and little patience.
    pub(super) fn near(
        what: &'static str,
        url: &Url,
        connections: &Connections,
    ) -> Result<AccessEndpoint, StorageError> {
        let mut settings = connections.settings().clone();
        settings.stall = NEAR_TIME_MAX.min(settings.stall);
        settings.retries = NEAR_RETRIES_MAX.min(settings.retries);
        AccessEndpoint::new(what, url, Route::Direct, &Arc::new(Connections::new(settings)))
    }

    /// An endpoint on another host.
    pub(super) fn far(
        what: &'static str,
        url: &Url,
        connections: &Arc<Connections>,
    ) -> Result<AccessEndpoint, StorageError> {
        let is_loopback = url.host_str().is_some_and(crate::http::is_loopback_name);
        let route = if is_loopback { Route::Direct } else { Route::Proxied };
        AccessEndpoint::new(what, url, route, connections)
    }

    fn new(
        what: &'static str,
        url: &Url,
        route: Route,
        connections: &Arc<Connections>,
    ) -> Result<AccessEndpoint, StorageError> {
        let host = url.host_str().unwrap_or_default();
        Ok(AccessEndpoint { attempts: Attempts::new(host, route, connections)?, what })
    }

    /// Sends the call that `make` builds, and returns the status and the text of the answer.
    pub(super) fn ask<'a>(&self, make: &dyn Fn() -> Call<'a>) -> Result<(u16, String), StorageError> {
        let Answer { status, text, .. } = self.ask_with(make, &header::CONTENT_TYPE)?;
        Ok((status, text))
    }

    /// Like [`AccessEndpoint::ask`], with the value of the header `name` of the answer.
    pub(super) fn ask_with<'a>(
        &self,
        make: &dyn Fn() -> Call<'a>,
        name: &HeaderName,
    ) -> Result<Answer, StorageError> {
        let request = make().describe();
        let response = self.attempts.send(&mut || Ok(make()))?;
        let (status, header) = (response.status, response.header(name).map(str::to_owned));
        let bytes =
            response.bytes(ANSWER_BYTES_MAX).map_err(|error| self.attempts.failed(error, &request))?;
        let text = String::from_utf8(bytes).map_err(|_| setup(self.what, "its answer is not UTF-8"))?;
        Ok(Answer { status, header, text })
    }

    /// Waits before attempt number `attempt` + 1 of something that the endpoint refused for now, counted from 0.
    ///
    /// # Errors
    /// [`StorageError::Interrupted`] after a stop signal.
    pub(super) fn wait(&self, attempt: u32, asked: Duration) -> Result<(), StorageError> {
        self.attempts.wait(attempt, Some(asked))
    }
}

/// Reads a secret from a file, without the white space around it.
///
/// # Errors
/// [`StorageError::Setup`] if it cannot be read, has more than `bytes_max` bytes, or is no text.
pub(super) fn secret_in(path: &Path, bytes_max: u64) -> Result<Zeroizing<String>, StorageError> {
    SmallFile::read(path, bytes_max)
        .and_then(|file| file.text().map(|text| Zeroizing::new(text.trim().to_owned())))
        .map_err(|error| setup(&path.display().to_string(), &error.to_string()))
}

/// The error for something that gives access and cannot be used.
pub(super) fn setup(what: &str, problem: &str) -> StorageError {
    StorageError::Setup { what: what.to_owned(), problem: problem.to_owned(), advice: None }
}
