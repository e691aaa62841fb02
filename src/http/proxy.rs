//! The proxy of a run, and the hosts to connect to without it.

use std::fmt;

use ureq::ProxyProtocol;

/// A proxy to connect to over HTTP or HTTPS. It is used for both HTTPS and HTTP requests.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy(ureq::Proxy);

/// Why a text is not a usable proxy. The error does not contain the text, because it may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// The protocol is not supported.
    #[error("a proxy with the unsupported scheme {scheme:?}; expected http or https")]
    Scheme {
        /// The scheme of the URL.
        scheme: String,
    },
    /// The text is not a URL.
    #[error("not the URL of a proxy")]
    NotUrl,
}

impl Proxy {
    /// Parses `http://[NAME:PASSWORD@]HOST[:PORT]`. The scheme is `http` if it is missing.
    ///
    /// `direct` lists the hosts to connect to without the proxy, in the syntax of `NO_PROXY`: separated by commas
    /// or blanks; `low.example` is that host, `.low.example` and `*.low.example` are all hosts below it, `*` is
    /// all hosts.
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
        let hosts = direct.split([',', ' ', '\t']).filter(|host| !host.is_empty());
        let builder = hosts.fold(builder, ureq::ProxyBuilder::no_proxy);
        builder.build().map(Proxy).map_err(|_| ProxyError::NotUrl)
    }

    pub(super) fn to_ureq(&self) -> ureq::Proxy {
        self.0.clone()
    }
}

impl fmt::Debug for Proxy {
    /// Omits the user name and password.
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
    fn listed_hosts_bypass_the_proxy() {
        let proxy = Proxy::new("http://proxy.example:3128", Some("low.example, .team.example  *.a.example,"))
            .unwrap();
        for host in ["low.example", "LOW.example", "x.team.example", "x.a.example", "y.x.a.example"] {
            assert!(is_direct(&proxy, host), "{host}");
        }
        for host in ["x.low.example", "team.example", "a.example", "high.example", "proxy.example"] {
            assert!(!is_direct(&proxy, host), "{host}");
        }
        assert!(is_direct(&Proxy::new("http://proxy.example", Some("*")).unwrap(), "low.example"));
        for none in [None, Some(""), Some(" , ")] {
            assert!(!is_direct(&Proxy::new("http://proxy.example", none).unwrap(), "low.example"));
        }
    }

    #[test]
    fn a_list_of_hosts_keeps_the_other_settings() {
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
    fn errors_do_not_contain_the_password() {
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
