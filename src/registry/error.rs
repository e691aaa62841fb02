//! What goes wrong between us and a registry.

use std::io;

use super::problem::{ErrorCode, Problem};
use super::{Host, RepositoryName};
use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis};
use crate::http::{ConnectError, HttpError, SetupError, TlsFailure};
use crate::oci::Digest;
use crate::oci::digest::BlobMismatch;

/// What goes wrong between us and a registry. Texts that a server sent are bounded and escaped. `asked` is the request,
/// as `GET /v2/app/manifests/1.0`.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No connection can be made: name, address, port, TLS.
    #[error("{host} cannot be reached: {cause}")]
    Unreachable {
        /// The host, or the token service of one.
        host: String,
        /// Why.
        cause: ConnectError,
    },
    /// Credentials are missing or wrong.
    #[error("{host} requires authentication ({asked}): {problem}")]
    Unauthorized {
        /// The registry.
        host: Host,
        /// The request.
        asked: String,
        /// What the answer says.
        problem: Problem,
    },
    /// The credentials do not suffice.
    #[error("{host} refuses {asked}: {problem}")]
    Denied {
        /// The registry.
        host: Host,
        /// The request.
        asked: String,
        /// What the answer says.
        problem: Problem,
    },
    /// Too many requests, still after all retries.
    #[error("{host} is rate limiting ({asked}): HTTP 429{problem}")]
    RateLimited {
        /// The registry.
        host: Host,
        /// The request.
        asked: String,
        /// How long the registry asks to wait, and how often the request was sent; or what the answer says.
        problem: String,
    },
    /// An answer that refuses, or a failing server, still after all retries.
    #[error("{host} answers {status} to {asked}: {problem}")]
    Failed {
        /// The registry.
        host: Host,
        /// The status of the answer.
        status: u16,
        /// The request.
        asked: String,
        /// What the answer says.
        problem: Problem,
    },
    /// Too little moves.
    #[error("{host} stalls ({asked}): less than {bytes} bytes moved in {seconds} seconds")]
    Stalled {
        /// The registry.
        host: Host,
        /// The request.
        asked: String,
        /// The least that must move in that time.
        bytes: u64,
        /// The time.
        seconds: u64,
    },
    /// A connection broke, still after all retries.
    #[error("the connection to {host} broke ({asked}): {problem}")]
    Broken {
        /// The registry.
        host: Host,
        /// The request.
        asked: String,
        /// How.
        problem: String,
    },
    /// An answer that is not what the distribution-spec says.
    #[error("unexpected response from {host} to {asked}: {problem}")]
    Protocol {
        /// The registry.
        host: Host,
        /// The request.
        asked: String,
        /// What was expected and found.
        problem: String,
    },
    /// The registry points to a host that may not be contacted.
    #[error("{host} points to {other} ({asked}): {cause}")]
    Elsewhere {
        /// The registry.
        host: Host,
        /// The other host, with its scheme.
        other: String,
        /// The request.
        asked: String,
        /// Why the other host may not be contacted.
        cause: HostRefusal,
    },
    /// The bytes do not have their digest.
    #[error("{host}/{repository}: {mismatch}")]
    Mismatch {
        /// The registry.
        host: Host,
        /// The repository.
        repository: RepositoryName,
        /// What was expected and found.
        mismatch: BlobMismatch,
    },
    /// More or fewer bytes than the descriptor says.
    #[error("{host}/{repository}: {digest} should have {announced} bytes, but has {found}")]
    Size {
        /// The registry.
        host: Host,
        /// The repository.
        repository: RepositoryName,
        /// The blob or manifest.
        digest: Digest,
        /// The size in its descriptor, in bytes.
        announced: u64,
        /// The size in the registry, in bytes.
        found: u64,
    },
    /// The registry does not have something that is pointed to.
    #[error("{host}/{repository} does not have {what}")]
    Absent {
        /// The registry.
        host: Host,
        /// The repository.
        repository: RepositoryName,
        /// A tag or a digest.
        what: String,
    },
    /// A URL of a non-distributable layer does not provide it.
    #[error("{url} does not provide {digest}: {problem}")]
    Url {
        /// The URL, escaped.
        url: String,
        /// The layer.
        digest: Digest,
        /// Why not.
        problem: UrlError,
    },
    /// The data for an upload cannot be read.
    #[error("upload to {host} aborted: the data cannot be read: {source}")]
    Feed {
        /// The registry.
        host: Host,
        /// Why.
        source: io::Error,
    },
    /// The data for an upload does not have its digest.
    #[error("upload to {host} aborted: the data is damaged: {mismatch}")]
    Unproven {
        /// The registry.
        host: Host,
        /// What was expected and found.
        mismatch: BlobMismatch,
    },
    /// Certificates, keys or credential files that cannot be used.
    #[error("{what} cannot be used: {problem}")]
    Setup {
        /// The file or setting.
        what: String,
        /// Why.
        problem: String,
    },
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
}

/// Why a host that a registry points to may not be contacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostRefusal {
    /// The URL carries credentials.
    #[error("the URL contains a name or a password")]
    Credentials,
    /// There is no host.
    #[error("the URL names no host")]
    NoHost,
    /// There is no TLS.
    #[error("it does not use HTTPS, and plain HTTP is not allowed for this host")]
    WithoutTls,
    /// It is not among the hosts that may be contacted.
    #[error("no other host is contacted here unless it is allowed")]
    NotAllowed,
}

