//! Why a call has no answer. Causes are decided here, where the errors of TLS and of the sockets are at hand.

use std::io;
use std::net::IpAddr;

use rustls::{AlertDescription, CertificateError};
use ureq::Timeout;

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// No connection was made.
    #[error(transparent)]
    Unreachable(ConnectError),
    /// The connection broke.
    #[error("{0}")]
    Broken(String),
    /// Too little moves.
    #[error("it stalls")]
    Stalled,
    /// What came is not HTTP, or not what was asked for.
    #[error("{0}")]
    Unexpected(String),
}

/// Why no connection was made. Texts of the system and of servers are bounded and escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The name has no address.
    #[error("{}", escaped(.0))]
    NameNotResolved(String),
    /// The host refuses connections at this port.
    #[error("{}", escaped(.0))]
    Refused(String),
    /// There was no answer in time.
    #[error("no connection in time")]
    TimedOut,
    /// The address is private, and only public ones are allowed here.
    #[error("{name} has the private address {address}, and that is not allowed for this host")]
    PrivateAddress {
        /// The host as it stands in a URL, with the brackets of an IPv6 address.
        name: String,
        /// Its address.
        address: IpAddr,
    },
    /// TLS failed.
    #[error("TLS: {}{}", escaped(problem), if *cause == TlsFailure::NotTls { " (it may speak plain HTTP)" } else { "" })]
    Tls {
        /// What failed.
        cause: TlsFailure,
        /// How.
        problem: String,
    },
    /// The proxy did not make the connection.
    #[error("{}", escaped(.0))]
    Proxy(String),
    /// Anything else, such as no route.
    #[error("{}", escaped(.0))]
    Other(String),
}

/// What failed in TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFailure {
    /// No authority that is trusted signed the server's certificate.
    UnknownIssuer,
    /// The server's certificate does not cover its name.
    WrongName,
    /// The server's certificate has expired, or is not valid yet.
    Expired,
    /// The server's certificate is not good for another reason.
    BadCertificate,
    /// The server wants a certificate of ours, or another one.
    ClientCertificate,
    /// The server does not speak TLS at this port.
    NotTls,
    /// Anything else.
    Other,
}

/// Certificates, keys or a host that cannot be used, before any connection is made.
#[derive(Debug, thiserror::Error)]
#[error("{what} cannot be used: {problem}")]
pub struct SetupError {
    /// Which file or setting.
    pub what: String,
    /// Why.
    pub problem: String,
}

impl HttpError {
    pub(super) fn of(error: ureq::Error) -> HttpError {
        match error {
            ureq::Error::Io(error) => HttpError::of_io(error),
            ureq::Error::HostNotFound => {
                HttpError::Unreachable(ConnectError::NameNotResolved("no such host".to_owned()))
            }
            ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
                HttpError::Unreachable(ConnectError::TimedOut)
            }
            ureq::Error::Timeout(_) | ureq::Error::BodyStalled => HttpError::Stalled,
            ureq::Error::Tls(problem) => {
                HttpError::Unreachable(ConnectError::tls(TlsFailure::Other, problem.to_owned()))
            }
            ureq::Error::Rustls(error) => HttpError::Unreachable(ConnectError::of_rustls(&error)),
            ureq::Error::Pem(error) => {
                HttpError::Unreachable(ConnectError::tls(TlsFailure::Other, format!("{error:?}")))
            }
            error @ ureq::Error::ConnectProxyFailed(_) => {
                HttpError::Unreachable(ConnectError::Proxy(error.to_string()))
            }
            error @ ureq::Error::ConnectionFailed => {
                HttpError::Unreachable(ConnectError::Other(error.to_string()))
            }
            error => HttpError::unexpected(&error),
        }
    }

    pub(crate) fn of_io(error: io::Error) -> HttpError {
        use io::ErrorKind as Kind;
        let error = match error.downcast::<ureq::Error>() {
            Ok(inner) => return HttpError::of(inner),
            Err(error) => error,
        };
        let error = match error.downcast::<ConnectError>() {
            Ok(inner) => return HttpError::Unreachable(inner),
            Err(error) => error,
        };
        if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return HttpError::Unreachable(ConnectError::of_rustls(error));
        }
        match error.kind() {
            Kind::TimedOut | Kind::WouldBlock => HttpError::Stalled,
            Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::UnexpectedEof => {
                HttpError::Broken(escaped(&error.to_string()))
            }
            Kind::InvalidData => HttpError::unexpected(&error),
            Kind::ConnectionRefused => HttpError::Unreachable(ConnectError::Refused(error.to_string())),
            _ => HttpError::Unreachable(ConnectError::Other(error.to_string())),
        }
    }

    /// An answer that makes no sense.
    pub(super) fn unexpected(problem: &impl ToString) -> HttpError {
        HttpError::Unexpected(escaped(&problem.to_string()))
    }
}

