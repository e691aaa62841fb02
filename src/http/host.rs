//! A host, as `low.example` or `low.example:5000`.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// Longest host name, in bytes (RFC 1035).
const HOST_BYTES_MAX: usize = 253;

/// A host: a name or an address, and a port where it is not the usual one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(String);

/// Why a text is not a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a host: expected a name or an address such as low.example, low.example:5000 or [::1]:5000"
)]
pub struct HostError {
    /// What was written.
    pub text: String,
}

impl Host {
    /// The host of a URL, with its port if the URL has one; `None` for a URL without a host that is one.
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

    /// Whether it means this name or address at this port: without a port of its own it means all.
    pub(crate) fn means(&self, name: &str, port: Option<u16>) -> bool {
        self.name() == name && self.port().is_none_or(|own| Some(own) == port)
    }

    /// Whether it is this very machine: `localhost`, or a loopback address written as one.
    pub fn is_loopback(&self) -> bool {
        is_loopback_name(self.name())
    }

    /// Whether a first part of a reference is a host and not a repository: it has a dot or a port, or is
    /// `localhost`.
    pub fn is_meant_by(part: &str) -> bool {
        part.contains(['.', ':']) || part == "localhost"
    }
}

/// Whether a host name means this very machine without asking anyone.
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
        let refused = || HostError { text: text.to_owned() };
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
            _ => (text, None),
        };
        let right_port = match port {
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
        let right_name = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => name.len() <= HOST_BYTES_MAX && name.split('.').all(label),
        };
        // Names of hosts have no case; one form of each makes them comparable.
        if right_name && right_port { Ok(Host(text.to_ascii_lowercase())) } else { Err(refused()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_means_that_port() {
        let means = |host: &str, name, port| host.parse::<Host>().unwrap().means(name, port);
        assert!(means("low.example", "low.example", Some(443)));
        assert!(means("low.example:5000", "low.example", Some(5000)));
        assert!(!means("low.example:5000", "low.example", Some(443)));
        assert!(!means("low.example:5000", "low.example", None));
        assert!(means("[::1]", "::1", Some(1)) && means("[::1]:1", "::1", Some(1)));
        assert!(!means("[::1]:2", "::1", Some(1)));
    }

    #[test]
    fn takes_a_host_apart() {
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
