//! One request and its answer over HTTP/1.1: no redirects, no retries, nothing believed.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use ureq::http::{HeaderMap, Method, Request, Response, header};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body, SendBody};
use url::Url;

use super::body::{AnswerBody, Outgoing};
use super::connections::{Connections, STOP_CHECK};
use super::resolver::{Addresses, NameResolver};
use super::throttle::Throttle;
use super::tls::tls_config;
use super::{HttpError, SetupError};

/// Largest answer that is read whole and is no document: lists, tokens, errors. In bytes.
pub(crate) const LIST_BYTES_MAX: u64 = 8 << 20;

/// The time that a body may take: the limit of a stall so many times, and once more for each so many bytes.
const BODY_STALLS: u32 = 5;
const BYTES_PER_STALL: u64 = 16 << 10;

/// How much of an answer that nobody wants is read so that the connection can serve again, in bytes.
const DISCARD_BYTES_MAX: u64 = 64 << 10;

/// What is asked.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(header::HeaderName, String)>,
    pub(crate) payload: Payload<'a>,
    /// How many bytes the answer's body may well have.
    pub(crate) answer_bytes: u64,
}

/// What goes along.
pub(crate) enum Payload<'a> {
    /// Nothing.
    Empty,
    /// Bytes at hand, which can be sent again.
    Bytes(&'a [u8]),
    /// So many bytes of a reader, which cannot.
    Stream(u64, &'a mut (dyn Read + Send)),
}

impl<'a> Call<'a> {
    pub(crate) fn new(method: Method, url: Url) -> Call<'a> {
        Call { method, url, headers: Vec::new(), payload: Payload::Empty, answer_bytes: LIST_BYTES_MAX }
    }

    pub(crate) fn with(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// How messages name it. The query is left out: it may be a signature that grants access.
    pub(crate) fn asked(&self) -> String {
        format!("{} {}", self.method, self.url.path())
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Where it came from, after redirects.
    pub(crate) url: Url,
    pub(crate) body: AnswerBody,
}

impl Answer {
    /// A header as text; `None` where it is missing or has odd characters.
    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How many bytes the body is said to have.
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.header(header::CONTENT_LENGTH)?.trim().parse().ok()
    }

    /// The media type, without parameters, in small letters.
    pub(crate) fn content_type(&self) -> Option<String> {
        let text = self.header(header::CONTENT_TYPE)?.split(';').next()?.trim().to_ascii_lowercase();
        (!text.is_empty()).then_some(text)
    }

    /// How long it asks to wait. Dates are not read: a clock at an air gap may be wrong.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let seconds = self.header(header::RETRY_AFTER)?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    /// All of the body.
    ///
    /// # Errors
    /// [`HttpError::Unexpected`] for more than `limit` bytes, announced or sent.
    pub(crate) fn bytes(self, limit: u64) -> Result<Vec<u8>, HttpError> {
        match self.content_length() {
            Some(bytes) if bytes > limit => {
                Err(HttpError::Unexpected(format!("it announces {bytes} bytes, the limit is {limit}")))
            }
            _ => self.body.bytes(limit),
        }
    }

    /// Reads what is left of a small body, so that the connection can serve again.
    pub(crate) fn discard(self) {
        let _ = io::copy(&mut self.body.take(DISCARD_BYTES_MAX), &mut io::sink());
    }
}

/// Whether connections go through the proxy of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Through the proxy, if there is one.
    Proxied,
    /// Straight to the host.
    Direct,
}

/// Sends calls and returns their answers.
pub(crate) struct Client {
    agent: Agent,
    throttle: Arc<Throttle>,
    stall: Duration,
    stop: Arc<AtomicBool>,
    /// Tells the thread that waits for a signal that it is needed.
    _in_use: Arc<()>,
}

/// Ends all connections when a signal comes: a caller that waits for an answer would otherwise wait on. Without a
/// thread for it, that wait just lasts longer.
fn hang_up_on_stop(agent: Agent, in_use: Weak<()>, stop: Arc<AtomicBool>) {
    let watch = move || {
        while in_use.strong_count() > 0 {
            if stop.load(Ordering::Relaxed) {
                return agent.shutdown();
            }
            std::thread::sleep(STOP_CHECK);
        }
    };
    let _ = std::thread::Builder::new().name("look-out".to_owned()).spawn(watch);
}

impl Client {
    /// A client with its own pool of connections.
    ///
    /// # Errors
    /// [`SetupError`] for certificates that cannot be used.
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
        // The builder begins with a proxy that it reads from the environment, so `proxy` must always be set.
        let config = Agent::config_builder()
            .proxy(proxy)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .tls_config(tls_config(settings)?)
            // A body that is decoded on the way has another digest.
            .accept_encoding("identity")
            .user_agent(concat!("carnet/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(settings.stall))
            .timeout_connect(Some(settings.stall))
            .timeout_per_read(Some(settings.stall))
            .timeout_per_write(Some(settings.stall))
            // Headers that drip in are a stall too.
            .timeout_recv_response(Some(settings.stall))
            .timeout_recv_body(Some(settings.stall * BODY_STALLS))
            .max_idle_connections(settings.connections.get() * 2)
            .max_idle_connections_per_host(settings.connections.get())
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), NameResolver::new(addresses));
        let (stop, in_use) = (Arc::clone(connections.stop()), Arc::new(()));
        hang_up_on_stop(agent.clone(), Arc::downgrade(&in_use), Arc::clone(&stop));
        let throttle = Arc::clone(&connections.throttle);
        Ok(Client { agent, throttle, stall: settings.stall, stop, _in_use: in_use })
    }

    /// Sends a call, once.
    pub(crate) fn send(&self, call: &mut Call<'_>, authorization: Option<&str>) -> Result<Answer, HttpError> {
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
                // These methods announce that they send nothing.
                if matches!(call.method, Method::POST | Method::PUT | Method::PATCH) {
                    request = request.header(header::CONTENT_LENGTH, 0);
                }
                self.run(request.body(SendBody::none()).map_err(unusable)?, call.answer_bytes)
            }
            Payload::Bytes(bytes) => {
                request = request.header(header::CONTENT_LENGTH, bytes.len());
                let mut reader: &[u8] = bytes;
                self.run(
                    request.body(SendBody::from_reader(&mut reader)).map_err(unusable)?,
                    call.answer_bytes,
                )
            }
            Payload::Stream(bytes, reader) => {
                request = request.header(header::CONTENT_LENGTH, *bytes);
                let mut reader =
                    Outgoing { reader: reader.take(*bytes), throttle: &self.throttle, stop: &self.stop };
                self.run(
                    request.body(SendBody::from_reader(&mut reader)).map_err(unusable)?,
                    call.answer_bytes,
                )
            }
        };
        let (parts, body) = response.map_err(HttpError::of)?.into_parts();
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            url: call.url.clone(),
            body: AnswerBody::new(body, Arc::clone(&self.throttle), self.stall),
        })
    }

    /// A body that is larger than most may take longer. What moves in it is held to the pace beside that; this ends
    /// what does not count as moving, such as trailers without an end.
    fn run(&self, request: Request<SendBody<'_>>, bytes: u64) -> Result<Response<Body>, ureq::Error> {
        if bytes <= LIST_BYTES_MAX {
            return self.agent.run(request);
        }
        let stalls = u32::try_from(bytes / BYTES_PER_STALL).unwrap_or(u32::MAX).saturating_add(BODY_STALLS);
        let time = self.stall.checked_mul(stalls);
        self.agent.run(self.agent.configure_request(request).timeout_recv_body(time).build())
    }
}
