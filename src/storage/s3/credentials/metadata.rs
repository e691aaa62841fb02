//! Requests to the endpoints that give keys to a machine, a container or a role.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::http::{Call, Connections, Route};
use crate::storage::near::setup;
use crate::storage::s3::endpoint::route;
use crate::storage::{Attempts, StorageError};

/// Time limit for an endpoint of the machine itself. Where there is none, nothing answers.
pub(super) const NEAR_TIME_MAX: Duration = Duration::from_secs(2);

/// The largest number of retries at an endpoint of the machine itself.
const NEAR_RETRIES_MAX: u32 = 2;

/// Maximum size of an answer in bytes.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// An endpoint that gives keys.
pub(super) struct KeyEndpoint {
    attempts: Attempts,
    what: &'static str,
}

impl KeyEndpoint {
    /// An endpoint of the machine: no proxy, and little patience.
    pub(super) fn near(
        what: &'static str,
        url: &Url,
        connections: &Connections,
    ) -> Result<KeyEndpoint, StorageError> {
        let mut settings = connections.settings().clone();
        settings.stall = NEAR_TIME_MAX.min(settings.stall);
        settings.retries = NEAR_RETRIES_MAX.min(settings.retries);
        KeyEndpoint::new(what, url, Route::Direct, &Arc::new(Connections::new(settings)))
    }

    /// An endpoint on another host.
    pub(super) fn far(
        what: &'static str,
        url: &Url,
        connections: &Arc<Connections>,
    ) -> Result<KeyEndpoint, StorageError> {
        KeyEndpoint::new(what, url, route(url.host_str().unwrap_or_default()), connections)
    }

    fn new(
        what: &'static str,
        url: &Url,
        route: Route,
        connections: &Arc<Connections>,
    ) -> Result<KeyEndpoint, StorageError> {
        let host = url.host_str().unwrap_or_default();
        Ok(KeyEndpoint { attempts: Attempts::new(host, route, connections)?, what })
    }

    /// Sends the call that `make` builds, and returns the status and the text of the answer.
    pub(super) fn ask<'a>(&self, make: &dyn Fn() -> Call<'a>) -> Result<(u16, String), StorageError> {
        let request = make().describe();
        let response = self.attempts.send(&mut || Ok(make()))?;
        let status = response.status;
        let bytes =
            response.bytes(ANSWER_BYTES_MAX).map_err(|error| self.attempts.failed(error, &request))?;
        Ok((status, String::from_utf8(bytes).map_err(|_| setup(self.what, "its answer is not UTF-8"))?))
    }
}
