//! What goes wrong between us and a registry.

use std::io;

use super::{Host, RepositoryName};
use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis};
use crate::http::SetupError;
use crate::oci::Digest;
use crate::oci::digest::BlobMismatch;

/// Why we do not go where a registry sends us: the host is another one.
pub(super) const HOST_NOT_ALLOWED: &str = "no other host is contacted here unless it is allowed";

/// Why we do not go where a registry sends us: there is no TLS.
pub(super) const HOST_WITHOUT_TLS: &str =
    "it does not use HTTPS, and plain HTTP is not allowed for this host";

/// What is said of a host in a URL that is not asked because its address is private.
pub(super) const IS_PRIVATE: &str = " has the private address ";

/// What goes wrong between us and a registry. Texts that a server sent are bounded and escaped.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No connection comes about: name, address, port, TLS.
    #[error("{host} cannot be reached: {problem}")]
    Unreachable {
        /// Which host.
        host: String,
        /// Why.
        problem: String,
    },
    /// Credentials are missing or wrong.
    #[error("{host} does not let us in ({asked}): {problem}")]
    Unauthorized {
        /// Which host.
        host: Host,
        /// What was asked for, as `GET /v2/app/manifests/1.0`.
        asked: String,
        /// What it said.
        problem: String,
    },
    /// The credentials do not suffice.
    #[error("{host} refuses {asked}: {problem}")]
    Denied {
        /// Which host.
        host: Host,
        /// What was asked for.
        asked: String,
        /// What it said.
        problem: String,
    },
    /// Too many requests, still after all tries.
    #[error("{host} asks to wait ({asked}, {problem})")]
    RateLimited {
        /// Which host.
        host: Host,
        /// What was asked for.
        asked: String,
        /// For how long, and how often it was tried.
        problem: String,
    },
    /// An answer that says no, or a server in trouble, still after all tries.
    #[error("{host} answers {status} to {asked}: {problem}")]
    Failed {
        /// Which host.
        host: Host,
        /// The status of the answer.
        status: u16,
        /// What was asked for.
        asked: String,
        /// What it said.
        problem: String,
    },
    /// Too little moves.
    #[error("{host} stalls ({asked}): less than {bytes} bytes came in {seconds} seconds")]
    Stalled {
        /// Which host.
        host: Host,
        /// What was asked for.
        asked: String,
        /// The least that must move in that time, in bytes.
        bytes: u64,
        /// The time.
        seconds: u64,
    },
    /// A connection broke, still after all tries.
    #[error("the connection to {host} broke ({asked}): {problem}")]
    Broken {
        /// Which host.
        host: Host,
        /// What was asked for.
        asked: String,
        /// How.
        problem: String,
    },
    /// An answer that makes no sense.
    #[error("{host} gives a senseless answer to {asked}: {problem}")]
    Protocol {
        /// Which host.
        host: Host,
        /// What was asked for.
        asked: String,
        /// What was expected, and what came.
        problem: String,
    },
    /// The registry sends us somewhere we do not go.
    #[error("{host} points at {other} ({asked}): {problem}")]
    Elsewhere {
        /// Which host.
        host: Host,
        /// Where it sends us.
        other: String,
        /// What was asked for.
        asked: String,
        /// Why we do not go there.
        problem: String,
    },
    /// The bytes are not what their digest says.
    #[error("{host}/{repository}: {mismatch}")]
    Mismatch {
        /// Which host.
        host: Host,
        /// Which repository.
        repository: RepositoryName,
        /// What was expected and found.
        mismatch: BlobMismatch,
    },
    /// More or fewer bytes than announced.
    #[error("{host}/{repository}: {digest} is announced with {announced} bytes, {found} are there")]
    Size {
        /// Which host.
        host: Host,
        /// Which repository.
        repository: RepositoryName,
        /// What was asked for.
        digest: Digest,
        /// What its descriptor says, in bytes.
        announced: u64,
        /// What the registry has, in bytes.
        found: u64,
    },
    /// Something that was pointed at is not there.
    #[error("{host}/{repository} does not have {what}")]
    Absent {
        /// Which host.
        host: Host,
        /// Which repository.
        repository: RepositoryName,
        /// A tag or a digest.
        what: String,
    },
    /// A URL of a non-distributable layer does not give it.
    #[error("{digest} cannot be had from {url}: {problem}")]
    Url {
        /// The URL, escaped.
        url: String,
        /// The layer.
        digest: Digest,
        /// Why not.
        problem: String,
    },
    /// What was to be sent cannot be read.
    #[error("what {host} was to get cannot be read: {source}")]
    Feed {
        /// Which host.
        host: Host,
        /// Why.
        source: io::Error,
    },
    /// What was to be sent is not what its digest says.
    #[error("what {host} was to get is not right: {mismatch}")]
    Unproven {
        /// Which host.
        host: Host,
        /// What was expected and found.
        mismatch: BlobMismatch,
    },
    /// Certificates, keys or credential files that cannot be used.
    #[error("{what} cannot be used: {problem}")]
    Setup {
        /// Which file or setting.
        what: String,
        /// Why.
        problem: String,
    },
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
}

