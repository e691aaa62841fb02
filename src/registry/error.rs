//! Errors of registries.

use std::io;

use super::problem::{ErrorCode, Problem};
use super::{Host, RepositoryName};
use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis};
use crate::http::{ConnectError, HttpError, SetupError, TlsFailure};
use crate::oci::Digest;
use crate::oci::digest::{BlobMismatch, found_bytes};

/// An error of a registry, or of the connection to it. Texts from servers are limited in length, but not escaped.
/// `request` is the method and path, for example `GET /v2/app/manifests/1.0`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// No connection can be opened: the name, address, port or TLS is wrong.
    #[error("cannot connect to {host}: {cause}")]
    Unreachable {
        /// The host, or its token service.
        host: String,
        /// Why no connection could be opened.
        cause: ConnectError,
    },
    /// Credentials are missing or wrong.
    #[error("{} requires authentication ({request}): {problem}", asker(host, elsewhere.as_ref()))]
    Unauthorized {
        /// The host of the registry.
        host: Host,
        /// The host that requires it, if the registry redirected to another one.
        elsewhere: Option<Host>,
        /// The method and path of the request.
        request: String,
        /// The error in the response.
        problem: Problem,
    },
    /// The credentials do not permit the request.
    #[error("{host} denied {request}: {problem}")]
    Denied {
        /// The host of the registry.
        host: Host,
        /// The method and path of the request.
        request: String,
        /// The error in the response.
        problem: Problem,
    },
    /// There were too many requests, still after all retries.
    #[error("{host} is rate limiting ({request}): HTTP 429{problem}")]
    RateLimited {
        /// The host of the registry.
        host: Host,
        /// The method and path of the request.
        request: String,
        /// The requested wait and the number of attempts, or the error in the response. Begins with `, ` or `: `.
        problem: String,
    },
    /// The response has an error status, still after all retries.
    #[error("{host} returned HTTP {status} for {request}: {problem}")]
    Failed {
        /// The host of the registry.
        host: Host,
        /// The HTTP status of the response.
        status: u16,
        /// The method and path of the request.
        request: String,
        /// The error in the response.
        problem: Problem,
    },
    /// The connection made too little progress.
    #[error("the connection to {host} stalled ({request}): fewer than {bytes} bytes in {seconds} seconds")]
    Stalled {
        /// The host of the registry.
        host: Host,
        /// The method and path of the request.
        request: String,
        /// The minimum number of bytes in that time.
        bytes: u64,
        /// The time limit in seconds.
        seconds: u64,
    },
    /// The connection broke, still after all retries.
    #[error("the connection to {host} broke ({request}): {problem}")]
    Broken {
        /// The host of the registry.
        host: Host,
        /// The method and path of the request.
        request: String,
        /// The error of the connection.
        problem: String,
    },
    /// The response violates the distribution-spec.
    #[error("unexpected response from {host} to {request}: {problem}")]
    Protocol {
        /// The host of the registry.
        host: Host,
        /// The method and path of the request.
        request: String,
        /// What is wrong with the response.
        problem: String,
    },
    /// The registry refers to a host that may not be contacted.
    #[error("{host} refers to {other} ({request}): {cause}")]
    OtherHost {
        /// The host of the registry.
        host: Host,
        /// The other host, with its scheme.
        other: String,
        /// The method and path of the request.
        request: String,
        /// Why the other host may not be contacted.
        cause: HostRefusal,
    },
    /// The bytes do not match their digest.
    #[error("{host}/{repository}: {mismatch}")]
    Mismatch {
        /// The host of the registry.
        host: Host,
        /// The name of the repository.
        repository: RepositoryName,
        /// The expected and the actual digest and size.
        mismatch: BlobMismatch,
    },
    /// The size differs from the descriptor.
    #[error("{host}/{repository}: wrong size of {digest}: expected {announced} bytes, found {}", found_bytes(*announced, *found))]
    Size {
        /// The host of the registry.
        host: Host,
        /// The name of the repository.
        repository: RepositoryName,
        /// The digest of the blob or manifest.
        digest: Digest,
        /// The size in the descriptor, in bytes.
        announced: u64,
        /// The size in the registry, in bytes.
        found: u64,
    },
    /// The registry lacks something that is referenced.
    #[error("{what} not found in {host}/{repository}")]
    Absent {
        /// The host of the registry.
        host: Host,
        /// The name of the repository.
        repository: RepositoryName,
        /// The tag, digest or upload that was not found.
        what: String,
    },
    /// The registry refuses to say what refers to a manifest.
    #[error(transparent)]
    Referrers(Box<RegistryError>),
    /// The registry confirmed a push, but does not have what was pushed.
    #[error("{host}/{repository} confirmed {what}, but does not have it")]
    Lost {
        /// The host of the registry.
        host: Host,
        /// The name of the repository.
        repository: RepositoryName,
        /// The tag or digest that was pushed.
        what: String,
    },
    /// The registry confirmed a tag, but the tag points at something else.
    #[error("{host}/{repository}:{tag} was set to {expected}, but points at {found}")]
    NotSet {
        /// The host of the registry.
        host: Host,
        /// The name of the repository.
        repository: RepositoryName,
        /// The tag.
        tag: String,
        /// The digest that was pushed.
        expected: Digest,
        /// The digest that the tag points at.
        found: Digest,
    },
    /// A non-distributable layer cannot be fetched from one of its URLs.
    #[error("cannot fetch {digest} from {url}: {problem}")]
    Url {
        /// The URL, without user name and password.
        url: String,
        /// The digest of the layer.
        digest: Digest,
        /// Why the layer cannot be fetched.
        problem: UrlError,
    },
    /// The data for an upload cannot be read.
    #[error("upload to {host} aborted: cannot read the data: {source}")]
    Feed {
        /// The host of the registry.
        host: Host,
        /// The error of the read.
        source: io::Error,
    },
    /// The data for an upload does not match its digest.
    #[error("upload to {host} aborted: the data is damaged: {mismatch}")]
    UploadMismatch {
        /// The host of the registry.
        host: Host,
        /// The expected and the actual digest and size.
        mismatch: BlobMismatch,
    },
    /// A certificate, key or credentials file cannot be used.
    #[error("cannot use {what}: {problem}")]
    Setup {
        /// The file or setting.
        what: String,
        /// Why it cannot be used.
        problem: String,
        /// The circumstance that decides the next step, if there is one.
        advice: Option<Advice>,
    },
    /// The stop signal was received.
    #[error("interrupted")]
    Interrupted,
}

