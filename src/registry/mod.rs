//! A client for registries (distribution-spec 1.1): pulling, pushing, listing, referrers.
//!
//! A run has one [`Registries`], which keeps a [`Registry`] with its tokens for each host. A [`Repository`] reads and
//! writes manifests, blobs and tags; [`External`] fetches layers that are stored on other servers. Every response is
//! bounded and checked, and every error names the host.
//!
//! [`crate::http`] sends the requests. In this module, each file uses only files named before it:
//! `name`, `hub`, `settings`, `problem` → `error` → `call` → `endpoint` (one host, redirects, retries) → `challenge`,
//! `auth_file`, `credential_helper`, `credentials`, `auth`, `authenticator` (authentication) → `client` (authenticated
//! calls) → `download`, `link`, `listing` → `repository`, `proof`, `push`, `push_manifest`, `external` → `registries`.

mod auth;
mod auth_file;
mod authenticator;
mod call;
mod challenge;
mod client;
mod credential_helper;
mod credentials;
mod download;
mod endpoint;
mod error;
mod external;
mod hub;
mod link;
mod listing;
mod name;
mod problem;
mod proof;
mod push;
mod push_manifest;
mod registries;
mod repository;
mod settings;

pub use crate::http::{Host, HostError};
pub use client::Registry;
pub use error::{HostRefusal, RegistryError, UrlError};
pub use external::Refusal;
pub use name::{NameError, Reference, RepositoryName, Tag};
pub use problem::{ErrorCode, Problem};
pub use registries::Registries;
pub use settings::{Reach, Settings};

// For the program and the tests (docs/decisions/0073-the-library-is-what-it-shows.md).
#[doc(hidden)]
pub use self::{
    external::External,
    hub::{canonical_host, canonical_repository},
    push::{Feed, Pushed},
    push_manifest::{Expect, Stored},
    repository::{Access, Repository, State},
};
