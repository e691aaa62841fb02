//! The proxy of a run, and the hosts that are reached without it.

use std::fmt;

use ureq::ProxyProtocol;

/// A proxy, reached over HTTP or HTTPS. It is used for HTTPS and for HTTP alike.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy(ureq::Proxy);

/// Why a text is no proxy that can be used. The text is not repeated: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// A protocol that is not supported.
    #[error("a proxy that speaks {scheme:?}; only http:// and https:// are supported")]
    Scheme {
        /// Its scheme.
        scheme: String,
    },
    /// Not a URL.
    #[error("no URL of a proxy")]
    NotUrl,
}

impl Proxy {
    /// A proxy as `http://[NAME:PASSWORD@]HOST[:PORT]`; without a scheme it speaks HTTP.
    ///
    /// `direct` lists the hosts that are reached without it, as `NO_PROXY` does: separated by commas without spaces,
    /// `low.example` is that host, `.low.example` and `*.low.example` are all hosts below it, `*` is all hosts.
    pub fn new(url: &str, direct: Option<&str>) -> Result<Proxy, ProxyError> {
        let scheme = url.split_once("://").map_or("http", |(scheme, _)| scheme);
        if !url.is_empty() && !matches!(scheme, "http" | "https") {
            return Err(ProxyError::Scheme { scheme: scheme.to_owned() });
        }
        let unlimited = ureq::Proxy::new(url).map_err(|_| ProxyError::NotUrl)?;
        let Some(direct) = direct else { return Ok(Proxy(unlimited)) };
        let protocol = match unlimited.protocol() {
            ProxyProtocol::Https => ProxyProtocol::Https,
            _ => ProxyProtocol::Http,
        };
        let mut builder = ureq::Proxy::builder(protocol).host(unlimited.host()).port(unlimited.port());
        if let Some(user) = unlimited.username() {
            builder = builder.username(user);
        }
        if let Some(password) = unlimited.password() {
            builder = builder.password(password);
        }
        let builder = direct.split(',').fold(builder, ureq::ProxyBuilder::no_proxy);
        builder.build().map(Proxy).map_err(|_| ProxyError::NotUrl)
    }

    pub(super) fn to_ureq(&self) -> ureq::Proxy {
        self.0.clone()
    }
}

impl fmt::Debug for Proxy {
    /// Without its name and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({}:{})", self.0.host(), self.0.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_direct(proxy: &Proxy, host: &str) -> bool {
        proxy.0.is_no_proxy(&format!("https://{host}/").parse().unwrap())
    }

    #[test]
    fn hosts_that_are_listed_are_reached_directly() {
        let proxy =
            Proxy::new("http://proxy.example:3128", Some("low.example,.team.example,*.a.example")).unwrap();
        for host in ["low.example", "LOW.example", "x.team.example", "x.a.example", "y.x.a.example"] {
            assert!(is_direct(&proxy, host), "{host}");
        }
        for host in ["x.low.example", "team.example", "a.example", "high.example", "proxy.example"] {
            assert!(!is_direct(&proxy, host), "{host}");
        }
        assert!(is_direct(&Proxy::new("http://proxy.example", Some("*")).unwrap(), "low.example"));
        for none in [None, Some(""), Some(",")] {
            assert!(!is_direct(&Proxy::new("http://proxy.example", none).unwrap(), "low.example"));
        }
    }

    #[test]
    fn a_list_of_hosts_changes_nothing_else() {
        for url in [
            "http://proxy.example:3128",
            "https://me:p%40ss%2Fword@proxy.example",
            "http://me@[::1]:3128/",
            "proxy.example",
            "http://me:@proxy.example",
        ] {
            let (bare, listed) = (Proxy::new(url, None).unwrap().0, Proxy::new(url, Some("x")).unwrap().0);
            let parts = |proxy: &ureq::Proxy| {
                let own = |text: Option<&str>| text.map(str::to_owned);
                let login = (own(proxy.username()), own(proxy.password()));
                (proxy.protocol(), proxy.host().to_owned(), proxy.port(), login, proxy.resolve_target())
            };
            assert_eq!(parts(&bare), parts(&listed), "{url}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_its_password() {
        for url in ["socks5://me:secret@proxy.example", "ftp://proxy.example", "SOCKS4://secret"] {
            let error = Proxy::new(url, None).unwrap_err();
            assert!(
                matches!(&error, ProxyError::Scheme { .. }) && !error.to_string().contains("secret"),
                "{error}"
            );
        }
        for url in ["", "http://", "a b"] {
            assert_eq!(Proxy::new(url, None), Err(ProxyError::NotUrl), "{url}");
        }
        let proxy = Proxy::new("http://me:secret@proxy.example:3128", None).unwrap();
        assert_eq!(format!("{proxy:?}"), "Proxy(proxy.example:3128)");
    }
}