impl ConnectError {
    fn tls(cause: TlsFailure, problem: String) -> ConnectError {
        ConnectError::Tls { cause, problem }
    }

    fn of_rustls(error: &rustls::Error) -> ConnectError {
        let cause = match error {
            rustls::Error::InvalidCertificate(error) => TlsFailure::of_certificate(error),
            rustls::Error::NoCertificatesPresented => TlsFailure::BadCertificate,
            rustls::Error::AlertReceived(alert) => TlsFailure::of_alert(*alert),
            rustls::Error::InvalidMessage(_) => TlsFailure::NotTls,
            _ => TlsFailure::Other,
        };
        ConnectError::tls(cause, error.to_string())
    }
}

impl TlsFailure {
    fn of_certificate(error: &CertificateError) -> TlsFailure {
        match error {
            CertificateError::UnknownIssuer => TlsFailure::UnknownIssuer,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsFailure::WrongName
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => TlsFailure::Expired,
            _ => TlsFailure::BadCertificate,
        }
    }

    /// Servers send these alerts for the certificate of the client: what we think of theirs, they learn from us.
    fn of_alert(alert: AlertDescription) -> TlsFailure {
        match alert {
            AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateUnobtainable
            | AlertDescription::CertificateRequired
            | AlertDescription::UnknownCA => TlsFailure::ClientCertificate,
            _ => TlsFailure::Other,
        }
    }
}

/// A text from outside, for messages.
pub(crate) fn escaped(text: &str) -> String {
    const CHARACTERS_MAX: usize = 300;
    text.trim().chars().take(CHARACTERS_MAX).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(error: rustls::Error) -> TlsFailure {
        // As the client hands it on: inside an error of the reader.
        match HttpError::of_io(io::Error::new(io::ErrorKind::InvalidData, error)) {
            HttpError::Unreachable(ConnectError::Tls { cause, .. }) => cause,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn errors_of_tls_keep_their_cause() {
        for (error, cause) in [
            (CertificateError::UnknownIssuer, TlsFailure::UnknownIssuer),
            (CertificateError::NotValidForName, TlsFailure::WrongName),
            (CertificateError::Expired, TlsFailure::Expired),
            (CertificateError::NotValidYet, TlsFailure::Expired),
            (CertificateError::Revoked, TlsFailure::BadCertificate),
        ] {
            assert_eq!(tls(error.into()), cause);
        }
        for (alert, cause) in [
            (AlertDescription::CertificateRequired, TlsFailure::ClientCertificate),
            (AlertDescription::UnknownCA, TlsFailure::ClientCertificate),
            (AlertDescription::HandshakeFailure, TlsFailure::Other),
        ] {
            assert_eq!(tls(rustls::Error::AlertReceived(alert)), cause);
        }
        assert_eq!(tls(rustls::InvalidMessage::InvalidContentType.into()), TlsFailure::NotTls);
    }

    #[test]
    fn errors_of_sockets_keep_their_cause() {
        let of = |kind: io::ErrorKind| HttpError::of_io(kind.into());
        assert!(matches!(
            of(io::ErrorKind::ConnectionRefused),
            HttpError::Unreachable(ConnectError::Refused(_))
        ));
        assert!(matches!(of(io::ErrorKind::HostUnreachable), HttpError::Unreachable(ConnectError::Other(_))));
        assert!(matches!(of(io::ErrorKind::ConnectionReset), HttpError::Broken(_)));
        assert!(matches!(of(io::ErrorKind::TimedOut), HttpError::Stalled));
        let carried = ConnectError::NameNotResolved("no such name".to_owned());
        let error: ureq::Error = io::Error::other(carried.clone()).into();
        assert!(matches!(HttpError::of(error), HttpError::Unreachable(found) if found == carried));
    }
}
