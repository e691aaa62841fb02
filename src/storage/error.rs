//! Errors of object stores.

use std::io;

use super::Permission;
use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis};
use crate::http::{ConnectError, SetupError};

/// An error of an object store, or of what gives access to it. Texts from servers are limited in length, but not
/// escaped. No text contains a secret. `request` is the method and path.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A variable, file or setting is missing or cannot be used.
    #[error("cannot use {what}: {problem}")]
    Setup {
        /// The variable, file or setting.
        what: String,
        /// What is wrong with it.
        problem: String,
        /// The circumstance that decides the next step, if there is one.
        advice: Option<Advice>,
    },
    /// What gives access cannot do what is needed. Known before any request.
    #[error("{what} for {place} {problem}")]
    Access {
        /// What gives access, e.g. `the SAS token`.
        what: String,
        /// The container.
        place: String,
        /// What is wrong, e.g. `ended at …; this clock says …`.
        problem: String,
        /// The same, for programs.
        refusal: Refusal,
    },
    /// No connection can be opened.
    #[error("cannot connect to {host}: {cause}")]
    Unreachable {
        /// The host.
        host: String,
        /// Why no connection could be opened.
        cause: ConnectError,
    },
    /// The connection made too little progress.
    #[error("the connection to {host} stalled ({request})")]
    Stalled {
        /// The host.
        host: String,
        /// The method and path of the request.
        request: String,
    },
    /// The connection broke, still after all retries.
    #[error("the connection to {host} broke ({request}): {problem}")]
    Broken {
        /// The host.
        host: String,
        /// The method and path of the request.
        request: String,
        /// The error of the connection.
        problem: String,
    },
    /// The store refused a request for a reason that is known.
    #[error("{place} refused {request}: {problem}")]
    Refused {
        /// The container.
        place: String,
        /// The method and path of the request.
        request: String,
        /// Why.
        refusal: Refusal,
        /// Why, in words, with the code of the store.
        problem: String,
    },
    /// The response has an error status, still after all retries.
    #[error("{place} returned HTTP {status} for {request}: {problem}")]
    Failed {
        /// The container.
        place: String,
        /// The HTTP status.
        status: u16,
        /// The method and path of the request.
        request: String,
        /// The code and message of the store.
        problem: String,
    },
    /// The response is not what the protocol prescribes.
    #[error("unexpected response from {place} to {request}: {problem}")]
    Protocol {
        /// The container.
        place: String,
        /// The method and path of the request.
        request: String,
        /// What is wrong with the response.
        problem: String,
    },
    /// A stop signal was received.
    #[error("interrupted")]
    Interrupted,
}

/// Why a store refuses a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The token has ended.
    Expired,
    /// The token is not valid yet.
    NotYetValid,
    /// The token or the account permits HTTPS only.
    HttpsOnly,
    /// The token does not permit this address.
    Address,
    /// The token is for other kinds of resources, or another service or container.
    Scope,
    /// The token, user or identity lacks a permission.
    Permission(Permission),
    /// The identity lacks a role.
    Role(Permission),
    /// The managed identity does not exist or is not assigned to this machine.
    Identity,
    /// The key, the secret or the signature is wrong.
    Credentials,
    /// No credentials were sent, but the store requires them.
    Anonymous,
    /// The clocks of this machine and the store differ too much.
    Clock,
    /// A firewall or network rule of the store.
    Network,
    /// There is no such container, or no such account.
    NoContainer,
    /// There is no such object.
    NoObject,
    /// An object of this key exists.
    Exists,
    /// The object has changed.
    Changed,
    /// The object is protected against changes by a policy or a hold.
    Immutable,
    /// The object is in an archive and must be restored first.
    Archived,
    /// The container is full, or a quota is used up.
    Full,
    /// The store does not know a feature that is needed.
    Unsupported,
}

impl StorageError {
    /// Returns why the store refuses, if it is known.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            StorageError::Refused { refusal, .. } | StorageError::Access { refusal, .. } => Some(*refusal),
            _ => None,
        }
    }

    /// Returns this error as an error of a reader or writer.
    pub fn into_io(self) -> io::Error {
        let kind = match self {
            StorageError::Interrupted => io::ErrorKind::ConnectionAborted,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, self)
    }
}

impl From<SetupError> for StorageError {
    fn from(SetupError { what, problem, advice }: SetupError) -> Self {
        StorageError::Setup { what, problem, advice }
    }
}

impl Refusal {
    fn code(self) -> Code {
        match self {
            Refusal::NoContainer | Refusal::NoObject => Code::StoreNotFound,
            Refusal::Exists => Code::TargetExists,
            Refusal::Changed => Code::StoreChanged,
            Refusal::Immutable | Refusal::Archived => Code::StoreProtected,
            Refusal::Full => Code::DiskFull,
            Refusal::Unsupported => Code::StoreProtocol,
            _ => Code::StoreDenied,
        }
    }

    fn advice(self) -> Option<Advice> {
        Some(match self {
            Refusal::Expired | Refusal::NotYetValid => Advice::StoreTokenTime,
            Refusal::HttpsOnly => Advice::StoreHttps,
            Refusal::Scope => Advice::StoreTokenScope,
            Refusal::Permission(permission) => Advice::StorePermission { permission: permission.to_string() },
            Refusal::Role(permission) => Advice::StoreRole { permission: permission.to_string() },
            Refusal::Identity => Advice::StoreIdentity,
            Refusal::Credentials | Refusal::Anonymous => Advice::StoreCredentials,
            Refusal::Clock => Advice::SetClock,
            Refusal::Address | Refusal::Network => Advice::StoreNetwork,
            Refusal::Exists => Advice::OtherBundleInTheWay,
            _ => return None,
        })
    }
}

impl Diagnose for StorageError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            StorageError::Setup { advice, .. } => Code::StoreSetup.with(advice.clone()),
            StorageError::Access { refusal, .. } | StorageError::Refused { refusal, .. } => {
                refusal.code().with(refusal.advice())
            }
            StorageError::Unreachable { .. } | StorageError::Stalled { .. } | StorageError::Broken { .. } => {
                Code::StoreUnreachable.into()
            }
            StorageError::Failed { .. } => Code::StoreFailed.into(),
            StorageError::Protocol { .. } => Code::StoreProtocol.into(),
            StorageError::Interrupted => Code::Interrupted.into(),
        }
    }
}
