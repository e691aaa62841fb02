//! Requests to the endpoints that give keys or tokens to a machine, a container or an identity.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::StorageError;
use crate::http::{Addresses, Call, Client, Connections, Response, Route, header};

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

/// Sends a call to the endpoint `what` and returns its status and the text of its answer.
pub(super) fn ask(client: &Client, what: &str, call: Call<'_>) -> Result<(u16, String), StorageError> {
    let (status, _, text) = ask_response(client, what, call, &header::CONTENT_TYPE)?;
    Ok((status, text))
}

/// Like [`ask`], with the value of a header of the answer.
pub(super) fn ask_response(
    client: &Client,
    what: &str,
    mut call: Call<'_>,
    name: &header::HeaderName,
) -> Result<(u16, Option<String>, String), StorageError> {
    let failed = |error: crate::http::HttpError| setup(what, &error.to_string());
    let response: Response = client.send(&mut call, None).map_err(failed)?;
    let (status, value) = (response.status, response.header(name).map(str::to_owned));
    let bytes = response.bytes(ANSWER_BYTES_MAX).map_err(failed)?;
    let text = String::from_utf8(bytes).map_err(|_| setup(what, "its answer is not UTF-8"))?;
    Ok((status, value, text))
}

/// The error for something that gives access and cannot be used.
pub(super) fn setup(what: &str, problem: &str) -> StorageError {
    StorageError::Setup { what: what.to_owned(), problem: problem.to_owned(), advice: None }
}
