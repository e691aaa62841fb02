//! Non-distributable layers, from where their `urls` say (image-spec, "urls").
//!
//! Whoever wrote the image chose these URLs, so they are a stranger's: HTTPS only, public addresses only, looked at
//! after the name is resolved and after each redirect, and never with credentials.

use std::io::Read;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::{Method, Uri, header};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use url::Url;

use super::address::is_public;
use super::client::is_passing;
use super::download::{Download, Origin};
use super::error::IS_PRIVATE;
use super::exchange::{Answer, Call, Trouble, Wire, escaped};
use super::host::is_loopback_name;
use super::permits::Permits;
use super::throttle::Throttle;
use super::{Host, RegistryError, Settings};
use crate::oci::{Descriptor, Digest};

/// How often a URL is sent on.
const REDIRECTS_MAX: u32 = 10;

/// How many URLs of a layer are tried.
const URLS_MAX: usize = 16;

/// The wait before another try; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Gets non-distributable layers from their URLs.
#[derive(Clone)]
pub struct External(Arc<Inner>);

struct Inner {
    wire: Wire,
    permits: Arc<Permits>,
    settings: Arc<Settings>,
    private: Vec<Host>,
}

/// A URL that was tried, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The URL, escaped.
    pub url: String,
    /// What came of it.
    pub answer: String,
    /// The URL as it was written, or as it was asked.
    tried: String,
}

impl Refusal {
    /// A URL that answered, and then did not give the layer.
    pub fn of(url: &Url, answer: &str) -> Refusal {
        Refusal { url: shown(url.as_str()), answer: answer.to_owned(), tried: url.to_string() }
    }

    /// Whether the URL was not asked because it leads to a private address.
    pub fn is_of_private_address(&self) -> bool {
        self.answer.contains(IS_PRIVATE)
    }
}

impl External {
    pub(super) fn new(
        settings: Arc<Settings>,
        throttle: Arc<Throttle>,
        permits: Arc<Permits>,
        private: &[Host],
    ) -> Result<External, RegistryError> {
        let resolver = PublicOnly { private: private.to_vec(), system: DefaultResolver::default() };
        let wire = Wire::new(&settings, throttle, ureq::Proxy::try_from_env(), resolver)?;
        Ok(External(Arc::new(Inner { wire, permits, settings, private: private.to_vec() })))
    }

    /// The first of the layer's URLs, without those that `refusals` is of, that has it in its size; refusals are
    /// added as they come.
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
    fn look(&self, text: &str, bytes: u64) -> Result<Url, String> {
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        let inner = &self.0;
        // Not HEAD: some servers do not take it, and the body of this answer is left where it is.
        let answer = inner.retrying(|| inner.follow(&url, 0, bytes))?;
        match (answer.status, answer.content_length()) {
            (200, Some(found)) if found != bytes => Err(format!("{found} bytes, expected {bytes}")),
            (200, _) => Ok(url),
            (status, _) => Err(format!("status {status}")),
        }
    }

    /// The layer from a URL that [`External::find`] gave. The bytes are not proven; errors of the reader are
    /// [`RegistryError`]s inside [`std::io::Error`].
    pub fn open(&self, url: &Url, descriptor: &Descriptor, offset: u64) -> Box<dyn Read + Send> {
        let origin = UrlOrigin { external: self.clone(), url: url.clone(), digest: descriptor.digest };
        Box::new(Download::new(origin, descriptor.size, offset))
    }
}

impl Inner {
    /// Gets a URL and follows where it sends us.
    fn follow(&self, first: &Url, offset: u64, bytes: u64) -> Result<Answer, Trouble> {
        let mut url = first.clone();
        for _ in 0..=REDIRECTS_MAX {
            self.check(&url).map_err(|problem| {
                let by = if url == *first { "" } else { "a redirect leads to " };
                Trouble::Senseless(format!("{by}{problem}"))
            })?;
            let mut call = Call::new(Method::GET, url.clone());
            call.answer_bytes = bytes;
            if offset > 0 {
                call = call.with(header::RANGE, format!("bytes={offset}-"));
            }
            let answer = self.wire.send(&mut call, None)?;
            if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            let location = answer.header(header::LOCATION).unwrap_or_default();
            let next = url.join(location);
            url = next.map_err(|_| Trouble::Senseless(format!("redirected to {}", escaped(location))))?;
        }
        Err(Trouble::Senseless(format!("more than {REDIRECTS_MAX} redirects")))
    }

