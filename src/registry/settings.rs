//! How registries are contacted: what an operator may set.

use std::path::PathBuf;

use super::Host;
use crate::http;

/// Which hosts may be contacted beside the registry that was named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// All that the registry points to, over HTTPS: token services, stores of blobs.
    #[default]
    Anywhere,
    /// These only.
    Only(Vec<Host>),
}

/// How registries are contacted.
///
/// The default has no credentials, trusts no authority, and uses HTTPS everywhere but on loopback.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Credential files of docker or podman; the first that knows the host counts.
    pub credential_files: Vec<PathBuf>,
    /// Hosts that use plain HTTP.
    pub plain_http: Vec<Host>,
    /// Hosts that use HTTPS although they are on loopback.
    pub tls: Vec<Host>,
    /// Which other hosts may be contacted.
    pub reach: Reach,
    /// How connections are made.
    pub http: http::Settings,
}
