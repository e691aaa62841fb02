//! Says in words why a TLS connection failed. The texts of the TLS library are for programmers.

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

const DAY: u64 = 86_400;

/// Why a TLS connection failed. The texts may contain names from the server's certificate.
pub(super) fn describe(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => of_certificate(error),
        Error::NoCertificatesPresented => "the server sent no certificate".to_owned(),
        Error::AlertReceived(alert) => of_alert(*alert),
        Error::InvalidMessage(_) => "the server's response is not TLS".to_owned(),
        Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => {
            "the server supports neither TLS 1.2 nor TLS 1.3".to_owned()
        }
        Error::PeerIncompatible(_) => {
            "the server and carnet have no cipher, key exchange or signature algorithm in common".to_owned()
        }
        Error::PeerMisbehaved(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. } => "the server violates the TLS protocol".to_owned(),
        Error::DecryptError => "a message of the server cannot be decrypted".to_owned(),
        Error::PeerSentOversizedRecord => "the server sent a record that is too long".to_owned(),
        Error::General(text) => text.clone(),
        _ => "the TLS connection failed".to_owned(),
    }
}

fn of_certificate(error: &CertificateError) -> String {
    const CERTIFICATE: &str = "the server's certificate";
    let what = match error {
        CertificateError::UnknownIssuer => "is not signed by a trusted authority",
        CertificateError::NotValidForName => "does not cover this host name",
        CertificateError::NotValidForNameContext { expected, presented } => {
            let name = expected.to_str();
            return match presented.as_slice() {
                // A common name alone is not enough (RFC 9110, section 4.3.4).
                [] => format!("{CERTIFICATE} does not cover {name:?}: it has no subject alternative name"),
                names => format!("{CERTIFICATE} does not cover {name:?}, only {}", presented_names(names)),
            };
        }
        CertificateError::Expired => "has expired",
        CertificateError::ExpiredContext { time, not_after } => {
            return format!("{CERTIFICATE}, or one above it, expired {} ago", days(*not_after, *time));
        }
        CertificateError::NotValidYet => "is not valid yet",
        CertificateError::NotValidYetContext { time, not_before } => {
            return format!(
                "{CERTIFICATE}, or one above it, is not valid for another {}",
                days(*time, *not_before)
            );
        }
        CertificateError::BadEncoding | CertificateError::UnhandledCriticalExtension => "cannot be read",
        CertificateError::BadSignature => "has a wrong signature",
        CertificateError::Revoked => "was revoked",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "is not meant for a server (extended key usage)"
        }
        CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => {
            "is that of an authority, and it is not trusted itself"
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "or one above it, is signed with an algorithm that is not supported; RSA, ECDSA with P-256, P-384 or P-521, \
             and Ed25519 are"
        }
        _ => "is invalid",
    };
    let comma = if what.starts_with("or ") { "," } else { "" };
    format!("{CERTIFICATE}{comma} {what}")
}

/// The names in a certificate, as webpki lists them: `DnsName("low.example")`.
fn presented_names(names: &[String]) -> String {
    let bare = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
        inner.trim_matches('"').to_owned()
    };
    names.iter().map(bare).collect::<Vec<_>>().join(", ")
}

fn days(from: UnixTime, to: UnixTime) -> String {
    match to.as_secs().saturating_sub(from.as_secs()) / DAY {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

fn of_alert(alert: AlertDescription) -> String {
    let why = match alert {
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            "it has no cipher or kind of key in common with carnet"
        }
        AlertDescription::ProtocolVersion => "it supports neither TLS 1.2 nor TLS 1.3",
        AlertDescription::UnrecognisedName => "it does not know this host name",
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            "it requires a client certificate"
        }
        AlertDescription::UnknownCA | AlertDescription::AccessDenied => {
            "it does not accept the client certificate"
        }
        AlertDescription::CertificateExpired | AlertDescription::CertificateRevoked => {
            "the client certificate has expired or was revoked"
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateUnobtainable => {
            "it requires a client certificate, or does not accept the one that was sent"
        }
        AlertDescription::InternalError => "it has an internal error",
        other => return format!("the server ended the connection with TLS alert {}", u8::from(other)),
    };
    format!("the server ended the connection: {why}")
}
