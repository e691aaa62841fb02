//! One request and its answer over HTTP/1.1: no redirects, no second try, nothing believed.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, Method, Request, Response, header};
use ureq::{Agent, Body, Proxy, SendBody, Timeout};
use url::Url;

use super::pace::Pace;
use super::permits::Permit;
use super::throttle::Throttle;
use super::tls::tls_config;
use super::{RegistryError, Settings};

/// Largest answer that is read whole and is no document: lists, tokens, errors. In bytes.
pub(super) const LIST_BYTES_MAX: u64 = 8 << 20;

/// The time that a body may take: the limit of a stall so many times, and once more for each so many bytes.
const BODY_STALLS: u32 = 5;
const BYTES_PER_STALL: u64 = 16 << 10;

/// How much of an answer that nobody wants is read so that the connection can serve again, in bytes.
const DISCARD_BYTES_MAX: u64 = 64 << 10;

/// What is asked.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(header::HeaderName, String)>,
    pub(super) payload: Payload<'a>,
    /// How many bytes the answer's body may well have.
    pub(super) answer_bytes: u64,
}

/// What goes along.
pub(super) enum Payload<'a> {
    /// Nothing.
    Empty,
    /// Bytes at hand, which can be sent again.
    Bytes(&'a [u8]),
    /// So many bytes of a reader, which cannot.
    Stream(u64, &'a mut (dyn Read + Send)),
}

impl<'a> Call<'a> {
    pub(super) fn new(method: Method, url: Url) -> Call<'a> {
        Call { method, url, headers: Vec::new(), payload: Payload::Empty, answer_bytes: LIST_BYTES_MAX }
    }

    pub(super) fn with(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// How messages name it. A query is left out: it may be a signature that opens the door.
    pub(super) fn asked(&self) -> String {
        format!("{} {}", self.method, self.url.path())
    }
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// Where it came from, after redirects.
    pub(super) url: Url,
    pub(super) body: AnswerBody,
}

impl Answer {
    /// A header as text; `None` where it is missing or has odd characters.
    pub(super) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How many bytes the body is said to have.
    pub(super) fn content_length(&self) -> Option<u64> {
        self.header(header::CONTENT_LENGTH)?.trim().parse().ok()
    }

    /// The media type, without parameters, in small letters.
    pub(super) fn content_type(&self) -> Option<String> {
        let text = self.header(header::CONTENT_TYPE)?.split(';').next()?.trim().to_ascii_lowercase();
        (!text.is_empty()).then_some(text)
    }

    /// All of the body.
    ///
    /// # Errors
    /// [`Trouble::Senseless`] for more than `limit` bytes, announced or sent.
    pub(super) fn bytes(self, limit: u64) -> Result<Vec<u8>, Trouble> {
        match self.content_length() {
            Some(bytes) if bytes > limit => {
                Err(Trouble::Senseless(format!("it announces {bytes} bytes, the limit is {limit}")))
            }
            _ => self.body.bytes(limit),
        }
    }

    /// Reads what is left of a small body, so that the connection can serve again.
    pub(super) fn discard(self) {
        let _ = io::copy(&mut self.body.take(DISCARD_BYTES_MAX), &mut io::sink());
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// No connection comes about.
    Unreachable(String),
    /// The connection broke.
    Broken(String),
    /// Too little moves.
    Stalled,
    /// What came is no HTTP.
    Senseless(String),
}

impl Trouble {
    pub(super) fn of(error: ureq::Error) -> Trouble {
        match error {
            ureq::Error::Io(error) => Trouble::of_io(error),
            ureq::Error::HostNotFound => Trouble::Unreachable("no such host".to_owned()),
            ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
                Trouble::Unreachable("no connection in time".to_owned())
            }
            ureq::Error::Timeout(_) | ureq::Error::BodyStalled => Trouble::Stalled,
            ureq::Error::Tls(problem) => Trouble::Unreachable(format!("TLS: {problem}")),
            ureq::Error::Rustls(error) => Trouble::tls(&error),
            ureq::Error::Pem(error) => Trouble::Unreachable(format!("TLS: {error:?}")),
            error @ (ureq::Error::ConnectProxyFailed(_) | ureq::Error::ConnectionFailed) => {
                Trouble::Unreachable(escaped(&error.to_string()))
            }
            error => Trouble::Senseless(escaped(&error.to_string())),
        }
    }

    fn tls(error: &rustls::Error) -> Trouble {
        let hint = match error {
            rustls::Error::InvalidMessage(_) => " (it may speak plain HTTP)",
            _ => "",
        };
        Trouble::Unreachable(escaped(&format!("TLS: {error}{hint}")))
    }

    pub(super) fn of_io(error: io::Error) -> Trouble {
        use io::ErrorKind as Kind;
        let error = match error.downcast::<ureq::Error>() {
            Ok(inner) => return Trouble::of(inner),
            Err(error) => error,
        };
        if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Trouble::tls(error);
        }
        match error.kind() {
            Kind::TimedOut | Kind::WouldBlock => Trouble::Stalled,
            Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::UnexpectedEof => {
                Trouble::Broken(escaped(&error.to_string()))
            }
            Kind::InvalidData => Trouble::Senseless(escaped(&error.to_string())),
            // Refused, without a route, and what the resolver of the system says, which has no kind of its own.
            _ => Trouble::Unreachable(escaped(&error.to_string())),
        }
    }
}

