//! Hosts such as `low.example` or `low.example:5000`.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// Maximum length of a host name in bytes (RFC 1035).
const HOST_BYTES_MAX: usize = 253;

/// A host: a name or an address, with an optional port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(String);

/// Why a text is not a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a host: expected a name or an address such as low.example, low.example:5000 or [::1]:5000"
)]
pub struct HostError {
    /// The text that was given.
    pub text: String,
}

impl Host {
    /// The host of a URL, with its port if the URL has one; `None` if the URL has no valid host.
    pub(crate) fn of(url: &Url) -> Option<Host> {
        match (url.host_str(), url.port()) {
            (Some(name), Some(port)) => format!("{name}:{port}").parse().ok(),
            (Some(name), None) => name.parse().ok(),
            (None, _) => None,
        }
    }

    /// The host as text, with its port if it has one.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name or address alone; an IPv6 address without its brackets.
    pub fn name(&self) -> &str {
        let name = match self.0.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => &self.0,
        };
        name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name)
    }

    /// The port, if it has one.
    fn port(&self) -> Option<u16> {
        self.0.rsplit_once(':').and_then(|(_, port)| port.parse().ok())
    }

    /// Returns whether it matches this name or address and port. A host without a port matches any port.
    pub(crate) fn matches(&self, name: &str, port: Option<u16>) -> bool {
        self.name() == name && self.port().is_none_or(|own| Some(own) == port)
    }

    /// Returns whether it is `localhost` or a literal loopback address.
    pub fn is_loopback(&self) -> bool {
        is_loopback_name(self.name())
    }

    /// Returns whether the first part of a reference is a host and not part of a repository name: it contains a dot or
    /// colon, or is `localhost`.
    pub fn is_meant_by(part: &str) -> bool {
        part.contains(['.', ':']) || part == "localhost"
    }
}

/// Returns whether a host name is `localhost` or a literal loopback address, without resolving it.
pub(crate) fn is_loopback_name(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || HostError { text: text.to_owned() };
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
            _ => (text, None),
        };
        let valid_port = match port {
            Some(port) => {
                port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|p| p > 0)
            }
            None => true,
        };
        let label = |label: &str| {
            !label.is_empty()
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && !label.starts_with('-')
        };
        let valid_name = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => name.len() <= HOST_BYTES_MAX && name.split('.').all(label),
        };
        // Host names are case-insensitive: store them in lower case, so that they can be compared.
        if valid_name && valid_port { Ok(Host(text.to_ascii_lowercase())) } else { Err(invalid()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_a_port_matches_every_port() {
        let matches = |host: &str, name, port| host.parse::<Host>().unwrap().matches(name, port);
        assert!(matches("low.example", "low.example", Some(443)));
        assert!(matches("low.example:5000", "low.example", Some(5000)));
        assert!(!matches("low.example:5000", "low.example", Some(443)));
        assert!(!matches("low.example:5000", "low.example", None));
        assert!(matches("[::1]", "::1", Some(1)) && matches("[::1]:1", "::1", Some(1)));
        assert!(!matches("[::1]:2", "::1", Some(1)));
    }

    #[test]
    fn hosts_are_parsed() {
        for (text, name, loopback) in [
            ("low.example", "low.example", false),
            ("LOW.example:5000", "low.example", false),
            ("127.0.0.1:5000", "127.0.0.1", true),
            ("[::1]:5000", "::1", true),
            ("localhost", "localhost", true),
            ("localhost.example", "localhost.example", false),
        ] {
            let host: Host = text.parse().unwrap();
            assert_eq!((host.name(), host.is_loopback()), (name, loopback), "{text}");
        }
        for text in [
            "",
            ":5000",
            "a b",
            "a/b",
            "low.example:",
            "low.example:0",
            "low.example:99999",
            "a..b",
            "u@h",
            "[::1",
        ] {
            assert!(text.parse::<Host>().is_err(), "{text}");
        }
    }
}
