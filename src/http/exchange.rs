//! One request and its response over HTTP/1.1: no redirects and no retries. Everything in a response is checked.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use ureq::http::{HeaderMap, Method, Request, header};
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _, TcpConnector};
use ureq::{Agent, Body, SendBody};
use url::Url;

use super::body::{RequestBody, ResponseBody};
use super::connections::{Connections, STOP_CHECK};
use super::resolver::{Addresses, NameResolver};
use super::throttle::Throttle;
use super::tls::tls_config;
use super::tls_connector::TlsConnector;
use super::{HttpError, SetupError};

/// Maximum size in bytes of a response that is read into memory and is not a document: a list, token or error.
pub(crate) const LIST_BYTES_MAX: u64 = 8 << 20;

/// A body may take `BODY_STALLS` times the stall limit, plus the limit once for each `BYTES_PER_STALL` bytes.
const BODY_STALLS: u32 = 5;
const BYTES_PER_STALL: u64 = 16 << 10;

/// How many bytes of an unused response body are read so that the connection can be reused.
const DISCARD_BYTES_MAX: u64 = 64 << 10;

/// A request to a server.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(header::HeaderName, String)>,
    pub(crate) payload: Payload<'a>,
    /// The expected size of the response body in bytes. A larger body is given more time.
    pub(crate) response_bytes: u64,
}

/// The body of a request.
pub(crate) enum Payload<'a> {
    /// The request has no body.
    Empty,
    /// Bytes in memory. They can be sent again.
    Bytes(&'a [u8]),
    /// This number of bytes from a reader. They cannot be sent again.
    Stream(u64, &'a mut (dyn Read + Send)),
}

impl<'a> Call<'a> {
    pub(crate) fn new(method: Method, url: Url) -> Call<'a> {
        Call { method, url, headers: Vec::new(), payload: Payload::Empty, response_bytes: LIST_BYTES_MAX }
    }

    pub(crate) fn with(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The method and path, for messages. The query is omitted because it may contain a signature that grants access.
    pub(crate) fn describe(&self) -> String {
        format!("{} {}", self.method, self.url.path())
    }
}

/// Reads a date in an HTTP header (RFC 9110, section 5.6.7), in seconds since 1970; `None` if it is none, or earlier.
pub(crate) fn date_seconds(text: &str) -> Option<u64> {
    let time = httpdate::parse_http_date(text.trim()).ok()?;
    time.duration_since(std::time::UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// Writes a time in seconds since 1970 as HTTP headers have it.
pub(crate) fn date_text(seconds: u64) -> String {
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// A response, whose body is read separately.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The requested URL, after redirects.
    pub(crate) url: Url,
    pub(crate) body: ResponseBody,
}

impl Response {
    /// The value of a header as text; `None` if it is missing or not printable ASCII.
    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The `Content-Length` in bytes.
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.header(header::CONTENT_LENGTH)?.trim().parse().ok()
    }

    /// The media type in lower case, without parameters.
    pub(crate) fn content_type(&self) -> Option<String> {
        let text = self.header(header::CONTENT_TYPE)?.split(';').next()?.trim().to_ascii_lowercase();
        (!text.is_empty()).then_some(text)
    }

    /// The wait that the server asks for in `Retry-After` (RFC 9110, section 10.2.3). A date counts from the `Date` of
    /// the same response, because the clock of this machine may be wrong; without one, and in the past, it says nothing.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let text = self.header(header::RETRY_AFTER)?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let now = httpdate::parse_http_date(self.header(header::DATE)?).ok()?;
        let wait = httpdate::parse_http_date(text).ok()?.duration_since(now).ok()?;
        (!wait.is_zero()).then_some(wait)
    }

    /// Reads the whole body.
    ///
    /// # Errors
    /// [`HttpError::Unexpected`] if the `Content-Length` or the body exceeds `limit` bytes.
    pub(crate) fn bytes(mut self, limit: u64) -> Result<Vec<u8>, HttpError> {
        self.read_whole(limit)
    }

    /// Reads the whole body, and keeps the rest of the response.
    ///
    /// # Errors
    /// As [`Response::bytes`].
    pub(crate) fn read_whole(&mut self, limit: u64) -> Result<Vec<u8>, HttpError> {
        match self.content_length() {
            Some(bytes) if bytes > limit => {
                Err(HttpError::Unexpected(format!("Content-Length is {bytes} bytes, the limit is {limit}")))
            }
            _ => self.body.read_whole(limit),
        }
    }

    /// Reads the rest of a small body, so that the connection can be reused.
    pub(crate) fn discard(self) {
        let _ = io::copy(&mut self.body.take(DISCARD_BYTES_MAX), &mut io::sink());
    }
}

/// Whether connections use the proxy of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Through the proxy, if one is set.
    Proxied,
    /// Directly to the host.
    Direct,
}