/// A text from outside, for messages.
pub(super) fn escaped(text: &str) -> String {
    const CHARACTERS_MAX: usize = 300;
    text.trim().chars().take(CHARACTERS_MAX).collect::<String>().escape_debug().to_string()
}

/// Sends calls and gives their answers.
pub(super) struct Wire {
    agent: Agent,
    throttle: Arc<Throttle>,
    stall: Duration,
    stop: Arc<AtomicBool>,
    /// Tells the thread that looks out for a signal that it is needed.
    _in_use: Arc<()>,
}

/// How often that thread looks.
const LOOK_OUT: Duration = Duration::from_millis(100);

/// Ends all connections when a signal comes: whoever waits for an answer would otherwise wait on. Without a thread
/// for it, that wait just lasts longer.
fn hang_up_on_stop(agent: Agent, in_use: Weak<()>, stop: Arc<AtomicBool>) {
    let look_out = move || {
        while in_use.strong_count() > 0 {
            if stop.load(Ordering::Relaxed) {
                return agent.shutdown();
            }
            std::thread::sleep(LOOK_OUT);
        }
    };
    let _ = std::thread::Builder::new().name("look-out".to_owned()).spawn(look_out);
}

impl Wire {
    /// A wire of its own pool of connections. `resolver` may refuse addresses.
    pub(super) fn new(
        settings: &Settings,
        throttle: Arc<Throttle>,
        proxy: Option<Proxy>,
        resolver: impl ureq::unversioned::resolver::Resolver,
    ) -> Result<Wire, RegistryError> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy)
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
        let connector = ureq::unversioned::transport::DefaultConnector::default();
        let agent = Agent::with_parts(config, connector, resolver);
        let (stop, in_use) = (Arc::clone(&settings.stop), Arc::new(()));
        hang_up_on_stop(agent.clone(), Arc::downgrade(&in_use), Arc::clone(&stop));
        Ok(Wire { agent, throttle, stall: settings.stall, stop, _in_use: in_use })
    }

    /// Sends a call, once.
    pub(super) fn send(&self, call: &mut Call<'_>, authorization: Option<&str>) -> Result<Answer, Trouble> {
        let mut request = Request::builder().method(call.method.clone()).uri(call.url.as_str());
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let senseless = |error: ureq::http::Error| Trouble::Senseless(escaped(&error.to_string()));
        let response = match &mut call.payload {
            Payload::Empty => {
                // Whoever sends nothing by POST, PUT or PATCH says so.
                if matches!(call.method, Method::POST | Method::PUT | Method::PATCH) {
                    request = request.header(header::CONTENT_LENGTH, 0);
                }
                self.run(request.body(SendBody::none()).map_err(senseless)?, call.answer_bytes)
            }
            Payload::Bytes(bytes) => {
                request = request.header(header::CONTENT_LENGTH, bytes.len());
                let mut reader: &[u8] = bytes;
                self.run(
                    request.body(SendBody::from_reader(&mut reader)).map_err(senseless)?,
                    call.answer_bytes,
                )
            }
            Payload::Stream(bytes, reader) => {
                request = request.header(header::CONTENT_LENGTH, *bytes);
                let mut reader =
                    Outgoing { reader: reader.take(*bytes), throttle: &self.throttle, stop: &self.stop };
                self.run(
                    request.body(SendBody::from_reader(&mut reader)).map_err(senseless)?,
                    call.answer_bytes,
                )
            }
        };
        let (parts, body) = response.map_err(Trouble::of)?.into_parts();
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            url: call.url.clone(),
            body: AnswerBody::new(body, Arc::clone(&self.throttle), self.stall),
        })
    }
}

impl Wire {
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

/// Bytes on their way out, no faster than the throttle lets them, until a signal comes.
struct Outgoing<'a, R> {
    reader: R,
    throttle: &'a Throttle,
    stop: &'a AtomicBool,
}

impl<R: Read> Read for Outgoing<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let length = self.throttle.piece(buffer.len());
        let read = self.reader.read(&mut buffer[..length])?;
        self.throttle.pass(read);
        Ok(read)
    }
}

/// The body of an answer: throttled, and held to a pace.
pub(super) struct AnswerBody {
    reader: ureq::BodyReader<'static>,
    throttle: Arc<Throttle>,
    pace: Pace,
    permit: Option<Permit>,
}

impl AnswerBody {
    fn new(body: Body, throttle: Arc<Throttle>, stall: Duration) -> AnswerBody {
        AnswerBody { reader: body.into_reader(), throttle, pace: Pace::new(stall), permit: None }
    }

    /// Counts as a transfer until it is dropped.
    pub(super) fn hold(&mut self, permit: Permit) {
        self.permit = Some(permit);
    }

    /// All of it.
    ///
    /// # Errors
    /// [`Trouble::Senseless`] for more than `limit` bytes.
    fn bytes(mut self, limit: u64) -> Result<Vec<u8>, Trouble> {
        let mut bytes = Vec::new();
        let mut block = [0; 16 << 10];
        while bytes.len() as u64 <= limit {
            match self.read(&mut block) {
                Ok(0) => return Ok(bytes),
                Ok(read) => bytes.extend_from_slice(&block[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Trouble::of_io(error)),
            }
        }
        Err(Trouble::Senseless(format!("it is longer than {limit} bytes")))
    }
}

impl Read for AnswerBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.throttle.piece(buffer.len());
        let begun = Instant::now();
        let read = self.reader.read(&mut buffer[..length])?;
        if !self.pace.keeps(begun, read) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.throttle.pass(read);
        Ok(read)
    }
}