impl From<SetupError> for RegistryError {
    fn from(SetupError { what, problem }: SetupError) -> Self {
        RegistryError::Setup { what, problem }
    }
}

impl RegistryError {
    /// Whether it says something of one blob only, and others may be had.
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
            RegistryError::Unreachable { problem, .. } => {
                return Code::RegistryUnreachable.with(of_unreachable(problem));
            }
            RegistryError::Broken { .. } => return Code::RegistryUnreachable.with(Advice::RunAgain),
            RegistryError::Failed { host, status, problem, .. } => return of_status(host, *status, problem),
            RegistryError::Elsewhere { problem, .. } => {
                return Code::RegistryHostRefused.with(of_elsewhere(problem));
            }
            RegistryError::Mismatch { .. } => return Code::BlobMismatch.with(Advice::RegistryIsDamaged),
            RegistryError::Size { .. } => return Code::BlobSizeMismatch.with(Advice::RegistryIsDamaged),
            RegistryError::Unproven { .. } => return Code::BlobMismatch.with(Advice::ChunksAreDamaged),
            RegistryError::Feed { source, .. } => return Code::FileUnusable.with(Advice::of_io(source)),
            RegistryError::Url { problem, .. } if problem.contains(IS_PRIVATE) => {
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

fn of_unreachable(problem: &str) -> Option<Advice> {
    if problem.contains("not valid for name") {
        Some(Advice::NameNotInCertificate)
    } else if problem.contains("UnknownIssuer") {
        Some(Advice::UnknownAuthority)
    } else if problem.contains("certificate") {
        Some(Advice::CertificateInvalid)
    } else if problem.contains("fatal alert") && problem.contains("Certificate") {
        Some(Advice::ClientCertificateNeeded)
    } else if problem.contains("plain HTTP") {
        Some(Advice::PlainHttpSpoken)
    } else {
        None
    }
}

fn of_status(host: &Host, status: u16, problem: &str) -> Diagnosis {
    let code = match status {
        // A refusal has a status from 400 to 599, and a teapot is no registry.
        ..=399 | 418 | 600.. => Code::RegistryProtocol,
        _ => Code::RegistryFailed,
    };
    let advice = match status {
        _ if problem.contains("url") => Some(Advice::UrlsRefused),
        // So a distribution registry says that it takes no layers with urls.
        500 if problem.contains("MANIFEST_BLOB_UNKNOWN") => Some(Advice::UrlsPerhapsRefused),
        400 if host.is_loopback() && problem == "Bad Request" => Some(Advice::TlsSpoken),
        500.. => Some(Advice::ServerInTrouble),
        _ => None,
    };
    code.with(advice)
}

fn of_elsewhere(problem: &str) -> Option<Advice> {
    match problem {
        HOST_NOT_ALLOWED => Some(Advice::HostNotAllowed),
        HOST_WITHOUT_TLS => Some(Advice::HostWithoutTls),
        _ => None,
    }
}