/// Why a host that a registry refers to may not be contacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostRefusal {
    /// The URL contains credentials.
    #[error("the URL contains a user name or password")]
    Credentials,
    /// The URL has no host.
    #[error("the URL has no host")]
    NoHost,
    /// The URL does not use HTTPS, and plain HTTP is not allowed for the host.
    #[error("the URL does not use HTTPS, and plain HTTP is not allowed for this host")]
    NotHttps,
    /// The URL has the name of the registry, which is contacted over HTTPS, but does not use HTTPS itself.
    #[error("the URL has the name of the registry, but does not use HTTPS")]
    OwnNotHttps,
    /// The host is not among those that may be contacted.
    #[error("this host is not allowed")]
    NotAllowed,
}

/// Why a layer cannot be fetched from a URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// No connection can be opened, or the address is not public.
    #[error(transparent)]
    Unreachable(#[from] ConnectError),
    /// The URL may not be contacted.
    #[error("{0}")]
    Refused(String),
    /// The URL redirects to one that may not be contacted.
    #[error("redirect refused: {0}")]
    Redirect(Box<UrlError>),
    /// The connection broke or stalled.
    #[error("{0}")]
    Broken(String),
    /// The response has an error status.
    #[error("HTTP {0}")]
    Status(u16),
    /// The response has a wrong size.
    #[error("expected {expected} bytes, found {}", found_bytes(*expected, *found))]
    Size {
        /// The size in the layer's descriptor, in bytes.
        expected: u64,
        /// The size in the response, in bytes.
        found: u64,
    },
    /// The response is invalid.
    #[error("{0}")]
    Unexpected(String),
}

impl UrlError {
    /// Returns whether the URL was not requested because its host has a private address.
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
    fn from(SetupError { what, problem, advice }: SetupError) -> Self {
        RegistryError::Setup { what, problem, advice }
    }
}

