//! Fetches non-distributable layers from their `urls` (image-spec, "urls").
//!
//! The author of the image chose these URLs, so they are untrusted. They are requested only over HTTPS, only from
//! public addresses, and never with credentials. Addresses are checked after name resolution, and again after each
//! redirect.

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use url::Url;

use super::download::{Download, Origin};
use super::{Host, RegistryError, Settings, UrlError};
use crate::http::{
    Addresses, Call, Client, Connections, HttpError, Method, REDIRECTS_MAX, Response, Route, bounded, header,
    is_loopback_name, is_redirect, is_temporary, without_brackets,
};
use crate::oci::{Descriptor, Digest};

/// The maximum number of URLs to try for a layer.
const URLS_MAX: usize = 16;

/// Fetches non-distributable layers from their URLs.
#[derive(Clone)]
pub struct External(Arc<Inner>);

struct Inner {
    client: Client,
    connections: Arc<Connections>,
    settings: Arc<Settings>,
    /// Which addresses are allowed: public ones, and those of hosts that the operator allowed.
    addresses: Addresses,
}

/// A URL that did not provide a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The URL, without user name and password.
    pub url: String,
    /// Why it did not provide the layer.
    pub answer: UrlError,
    /// The URL as written in the descriptor, or as requested.
    requested: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.answer)
    }
}

impl Refusal {
    /// A URL that responded but did not provide the layer.
    pub fn of(url: &Url, answer: &str) -> Refusal {
        let (shown, answer) = (shown(url.as_str()), UrlError::Unexpected(answer.to_owned()));
        Refusal { url: shown, answer, requested: url.to_string() }
    }

    /// Returns whether the URL was not requested because its host has a private address.
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

    /// Returns the first of the layer's URLs that provides it with the right size. Skips URLs that are already in
    /// `refusals`, and adds those that do not provide the layer.
    pub fn find(&self, descriptor: &Descriptor, refusals: &mut Vec<Refusal>) -> Option<Url> {
        for text in descriptor.urls.iter().take(URLS_MAX) {
            // Compare URLs, not positions: another image may list other URLs for the same layer.
            let parsed = Url::parse(text).map_or_else(|_| text.clone(), String::from);
            if refusals.iter().any(|refusal| refusal.requested == *text || refusal.requested == parsed) {
                continue;
            }
            match self.probe(text, descriptor.size) {
                Ok(found) => return Some(found),
                Err(answer) => refusals.push(Refusal { url: shown(text), answer, requested: text.clone() }),
            }
        }
        None
    }

    /// Checks that a URL responds with a body of this many bytes. Does not read the body.
    fn probe(&self, text: &str, bytes: u64) -> Result<Url, UrlError> {
        let url = Url::parse(text).map_err(|error| UrlError::Refused(error.to_string()))?;
        let inner = &self.0;
        // GET instead of HEAD, because some servers do not support HEAD. The body is not read.
        let response = inner.retrying(|| inner.follow(&url, 0, bytes))?;
        match (response.status, response.content_length()) {
            (200, Some(found)) if found != bytes => Err(UrlError::Size { expected: bytes, found }),
            (200, _) => Ok(url),
            (status, _) => Err(UrlError::Status(status)),
        }
    }

    /// Opens the layer at a URL that [`External::find`] returned. The caller must verify the digest. Errors of the
    /// reader are [`RegistryError`]s wrapped in [`std::io::Error`].
    pub fn open(&self, url: &Url, descriptor: &Descriptor, offset: u64) -> Box<dyn Read + Send> {
        let origin = UrlOrigin { external: self.clone(), url: url.clone(), digest: descriptor.digest };
        Box::new(Download::new(origin, descriptor.size, offset))
    }
}

impl Inner {
    /// Requests a URL and follows redirects.
    fn follow(&self, first: &Url, offset: u64, bytes: u64) -> Result<Response, UrlError> {
        let mut url = first.clone();
        for _ in 0..=REDIRECTS_MAX {
            self.check(&url)
                .map_err(|error| if url == *first { error } else { UrlError::Redirect(Box::new(error)) })?;
            let mut call = Call::new(Method::GET, url.clone());
            call.response_bytes = bytes;
            if offset > 0 {
                call = call.with(header::RANGE, format!("bytes={offset}-"));
            }
            let response = self.client.send(&mut call, None)?;
            if !is_redirect(response.status) {
                return Ok(response);
            }
            let location = response.header(header::LOCATION).unwrap_or_default();
            let next = url.join(location);
            url =
                next.map_err(|_| UrlError::Unexpected(format!("invalid redirect to {}", bounded(location))))?;
        }
        Err(UrlError::Unexpected(format!("more than {REDIRECTS_MAX} redirects")))
    }

    /// Refuses URLs that may not be contacted. The addresses of host names are checked when the name is resolved.
    fn check(&self, url: &Url) -> Result<(), UrlError> {
        let target = bounded(&format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default()));
        let refused = |why: &str| UrlError::Refused(format!("{target}: {why}"));
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("the URL contains a user name or password"));
        }
        let Some(name) = url.host_str().map(without_brackets) else {
            return Err(refused("the URL has no host"));
        };
        let port = url.port_or_known_default();
        self.addresses.check(url)?;
        let plain = || {
            let allowed = self.settings.plain_http.iter().any(|host| host.matches(name, port));
            self.addresses.is_exempt(name, port) && (is_loopback_name(name) || allowed)
        };
        match url.scheme() {
            "https" => Ok(()),
            "http" if plain() => Ok(()),
            _ => Err(refused("the URL does not use HTTPS")),
        }
    }

    fn retrying(
        &self,
        mut attempt: impl FnMut() -> Result<Response, UrlError>,
    ) -> Result<Response, UrlError> {
        let mut retried = 0;
        loop {
            let error = match attempt() {
                Ok(response) if is_temporary(response.status) && retried < self.connections.retries() => {
                    UrlError::Status(response.status)
                }
                Ok(response) => return Ok(response),
                Err(error @ UrlError::Broken(_)) => error,
                Err(error) => return Err(error),
            };
            if retried >= self.connections.retries() || !self.connections.wait(retried, None) {
                return Err(error);
            }
            retried += 1;
        }
    }
}

/// A URL for messages, without user name and password.
fn shown(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return bounded(text) };
    if url.username().is_empty() && url.password().is_none() {
        return bounded(text);
    }
    // Fails only for URLs that cannot contain them.
    let _ = url.set_username("...").and_then(|()| url.set_password(None));
    bounded(url.as_str())
}

/// A URL that a layer is downloaded from.
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
    fn request(&mut self, offset: u64, bytes: u64) -> Result<Response, RegistryError> {
        let inner = &self.external.0;
        let permit = inner.connections.permit();
        let mut response = inner
            .retrying(|| inner.follow(&self.url, offset, bytes))
            .map_err(|problem| self.error(problem))?;
        response.body.hold(permit);
        Ok(response)
    }

    fn retry(&self, attempt: u32, error: HttpError) -> Result<(), RegistryError> {
        let connections = &self.external.0.connections;
        if attempt < connections.retries() && connections.wait(attempt, None) {
            Ok(())
        } else {
            Err(self.error(error.into()))
        }
    }

    fn refused(&self, response: Response) -> RegistryError {
        self.error(UrlError::Status(response.status))
    }

    fn unexpected(&self, problem: String) -> RegistryError {
        self.error(UrlError::Unexpected(problem))
    }

    fn wrong_size(&self, announced: u64, found: u64) -> RegistryError {
        self.error(UrlError::Size { expected: announced, found })
    }
}
