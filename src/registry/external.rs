//! Non-distributable layers, from where their `urls` say (image-spec, "urls").
//!
//! The author of the image chose these URLs, so they are a stranger's: HTTPS only, public addresses only, checked
//! after the name is resolved and after each redirect, and never with credentials.

use std::io::Read;
use std::sync::Arc;

use url::Url;

use super::download::{Download, Origin};
use super::{Host, RegistryError, Settings, UrlError};
use crate::http::{
    Addresses, Answer, Call, Client, Connections, HttpError, Method, REDIRECTS_MAX, Route, bare, escaped,
    header, is_loopback_name, is_redirect, is_temporary,
};
use crate::oci::{Descriptor, Digest};

/// How many URLs of a layer are tried.
const URLS_MAX: usize = 16;

/// Fetches non-distributable layers from their URLs.
#[derive(Clone)]
pub struct External(Arc<Inner>);

struct Inner {
    client: Client,
    connections: Arc<Connections>,
    settings: Arc<Settings>,
    /// Public ones, and those of the hosts that the operator named.
    addresses: Addresses,
}

/// A URL that was tried, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The URL, escaped.
    pub url: String,
    /// Why it did not provide the layer.
    pub answer: UrlError,
    /// The URL as it was written, or as it was asked.
    tried: String,
}

impl Refusal {
    /// A URL that answered, and then did not provide the layer.
    pub fn of(url: &Url, answer: &str) -> Refusal {
        let (shown, answer) = (shown(url.as_str()), UrlError::Unexpected(answer.to_owned()));
        Refusal { url: shown, answer, tried: url.to_string() }
    }

    /// Whether the URL was not asked because it leads to a private address.
    pub fn is_of_private_address(&self) -> bool {
        self.answer.is_of_private_address()
    }
}

impl External {
    pub(super) fn new(
        settings: Arc<Settings>,
        connections: Arc<Connections>,
        private: &[Host],
    ) -> Result<External, RegistryError> {
        let addresses = Addresses::Public { except: private.to_vec() };
        let client = Client::new(&connections, Route::Proxied, addresses.clone())?;
        Ok(External(Arc::new(Inner { client, connections, settings, addresses })))
    }

    /// The first of the layer's URLs that has it in its size. URLs that are in `refusals` already are passed over; others
    /// that refuse are added to it.
    pub fn find(&self, descriptor: &Descriptor, refusals: &mut Vec<Refusal>) -> Option<Url> {
        for text in descriptor.urls.iter().take(URLS_MAX) {
            // Not by its place: another image may name the layer with other URLs.
            let asked = Url::parse(text).map_or_else(|_| text.clone(), String::from);
            if refusals.iter().any(|refusal| refusal.tried == *text || refusal.tried == asked) {
                continue;
            }
            match self.look(text, descriptor.size) {
                Ok(found) => return Some(found),
                Err(answer) => refusals.push(Refusal { url: shown(text), answer, tried: text.clone() }),
            }
        }
        None
    }

    /// Whether a URL answers with so many bytes. They are not read.
    fn look(&self, text: &str, bytes: u64) -> Result<Url, UrlError> {
        let url = Url::parse(text).map_err(|error| UrlError::Refused(error.to_string()))?;
        let inner = &self.0;
        // Not HEAD: some servers do not take it, and the body of this answer is left where it is.
        let answer = inner.retrying(|| inner.follow(&url, 0, bytes))?;
        match (answer.status, answer.content_length()) {
            (200, Some(found)) if found != bytes => Err(UrlError::Size { expected: bytes, found }),
            (200, _) => Ok(url),
            (status, _) => Err(UrlError::Status(status)),
        }
    }

    /// The layer from a URL that [`External::find`] returned. The bytes are not proven; errors of the reader are
    /// [`RegistryError`]s inside [`std::io::Error`].
    pub fn open(&self, url: &Url, descriptor: &Descriptor, offset: u64) -> Box<dyn Read + Send> {
        let origin = UrlOrigin { external: self.clone(), url: url.clone(), digest: descriptor.digest };
        Box::new(Download::new(origin, descriptor.size, offset))
    }
}

