//! What goes wrong between us and a registry.

use std::io;

use super::{Host, RepositoryName};
use crate::diagnosis::{Diagnose, Failure};
use crate::http::SetupError;
use crate::oci::Digest;
use crate::oci::digest::BlobMismatch;

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
    fn code(&self) -> &'static str {
        match self {
            RegistryError::Unreachable { .. } | RegistryError::Broken { .. } => "registry-unreachable",
            RegistryError::Unauthorized { .. } => "registry-unauthorized",
            RegistryError::Denied { .. } => "registry-denied",
            RegistryError::RateLimited { .. } => "registry-rate-limited",
            RegistryError::Stalled { .. } => "registry-stalled",
            // A refusal has a status from 400 to 599, and a teapot is no registry.
            RegistryError::Failed { status: ..=399 | 418 | 600.., .. } | RegistryError::Protocol { .. } => {
                "registry-protocol"
            }
            RegistryError::Failed { .. } => "registry-failed",
            RegistryError::Elsewhere { .. } => "registry-host-refused",
            RegistryError::Mismatch { .. } | RegistryError::Unproven { .. } => "blob-mismatch",
            RegistryError::Size { .. } => "blob-size",
            RegistryError::Absent { .. } => "blob-missing",
            RegistryError::Url { .. } => "url-unusable",
            RegistryError::Feed { .. } => "file-unusable",
            RegistryError::Setup { .. } => "registry-setup",
            RegistryError::Interrupted => "interrupted",
        }
    }

    fn failure(&self) -> Failure {
        match self {
            RegistryError::Interrupted => Failure::Interrupted,
            RegistryError::Setup { .. } => Failure::Usage,
            RegistryError::Mismatch { .. } | RegistryError::Unproven { .. } | RegistryError::Size { .. } => {
                Failure::Damaged
            }
            _ => Failure::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            RegistryError::Unreachable { problem, .. } if problem.contains("not valid for name") => {
                "call the registry by a name that its certificate is for"
            }
            RegistryError::Unreachable { problem, .. } if problem.contains("UnknownIssuer") => {
                "name the authority that signed its certificate with --ca FILE"
            }
            RegistryError::Unreachable { problem, .. } if problem.contains("certificate") => {
                "ask who runs the registry for a certificate that is valid, and look at the clock here"
            }
            RegistryError::Unreachable { problem, .. }
                if problem.contains("fatal alert") && problem.contains("Certificate") =>
            {
                "it asks for our certificate: name one that it knows with --client-cert and --client-key"
            }
            RegistryError::Unreachable { problem, .. } if problem.contains("plain HTTP") => {
                "if it has no TLS, say --plain-http HOST; on loopback leave out --tls"
            }
            RegistryError::Unreachable { .. } => {
                "check the host's name and port; for a registry without TLS say --plain-http HOST, through a proxy set \
                 HTTPS_PROXY"
            }
            RegistryError::Unauthorized { .. } => {
                "log in with `skopeo login HOST` or `podman login HOST`, or name a credentials file with --authfile; \
                 if it has one for this host, that is wrong or has ended"
            }
            RegistryError::Denied { .. } => {
                "log in as someone who has the right; many registries also answer so for a repository that is not there"
            }
            RegistryError::RateLimited { .. } => {
                "log in, or run the same command again later: what is finished is kept"
            }
            RegistryError::Stalled { .. } | RegistryError::Broken { .. } => {
                "run the same command again: what is finished is kept; a slow line may need a longer --timeout"
            }
            RegistryError::Elsewhere { problem, .. } if problem.contains("--allow-host") => {
                "if that host belongs to the registry, allow it with --allow-host HOST"
            }
            RegistryError::Elsewhere { problem, .. } if problem.contains("--plain-http") => {
                "if that host belongs to the registry and has no TLS, say --plain-http HOST"
            }
            RegistryError::Elsewhere { .. } => "ask who runs the registry why it does that",
            RegistryError::Mismatch { .. } | RegistryError::Size { .. } | RegistryError::Absent { .. } => {
                "the registry's copy is damaged: push the artifact into it again"
            }
            RegistryError::Failed { problem, .. } if problem.contains("url") => {
                "the registry refuses layers with urls; a distribution registry takes them once \
                 validation.manifests.urls.allow in its configuration says so"
            }
            // So a distribution registry says that it takes no layers with urls.
            RegistryError::Failed { status: 500, problem, .. }
                if problem.contains("MANIFEST_BLOB_UNKNOWN") =>
            {
                "if that is a layer with urls: a distribution registry takes them once \
                 validation.manifests.urls.allow in its configuration says so"
            }
            RegistryError::Failed { host, status: 400, problem, .. }
                if host.is_loopback() && problem == "Bad Request" =>
            {
                "on loopback plain HTTP is spoken; if this registry has TLS, say --tls HOST"
            }
            RegistryError::Failed { status: 500.., .. } => {
                "the server is in trouble: run the same command again later; what is finished is kept"
            }
            RegistryError::Failed { .. } | RegistryError::Protocol { .. } => {
                "if this is not the registry but a proxy in front of it, ask who runs it"
            }
            RegistryError::Unproven { .. } => {
                "run `carnet verify` for all that is damaged, and ask for those chunks again"
            }
            RegistryError::Url { .. } => {
                "run the same command again, or put the layer into the registry first"
            }
            RegistryError::Feed { .. } | RegistryError::Setup { .. } => return None,
            RegistryError::Interrupted => "run the same command again: what is finished is kept",
        };
        Some(hint.to_owned())
    }
}