    /// Whether we go there at all; addresses behind names are looked at when they are resolved.
    fn check(&self, url: &Url) -> Result<(), String> {
        let place = escaped(&format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default()));
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("{place}: it carries a name or a password"));
        }
        let Some(name) = url.host_str().map(|name| name.trim_start_matches('[').trim_end_matches(']')) else {
            return Err(format!("{place}: it names no host"));
        };
        let port = url.port_or_known_default();
        if self.private.iter().any(|host| host.means(name, port)) {
            let plain = || self.settings.plain_http.iter().any(|host| host.means(name, port));
            return match url.scheme() {
                "https" => Ok(()),
                "http" if is_loopback_name(name) || plain() => Ok(()),
                _ => Err(format!("{place}: it does not speak HTTPS")),
            };
        }
        match name.parse::<IpAddr>() {
            Ok(address) if !is_public(address) => Err(private(name, address)),
            _ if url.scheme() == "https" => Ok(()),
            _ => Err(format!("{place}: it does not speak HTTPS")),
        }
    }

    fn retrying(&self, mut attempt: impl FnMut() -> Result<Answer, Trouble>) -> Result<Answer, String> {
        let mut tried = 0;
        loop {
            let why = match attempt() {
                Ok(answer) if is_passing(answer.status) && tried < self.settings.retries => String::new(),
                Ok(answer) => return Ok(answer),
                Err(trouble) => match trouble {
                    Trouble::Broken(why) => why,
                    Trouble::Stalled => "it stalls".to_owned(),
                    Trouble::Unreachable(why) | Trouble::Senseless(why) => return Err(why),
                },
            };
            if tried >= self.settings.retries || !self.wait(tried) {
                return Err(why);
            }
            tried += 1;
        }
    }

    /// Waits before the next try; false when a signal comes.
    fn wait(&self, tried: u32) -> bool {
        let until = Instant::now() + FIRST_WAIT.saturating_mul(1 << tried.min(7));
        while let Some(rest) = until.checked_duration_since(Instant::now()) {
            if self.settings.stop.load(Ordering::Relaxed) {
                return false;
            }
            std::thread::sleep(rest.min(Duration::from_millis(100)));
        }
        true
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

fn private(name: &str, address: IpAddr) -> String {
    // As in a URL, so that it can be allowed in the same words.
    let host = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
    format!("{host}{IS_PRIVATE}{address}, and that is not allowed for this host")
}

/// Resolves names, and refuses those that lead to a private address: a name may have one address when it is looked
/// at and another when it is used, so this is the only look, and its result is what is connected to.
struct PublicOnly {
    private: Vec<Host>,
    system: DefaultResolver,
}

impl std::fmt::Debug for PublicOnly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublicOnly").finish_non_exhaustive()
    }
}

impl Resolver for PublicOnly {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.system.resolve(uri, config, timeout)?;
        let name = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let by_scheme = match uri.scheme_str() {
            Some("https") => Some(443),
            Some("http") => Some(80),
            _ => None,
        };
        let port = uri.port_u16().or(by_scheme);
        // The operator chose the proxy, and the hosts that may be private. What else is on the proxy's machine he did
        // not choose.
        let is_proxy = config.proxy().is_some_and(|proxy| proxy.uri() == uri);
        if is_proxy || self.private.iter().any(|host| host.means(name, port)) {
            return Ok(found);
        }
        match found.iter().find(|address| !is_public(address.ip())) {
            Some(address) => {
                Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, private(name, address.ip()))
                    .into())
            }
            None => Ok(found),
        }
    }
}

/// Where the bytes of a layer are asked for.
struct UrlOrigin {
    external: External,
    url: Url,
    digest: Digest,
}

impl UrlOrigin {
    fn place(&self) -> String {
        shown(self.url.as_str())
    }
}

impl Origin for UrlOrigin {
    fn ask(&mut self, offset: u64, bytes: u64) -> Result<Answer, RegistryError> {
        let inner = &self.external.0;
        let permit = inner.permits.take();
        let mut answer = inner
            .retrying(|| inner.follow(&self.url, offset, bytes))
            .map_err(|problem| RegistryError::Url { url: self.place(), digest: self.digest, problem })?;
        answer.body.hold(permit);
        Ok(answer)
    }

    fn again(&self, tried: u32, trouble: Trouble) -> Result<(), RegistryError> {
        let problem = match trouble {
            Trouble::Broken(problem) | Trouble::Unreachable(problem) | Trouble::Senseless(problem) => problem,
            Trouble::Stalled => "it stalls".to_owned(),
        };
        if tried < self.external.0.settings.retries && self.external.0.wait(tried) {
            Ok(())
        } else {
            Err(RegistryError::Url { url: self.place(), digest: self.digest, problem })
        }
    }

    fn refuse(&self, answer: Answer) -> RegistryError {
        let problem = format!("status {}", answer.status);
        RegistryError::Url { url: self.place(), digest: self.digest, problem }
    }

    fn senseless(&self, problem: String) -> RegistryError {
        RegistryError::Url { url: self.place(), digest: self.digest, problem }
    }

    fn size(&self, announced: u64, found: u64) -> RegistryError {
        let problem = format!("{found} bytes, expected {announced}");
        RegistryError::Url { url: self.place(), digest: self.digest, problem }
    }
}
