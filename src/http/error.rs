//! Errors of HTTP calls. Causes are classified here, where the original errors of TLS and of sockets are available.

use std::io;
use std::net::IpAddr;

use rustls::{AlertDescription, CertificateError};
use ureq::Timeout;

use super::tls_problem::describe;
use crate::diagnosis::Advice;

/// Why a call got no usable response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// The connection could not be opened.
    #[error(transparent)]
    Unreachable(ConnectError),
    /// The connection broke during the call.
    #[error("{0}")]
    Broken(String),
    /// The connection made too little progress.
    #[error("the connection stalled")]
    Stalled,
    /// The response is not valid HTTP, or not what was requested.
    #[error("{0}")]
    Unexpected(String),
}

/// Why a connection could not be opened. Texts from the system and from servers are limited in length, but not escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The host name could not be resolved.
    #[error("{}", bounded(.0))]
    NameNotResolved(String),
    /// The host refused the connection to this port.
    #[error("{}", bounded(.0))]
    Refused(String),
    /// The connection was not established in time.
    #[error("connection timed out")]
    TimedOut,
    /// The host has a private address, and only public addresses are allowed for it.
    #[error("{name} has the private address {address}, which is not allowed for this host")]
    PrivateAddress {
        /// The host as written in a URL, with brackets around an IPv6 address.
        name: String,
        /// The private address of the host.
        address: IpAddr,
    },
    /// The TLS handshake or connection failed.
    #[error("TLS: {}{}", bounded(problem), if *cause == TlsFailure::NotTls { " (the server may use plain HTTP)" } else { "" })]
    Tls {
        /// The kind of failure.
        cause: TlsFailure,
        /// What is wrong, in words.
        problem: String,
    },
    /// The proxy could not open the connection.
    #[error("{}", bounded(.0))]
    Proxy(String),
    /// Any other cause, for example no route to the host.
    #[error("{}", bounded(.0))]
    Other(String),
}

/// The kind of a TLS failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFailure {
    /// The server's certificate is not signed by a trusted authority.
    UnknownIssuer,
    /// The server's certificate does not cover its host name.
    WrongName,
    /// The server's certificate has expired, or is not valid yet.
    Expired,
    /// The server's certificate is invalid for another reason.
    BadCertificate,
    /// The server requires a client certificate, or rejected the one that was sent.
    ClientCertificate,
    /// The server does not use TLS on this port.
    NotTls,
    /// The server uses a version of TLS, a cipher or a kind of key that is not supported.
    Unsupported,
    /// Any other TLS failure.
    Other,
}

/// A certificate, key or host that cannot be used. Detected before any connection is opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {what}: {problem}")]
pub struct SetupError {
    /// The file or setting.
    pub what: String,
    /// Why it cannot be used.
    pub problem: String,
    /// The circumstance that decides the next step, if there is one.
    pub advice: Option<Advice>,
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
                HttpError::Broken(bounded(&error.to_string()))
            }
            Kind::InvalidData => HttpError::unexpected(&error),
            Kind::ConnectionRefused => HttpError::Unreachable(ConnectError::Refused(error.to_string())),
            _ => HttpError::Unreachable(ConnectError::Other(error.to_string())),
        }
    }

    /// A response that violates the protocol.
    pub(super) fn unexpected(problem: &impl ToString) -> HttpError {
        HttpError::Unexpected(bounded(&problem.to_string()))
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
            rustls::Error::PeerIncompatible(_) => TlsFailure::Unsupported,
            _ => TlsFailure::Other,
        };
        ConnectError::tls(cause, describe(error))
    }
}

impl TlsFailure {
    fn of_certificate(error: &CertificateError) -> TlsFailure {
        match error {
            CertificateError::UnknownIssuer => TlsFailure::UnknownIssuer,
            // An authority that serves itself. It is trusted if it is among the trusted certificates.
            CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => {
                TlsFailure::UnknownIssuer
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsFailure::WrongName
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => TlsFailure::Expired,
            CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                TlsFailure::Unsupported
            }
            _ => TlsFailure::BadCertificate,
        }
    }

    /// A server sends these alerts about the client's certificate. We detect problems of its own certificate ourselves.
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
            AlertDescription::HandshakeFailure
            | AlertDescription::InsufficientSecurity
            | AlertDescription::ProtocolVersion => TlsFailure::Unsupported,
            _ => TlsFailure::Other,
        }
    }
}

/// Trims a text from outside and limits its length, for use in messages.
pub(crate) fn bounded(text: &str) -> String {
    const CHARACTERS_MAX: usize = 300;
    text.trim().chars().take(CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(error: rustls::Error) -> TlsFailure {
        // The client returns it wrapped in an I/O error.
        match HttpError::of_io(io::Error::new(io::ErrorKind::InvalidData, error)) {
            HttpError::Unreachable(ConnectError::Tls { cause, .. }) => cause,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn tls_errors_keep_their_cause() {
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
            (AlertDescription::HandshakeFailure, TlsFailure::Unsupported),
            (AlertDescription::InternalError, TlsFailure::Other),
        ] {
            assert_eq!(tls(rustls::Error::AlertReceived(alert)), cause);
        }
        assert_eq!(tls(rustls::InvalidMessage::InvalidContentType.into()), TlsFailure::NotTls);
    }

    #[test]
    fn socket_errors_keep_their_cause() {
        let of = |kind: io::ErrorKind| HttpError::of_io(kind.into());
        assert!(matches!(
            of(io::ErrorKind::ConnectionRefused),
            HttpError::Unreachable(ConnectError::Refused(_))
        ));
        assert!(matches!(of(io::ErrorKind::HostUnreachable), HttpError::Unreachable(ConnectError::Other(_))));
        assert!(matches!(of(io::ErrorKind::ConnectionReset), HttpError::Broken(_)));
        assert!(matches!(of(io::ErrorKind::TimedOut), HttpError::Stalled));
        let wrapped = ConnectError::NameNotResolved("no such name".to_owned());
        let error: ureq::Error = io::Error::other(wrapped.clone()).into();
        assert!(matches!(HttpError::of(error), HttpError::Unreachable(found) if found == wrapped));
    }
}
