//! From names to addresses, and the refusal of addresses that are not public.

use std::fmt;
use std::io;
use std::net::IpAddr;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use url::Url;

use super::address::is_public;
use super::{ConnectError, Host};

/// Which addresses may be connected to.
#[derive(Clone, Debug)]
pub(crate) enum Addresses {
    /// All.
    Any,
    /// Public ones, for URLs that a stranger chose. The hosts in `except` may have private addresses.
    Public {
        /// Hosts that the operator named.
        except: Vec<Host>,
    },
}

impl Addresses {
    /// Whether the operator named this host as one that may have a private address.
    pub(crate) fn is_exempt(&self, name: &str, port: Option<u16>) -> bool {
        match self {
            Addresses::Any => true,
            Addresses::Public { except } => except.iter().any(|host| host.means(name, port)),
        }
    }

    /// Refuses a URL whose host is a private address written as one. Addresses behind names are checked when the name
    /// is resolved.
    pub(crate) fn check(&self, url: &Url) -> Result<(), ConnectError> {
        let name = bare(url.host_str().unwrap_or_default());
        match name.parse::<IpAddr>() {
            Ok(address) if !self.is_exempt(name, url.port_or_known_default()) && !is_public(address) => {
                Err(private(name, address))
            }
            _ => Ok(()),
        }
    }
}

/// A host of a URL without the brackets of an IPv6 address.
pub(crate) fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// The host is named as in a URL, so that it can be allowed in the same words.
fn private(name: &str, address: IpAddr) -> ConnectError {
    let name = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
    ConnectError::PrivateAddress { name, address }
}

/// Resolves names, and refuses those that lead to an address that is not allowed. A name may have one address when it
/// is checked and another when it is used, so this is the only look, and its result is what is connected to.
pub(super) struct NameResolver {
    allowed: Addresses,
    system: DefaultResolver,
}

impl NameResolver {
    pub(super) fn new(allowed: Addresses) -> NameResolver {
        NameResolver { allowed, system: DefaultResolver::default() }
    }
}

impl fmt::Debug for NameResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NameResolver").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

impl Resolver for NameResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.system.resolve(uri, config, timeout).map_err(|error| match error {
            // What the system's resolver says has no kind of its own; here it is known what failed.
            ureq::Error::Io(error) => carried(ConnectError::NameNotResolved(error.to_string())),
            error => error,
        })?;
        let name = bare(uri.host().unwrap_or_default());
        let by_scheme = match uri.scheme_str() {
            Some("https") => Some(443),
            Some("http") => Some(80),
            _ => None,
        };
        // The operator chose the proxy. What else is on the proxy's machine they did not choose.
        let is_proxy = config.proxy().is_some_and(|proxy| proxy.uri() == uri);
        if is_proxy || self.allowed.is_exempt(name, uri.port_u16().or(by_scheme)) {
            return Ok(found);
        }
        match found.iter().find(|address| !is_public(address.ip())) {
            Some(address) => Err(carried(private(name, address.ip()))),
            None => Ok(found),
        }
    }
}

/// An error of ours on its way through the client; `HttpError::of_io` takes it out again.
fn carried(error: ConnectError) -> ureq::Error {
    io::Error::other(error).into()
}