impl RegistryError {
    /// Returns whether the error concerns only one blob, so that others may still be fetched.
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
            RegistryError::Referrers(error) => {
                return error.diagnosis().code.with(Advice::ReferrersRefused);
            }
            RegistryError::Broken { .. } => return Code::RegistryUnreachable.with(Advice::RunAgain),
            RegistryError::Failed { host, status, request, problem } => {
                return of_status(host, *status, request, problem);
            }
            RegistryError::Denied { request, problem, .. }
                if is_write(request) && problem.says_read_only() =>
            {
                return Code::RegistryDenied.with(Advice::RegistryIsReadOnly);
            }
            RegistryError::Unauthorized { elsewhere: Some(other), .. } => {
                return Code::RegistryUnauthorized.with(Advice::LoginElsewhere { host: other.to_string() });
            }
            RegistryError::OtherHost { cause, .. } => {
                return Code::RegistryHostRefused.with(of_other_host(*cause));
            }
            RegistryError::Mismatch { .. } => return Code::BlobMismatch.with(Advice::RegistryIsDamaged),
            RegistryError::Size { .. } => return Code::BlobSizeMismatch.with(Advice::RegistryIsDamaged),
            RegistryError::UploadMismatch { .. } => return Code::BlobMismatch.with(Advice::ChunksAreDamaged),
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
            RegistryError::Lost { .. } => Code::RegistryContentLost,
            RegistryError::NotSet { .. } => Code::TagNotSet,
            RegistryError::Url { .. } => Code::UrlUnusable,
            RegistryError::Setup { advice, .. } => return Code::RegistrySetup.with(advice.clone()),
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
        TlsFailure::Unsupported => Some(Advice::TlsUnsupported),
        TlsFailure::Other => None,
    }
}

/// The host that requires a login, for messages.
fn asker(host: &Host, elsewhere: Option<&Host>) -> String {
    match elsewhere {
        Some(other) => format!("{other}, a redirect target of {host},"),
        None => host.to_string(),
    }
}

/// Returns whether a request, as errors describe it, changes the registry.
fn is_write(request: &str) -> bool {
    ["POST ", "PUT ", "PATCH "].iter().any(|method| request.starts_with(method))
}

fn of_status(host: &Host, status: u16, request: &str, problem: &Problem) -> Diagnosis {
    let code = match status {
        // Error statuses are 400 to 599. No registry sends 418, which is for teapots.
        ..=399 | 418 | 600.. => Code::RegistryProtocol,
        _ => Code::RegistryFailed,
    };
    let advice = match status {
        _ if problem.names_urls() => Some(Advice::UrlsRefused),
        // A distribution registry refuses layers with urls this way.
        500 if problem.has(ErrorCode::ManifestBlobUnknown) => Some(Advice::UrlsPerhapsRefused),
        _ if is_write(request) && problem.has(ErrorCode::NameUnknown) => Some(Advice::RepositoryMustExist),
        _ if is_write(request) && problem.says_read_only() => Some(Advice::RegistryIsReadOnly),
        405 if is_write(request) => Some(Advice::RegistryIsReadOnly),
        // An upload does not depend on the types of the artifact.
        _ if request.starts_with("PUT ")
            && request.contains("/manifests/")
            && refuses_type(status, problem) =>
        {
            Some(Advice::TypeRefused)
        }
        400 if host.is_loopback() && problem.expects_tls() => Some(Advice::TlsSpoken),
        500.. => Some(Advice::ServerInTrouble),
        _ => None,
    };
    code.with(advice)
}

/// Returns whether a registry that refuses a manifest probably does not know its type.
fn refuses_type(status: u16, problem: &Problem) -> bool {
    let codes = [ErrorCode::ManifestInvalid, ErrorCode::Unsupported];
    status == 415 || (status < 500 && codes.into_iter().any(|code| problem.has(code)))
}

fn of_other_host(cause: HostRefusal) -> Option<Advice> {
    match cause {
        HostRefusal::NotAllowed => Some(Advice::HostNotAllowed),
        HostRefusal::NotHttps => Some(Advice::HostWithoutTls),
        HostRefusal::OwnNotHttps => Some(Advice::ProxyHidesTls),
        HostRefusal::Credentials | HostRefusal::NoHost => None,
    }
}
