//! Registries, as a client sees them (distribution-spec 1.1): pulling, pushing, listing, referrers.
//!
//! One [`Registries`] serves a run: it keeps connections, tokens and the limits that all transfers share. Every
//! answer is bounded, checked and mistrusted; every error names the host. The only place that names `ureq` and
//! `rustls`.

mod address;
mod admission;
mod auth;
mod challenge;
mod client;
mod credentials;
mod download;
mod error;
mod exchange;
mod external;
mod host;
mod listing;
mod name;
mod pace;
mod permits;
mod push;
mod registries;
mod repository;
mod settings;
mod throttle;
mod tls;

pub use client::Registry;
pub use error::RegistryError;
pub use external::{External, Refusal};
pub use host::{Host, HostError};
pub use name::{NameError, Reference, RepositoryName, Tag};
pub use push::{Feed, Pushed, Stored};
pub use registries::Registries;
pub use repository::{Access, Repository};
pub use settings::{Reach, Settings};
