//! Requests to the endpoints that give keys to a machine or a container. They are near and answer at once.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::setup;
use crate::http::{Addresses, Call, Client, Connections, Response, Route};
use crate::storage::StorageError;

/// Time limit for an endpoint of the machine itself. Where there is none, nothing answers.
const TIME_MAX: Duration = Duration::from_secs(2);

/// Maximum size of an answer in bytes.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// A client for endpoints of the machine: no proxy, and little patience.
pub(super) fn near_client(connections: &Connections) -> Result<Client, StorageError> {
    let mut settings = connections.settings().clone();
    settings.stall = TIME_MAX.min(settings.stall);
    Ok(Client::new(&Connections::new(settings), Route::Direct, Addresses::Any)?)
}

/// A client for endpoints on other hosts.
pub(super) fn far_client(connections: &Arc<Connections>, url: &Url) -> Result<Client, StorageError> {
    let is_loopback = url.host_str().is_some_and(crate::http::is_loopback_name);
    let route = if is_loopback { Route::Direct } else { Route::Proxied };
    Ok(Client::new(connections, route, Addresses::Any)?)
}

/// Sends a call to the endpoint `what` and returns the text of its answer and its status.
pub(super) fn ask(client: &Client, what: &str, mut call: Call<'_>) -> Result<(u16, String), StorageError> {
    let failed = |error: crate::http::HttpError| setup(what, &error.to_string());
    let response: Response = client.send(&mut call, None).map_err(failed)?;
    let status = response.status;
    let bytes = response.bytes(ANSWER_BYTES_MAX).map_err(failed)?;
    Ok((status, String::from_utf8(bytes).map_err(|_| setup(what, "its answer is not UTF-8"))?))
}