/// Sends calls and returns their responses.
pub(crate) struct Client {
    agent: Agent,
    throttle: Arc<Throttle>,
    stall: Duration,
    stop: Arc<AtomicBool>,
    /// Keeps the thread alive that waits for the stop signal.
    _in_use: Arc<()>,
}

/// Closes all connections on the stop signal, so that callers that wait for a response return at once. If no thread
/// can be started, they return when their wait ends.
fn close_on_stop(agent: Agent, in_use: Weak<()>, stop: Arc<AtomicBool>) {
    let watch = move || {
        while in_use.strong_count() > 0 {
            if stop.load(Ordering::Relaxed) {
                return agent.shutdown();
            }
            std::thread::sleep(STOP_CHECK);
        }
    };
    let _ = std::thread::Builder::new().name("http-stop".to_owned()).spawn(watch);
}

impl Client {
    /// Creates a client with its own connection pool.
    ///
    /// # Errors
    /// [`SetupError`] if a certificate or key cannot be used.
    pub(crate) fn new(
        connections: &Connections,
        route: Route,
        addresses: Addresses,
    ) -> Result<Client, SetupError> {
        let settings = &connections.settings;
        let proxy = match route {
            Route::Proxied => settings.proxy.as_ref().map(super::Proxy::to_ureq),
            Route::Direct => None,
        };
        // By default the builder reads a proxy from the environment, so `proxy` must always be set.
        let config = Agent::config_builder()
            .proxy(proxy)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // A body that is decoded in transit has another digest.
            .accept_encoding("identity")
            .user_agent(concat!("carnet/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(settings.stall))
            .timeout_connect(Some(settings.stall))
            .timeout_per_read(Some(settings.stall))
            .timeout_per_write(Some(settings.stall))
            // Headers that arrive too slowly count as a stall too.
            .timeout_recv_response(Some(settings.stall))
            .timeout_recv_body(Some(settings.stall * BODY_STALLS))
            .max_idle_connections(settings.connections.get() * 2)
            .max_idle_connections_per_host(settings.connections.get())
            .build();
        let connector =
            ().chain(ConnectProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(TlsConnector::new(tls_config(settings)?));
        let agent = Agent::with_parts(config, connector, NameResolver::new(addresses));
        let (stop, in_use) = (Arc::clone(connections.stop()), Arc::new(()));
        close_on_stop(agent.clone(), Arc::downgrade(&in_use), Arc::clone(&stop));
        let throttle = Arc::clone(&connections.throttle);
        Ok(Client { agent, throttle, stall: settings.stall, stop, _in_use: in_use })
    }

    /// Sends a call, once.
    pub(crate) fn send(
        &self,
        call: &mut Call<'_>,
        authorization: Option<&str>,
    ) -> Result<Response, HttpError> {
        let mut request = Request::builder().method(call.method.clone()).uri(call.url.as_str());
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let unusable = |error: ureq::http::Error| HttpError::unexpected(&error);
        let response = match &mut call.payload {
            Payload::Empty => {
                // With these methods an empty body must be announced.
                if matches!(call.method, Method::POST | Method::PUT | Method::PATCH) {
                    request = request.header(header::CONTENT_LENGTH, 0);
                }
                self.run(request.body(SendBody::none()).map_err(unusable)?, call.response_bytes)
            }
            Payload::Bytes(bytes) => {
                request = request.header(header::CONTENT_LENGTH, bytes.len());
                let mut reader = RequestBody { reader: *bytes, throttle: &self.throttle, stop: &self.stop };
                self.run(
                    request.body(SendBody::from_reader(&mut reader)).map_err(unusable)?,
                    call.response_bytes,
                )
            }
            Payload::Stream(bytes, reader) => {
                request = request.header(header::CONTENT_LENGTH, *bytes);
                let mut reader =
                    RequestBody { reader: reader.take(*bytes), throttle: &self.throttle, stop: &self.stop };
                self.run(
                    request.body(SendBody::from_reader(&mut reader)).map_err(unusable)?,
                    call.response_bytes,
                )
            }
        };
        let (parts, body) = response.map_err(HttpError::of)?.into_parts();
        Ok(Response {
            status: parts.status.as_u16(),
            headers: parts.headers,
            url: call.url.clone(),
            body: ResponseBody::new(body, Arc::clone(&self.throttle), self.stall),
        })
    }

    /// Sends the request with a time limit that grows with the size of the body. `Pace` detects slow bodies; this limit
    /// also ends transfers in which no body bytes arrive, such as endless trailers.
    fn run(
        &self,
        request: Request<SendBody<'_>>,
        bytes: u64,
    ) -> Result<ureq::http::Response<Body>, ureq::Error> {
        if bytes <= LIST_BYTES_MAX {
            return self.agent.run(request);
        }
        let stalls = u32::try_from(bytes / BYTES_PER_STALL).unwrap_or(u32::MAX).saturating_add(BODY_STALLS);
        let time = self.stall.checked_mul(stalls);
        self.agent.run(self.agent.configure_request(request).timeout_recv_body(time).build())
    }
}
