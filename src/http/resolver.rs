//! Name resolution that can refuse private addresses.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::mpsc::sync_channel;
use std::thread;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::unversioned::transport::time::Duration;
use url::Url;

use super::address::is_public;
use super::{ConnectError, Host};

/// Which addresses are allowed.
#[derive(Clone, Debug)]
pub(crate) enum Addresses {
    /// All addresses are allowed.
    Any,
    /// Only public addresses, for URLs from untrusted documents. The hosts in `except` may have private addresses.
    Public {
        /// Hosts that the operator allowed.
        except: Vec<Host>,
    },
}

impl Addresses {
    /// Returns whether this host may have a private address.
    pub(crate) fn is_exempt(&self, name: &str, port: Option<u16>) -> bool {
        match self {
            Addresses::Any => true,
            Addresses::Public { except } => except.iter().any(|host| host.matches(name, port)),
        }
    }

    /// Refuses a URL whose host is a literal private address. The addresses of host names are checked when the name is
    /// resolved.
    pub(crate) fn check(&self, url: &Url) -> Result<(), ConnectError> {
        let name = without_brackets(url.host_str().unwrap_or_default());
        match name.parse::<IpAddr>() {
            Ok(address) if !self.is_exempt(name, url.port_or_known_default()) && !is_public(address) => {
                Err(private(name, address))
            }
            _ => Ok(()),
        }
    }
}

/// Removes the brackets around an IPv6 address in a URL.
pub(crate) fn without_brackets(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// The error for a private address. The host is written as in a URL, so that users can copy it into an option.
fn private(name: &str, address: IpAddr) -> ConnectError {
    let name = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
    ConnectError::PrivateAddress { name, address }
}

/// Resolves names, and refuses those with an address that is not allowed. A name may resolve to another address the
/// next time, so each name is resolved only once per connection: the addresses that were checked are the ones used.
pub(super) struct NameResolver {
    allowed: Addresses,
}

impl NameResolver {
    pub(super) fn new(allowed: Addresses) -> NameResolver {
        NameResolver { allowed }
    }
}

impl fmt::Debug for NameResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NameResolver").field("allowed", &self.allowed).finish()
    }
}

impl Resolver for NameResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = resolve_in_time(uri, config, timeout).map_err(|error| match error {
            // Errors of the system's resolver have no kind of their own, so classify them here.
            ureq::Error::Io(error) => wrapped(ConnectError::NameNotResolved(error.to_string())),
            error => error,
        })?;
        let name = without_brackets(uri.host().unwrap_or_default());
        let default_port = match uri.scheme_str() {
            Some("https") => Some(443),
            Some("http") => Some(80),
            _ => None,
        };
        // The operator chose the proxy, so it may be private. This does not extend to other ports of its machine.
        let is_proxy = config.proxy().is_some_and(|proxy| proxy.uri() == uri);
        if is_proxy || self.allowed.is_exempt(name, uri.port_u16().or(default_port)) {
            return Ok(found);
        }
        match found.iter().find(|address| !is_public(address.ip())) {
            Some(address) => Err(wrapped(private(name, address.ip()))),
            None => Ok(found),
        }
    }
}

/// Resolves a name on a thread of its own, because the system's resolver has no time limit that we can set. If the
/// system cannot create a thread, it resolves the name here, within the resolver's own limits. `ureq` would do the same,
/// but panic without a thread.
fn resolve_in_time(
    uri: &Uri,
    config: &Config,
    timeout: NextTimeout,
) -> Result<ResolvedSocketAddrs, ureq::Error> {
    let unlimited =
        || NextTimeout { after: Duration::NotHappening, reason: timeout.reason, ..Default::default() };
    let is_address = without_brackets(uri.host().unwrap_or_default()).parse::<IpAddr>().is_ok();
    if is_address || timeout.after.is_not_happening() {
        return DefaultResolver::default().resolve(uri, config, unlimited());
    }
    let (sender, receiver) = sync_channel(1);
    let (uri_there, config_there, unlimited_there) = (uri.clone(), config.clone(), unlimited());
    let resolve = move || {
        drop(sender.send(DefaultResolver::default().resolve(&uri_there, &config_there, unlimited_there)));
    };
    match thread::Builder::new().name("resolver".to_owned()).spawn(resolve) {
        Ok(_) => receiver.recv_timeout(*timeout.after).unwrap_or(Err(ureq::Error::Timeout(timeout.reason))),
        Err(_) => DefaultResolver::default().resolve(uri, config, unlimited()),
    }
}

/// Wraps our error for its way through `ureq`. `HttpError::of_io` unwraps it.
fn wrapped(error: ConnectError) -> ureq::Error {
    io::Error::other(error).into()
}