/// Why a URL does not provide a layer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// No connection can be made, or the address is not public.
    #[error(transparent)]
    Unreachable(#[from] ConnectError),
    /// It may not be contacted.
    #[error("{0}")]
    Refused(String),
    /// It redirects to a URL that may not be contacted.
    #[error("a redirect leads to {0}")]
    Redirect(Box<UrlError>),
    /// The connection broke or stalled.
    #[error("{0}")]
    Broken(String),
    /// The status of the answer is not one of success.
    #[error("status {0}")]
    Status(u16),
    /// The answer has another size.
    #[error("{found} bytes, expected {expected}")]
    Size {
        /// The size in the layer's descriptor.
        expected: u64,
        /// The size in the answer.
        found: u64,
    },
    /// The answer is something else.
    #[error("{0}")]
    Unexpected(String),
}

impl UrlError {
    /// Whether the URL was not asked because it leads to a private address.
    pub fn is_of_private_address(&self) -> bool {
        match self {
            UrlError::Unreachable(ConnectError::PrivateAddress { .. }) => true,
            UrlError::Redirect(target) => target.is_of_private_address(),
            _ => false,
        }
    }
}

impl From<HttpError> for UrlError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Unreachable(cause) => UrlError::Unreachable(cause),
            HttpError::Broken(_) | HttpError::Stalled => UrlError::Broken(error.to_string()),
            HttpError::Unexpected(problem) => UrlError::Unexpected(problem),
        }
    }
}

impl From<SetupError> for RegistryError {
    fn from(SetupError { what, problem }: SetupError) -> Self {
        RegistryError::Setup { what, problem }
    }
}

impl RegistryError {
    /// Whether it concerns one blob only, so that others may still be fetched.
    pub fn is_of_one_blob(&self) -> bool {
        matches!(
            self,
            RegistryError::Mismatch { .. }
                | RegistryError::Size { .. }
                | RegistryError::Absent { .. }
                | RegistryError::Url { .. }
                | RegistryError::Protocol { .. }
        )
    }
}

impl Diagnose for RegistryError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            RegistryError::Unreachable { cause, .. } => {
                return Code::RegistryUnreachable.with(of_unreachable(cause));
            }
            RegistryError::Broken { .. } => return Code::RegistryUnreachable.with(Advice::RunAgain),
            RegistryError::Failed { host, status, problem, .. } => return of_status(host, *status, problem),
            RegistryError::Elsewhere { cause, .. } => {
                return Code::RegistryHostRefused.with(of_elsewhere(*cause));
            }
            RegistryError::Mismatch { .. } => return Code::BlobMismatch.with(Advice::RegistryIsDamaged),
            RegistryError::Size { .. } => return Code::BlobSizeMismatch.with(Advice::RegistryIsDamaged),
            RegistryError::Unproven { .. } => return Code::BlobMismatch.with(Advice::ChunksAreDamaged),
            RegistryError::Feed { source, .. } => return Code::FileUnusable.with(Advice::of_io(source)),
            RegistryError::Url { problem, .. } if problem.is_of_private_address() => {
                return Code::UrlUnusable.with(Advice::UrlIsPrivate);
            }
            RegistryError::Unauthorized { .. } => Code::RegistryUnauthorized,
            RegistryError::Denied { .. } => Code::RegistryDenied,
            RegistryError::RateLimited { .. } => Code::RegistryRateLimited,
            RegistryError::Stalled { .. } => Code::RegistryStalled,
            RegistryError::Protocol { .. } => Code::RegistryProtocol,
            RegistryError::Absent { .. } => Code::RegistryContentMissing,
            RegistryError::Url { .. } => Code::UrlUnusable,
            RegistryError::Setup { .. } => Code::RegistrySetup,
            RegistryError::Interrupted => Code::Interrupted,
        };
        code.into()
    }
}

fn of_unreachable(cause: &ConnectError) -> Option<Advice> {
    let ConnectError::Tls { cause, .. } = cause else { return None };
    match cause {
        TlsFailure::WrongName => Some(Advice::NameNotInCertificate),
        TlsFailure::UnknownIssuer => Some(Advice::UnknownAuthority),
        TlsFailure::Expired | TlsFailure::BadCertificate => Some(Advice::CertificateInvalid),
        TlsFailure::ClientCertificate => Some(Advice::ClientCertificateNeeded),
        TlsFailure::NotTls => Some(Advice::PlainHttpSpoken),
        TlsFailure::Other => None,
    }
}

fn of_status(host: &Host, status: u16, problem: &Problem) -> Diagnosis {
    let code = match status {
        // A refusal has a status from 400 to 599, and a teapot is no registry.
        ..=399 | 418 | 600.. => Code::RegistryProtocol,
        _ => Code::RegistryFailed,
    };
    let advice = match status {
        _ if problem.names_urls() => Some(Advice::UrlsRefused),
        // So a distribution registry refuses layers with urls.
        500 if problem.has(ErrorCode::ManifestBlobUnknown) => Some(Advice::UrlsPerhapsRefused),
        400 if host.is_loopback() && problem.expects_tls() => Some(Advice::TlsSpoken),
        500.. => Some(Advice::ServerInTrouble),
        _ => None,
    };
    code.with(advice)
}

fn of_elsewhere(cause: HostRefusal) -> Option<Advice> {
    match cause {
        HostRefusal::NotAllowed => Some(Advice::HostNotAllowed),
        HostRefusal::WithoutTls => Some(Advice::HostWithoutTls),
        HostRefusal::Credentials | HostRefusal::NoHost => None,
    }
}