impl Inner {
    /// Gets a URL and follows its redirects.
    fn follow(&self, first: &Url, offset: u64, bytes: u64) -> Result<Answer, UrlError> {
        let mut url = first.clone();
        for _ in 0..=REDIRECTS_MAX {
            self.check(&url)
                .map_err(|error| if url == *first { error } else { UrlError::Redirect(Box::new(error)) })?;
            let mut call = Call::new(Method::GET, url.clone());
            call.answer_bytes = bytes;
            if offset > 0 {
                call = call.with(header::RANGE, format!("bytes={offset}-"));
            }
            let answer = self.client.send(&mut call, None)?;
            if !is_redirect(answer.status) {
                return Ok(answer);
            }
            let location = answer.header(header::LOCATION).unwrap_or_default();
            let next = url.join(location);
            url = next.map_err(|_| UrlError::Unexpected(format!("redirected to {}", escaped(location))))?;
        }
        Err(UrlError::Unexpected(format!("more than {REDIRECTS_MAX} redirects")))
    }

    /// Refuses URLs that may not be contacted. Addresses behind names are checked when they are resolved.
    fn check(&self, url: &Url) -> Result<(), UrlError> {
        let place = escaped(&format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default()));
        let refused = |why: &str| UrlError::Refused(format!("{place}: {why}"));
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("the URL contains a name or a password"));
        }
        let Some(name) = url.host_str().map(bare) else { return Err(refused("the URL names no host")) };
        let port = url.port_or_known_default();
        self.addresses.check(url)?;
        let plain = || {
            let named = self.settings.plain_http.iter().any(|host| host.means(name, port));
            self.addresses.is_exempt(name, port) && (is_loopback_name(name) || named)
        };
        match url.scheme() {
            "https" => Ok(()),
            "http" if plain() => Ok(()),
            _ => Err(refused("it does not use HTTPS")),
        }
    }

    fn retrying(&self, mut attempt: impl FnMut() -> Result<Answer, UrlError>) -> Result<Answer, UrlError> {
        let mut tried = 0;
        loop {
            let why = match attempt() {
                Ok(answer) if is_temporary(answer.status) && tried < self.connections.retries() => {
                    UrlError::Status(answer.status)
                }
                Ok(answer) => return Ok(answer),
                Err(error @ UrlError::Broken(_)) => error,
                Err(error) => return Err(error),
            };
            if tried >= self.connections.retries() || !self.connections.wait(tried, None) {
                return Err(why);
            }
            tried += 1;
        }
    }
}

/// A URL for messages: without a name or a password.
fn shown(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return escaped(text) };
    if url.username().is_empty() && url.password().is_none() {
        return escaped(text);
    }
    // A URL that cannot have them has none.
    let _ = url.set_username("...").and_then(|()| url.set_password(None));
    escaped(url.as_str())
}

/// Where the bytes of a layer are asked for.
struct UrlOrigin {
    external: External,
    url: Url,
    digest: Digest,
}

impl UrlOrigin {
    fn error(&self, problem: UrlError) -> RegistryError {
        RegistryError::Url { url: shown(self.url.as_str()), digest: self.digest, problem }
    }
}

impl Origin for UrlOrigin {
    fn ask(&mut self, offset: u64, bytes: u64) -> Result<Answer, RegistryError> {
        let inner = &self.external.0;
        let permit = inner.connections.permit();
        let mut answer = inner
            .retrying(|| inner.follow(&self.url, offset, bytes))
            .map_err(|problem| self.error(problem))?;
        answer.body.hold(permit);
        Ok(answer)
    }

    fn again(&self, attempt: u32, error: HttpError) -> Result<(), RegistryError> {
        let connections = &self.external.0.connections;
        if attempt < connections.retries() && connections.wait(attempt, None) {
            Ok(())
        } else {
            Err(self.error(error.into()))
        }
    }

    fn refuse(&self, answer: Answer) -> RegistryError {
        self.error(UrlError::Status(answer.status))
    }

    fn unexpected(&self, problem: String) -> RegistryError {
        self.error(UrlError::Unexpected(problem))
    }

    fn size(&self, announced: u64, found: u64) -> RegistryError {
        self.error(UrlError::Size { expected: announced, found })
    }
}
