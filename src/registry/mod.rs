//! Registries, as a client sees them (distribution-spec 1.1): pulling, pushing, listing, referrers.
//!
//! One [`Registries`] serves a run and keeps its [`Registry`]s: one host each, with its tokens. A [`Repository`] reads
//! and writes manifests, blobs and tags; [`External`] fetches the layers that are stored elsewhere. Every answer is
//! bounded and checked, and every error names the host.
//!
//! How requests travel is the business of [`crate::http`]. Here, each file uses only what stands above it:
//! `name`, `settings`, `problem` → `error` → `call` → `endpoint` (one host, redirects, retries) → `challenge`,
//! `credentials`, `auth`, `authenticator` (who we are to it) → `client` (a call with authentication) → `download`,
//! `listing` → `repository`, `push`, `external` → `registries`.

mod auth;
mod authenticator;
mod call;
mod challenge;
mod client;
mod credentials;
mod download;
mod endpoint;
mod error;
mod external;
mod listing;
mod name;
mod problem;
mod push;
mod registries;
mod repository;
mod settings;

pub use crate::http::{Host, HostError};
pub use client::Registry;
pub use error::{HostRefusal, RegistryError, UrlError};
pub use external::{External, Refusal};
pub use name::{NameError, Reference, RepositoryName, Tag};
pub use problem::{ErrorCode, Problem};
pub use push::{Feed, Pushed, Stored};
pub use registries::Registries;
pub use repository::{Access, Repository};
pub use settings::{Reach, Settings};
