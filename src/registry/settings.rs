//! The registry settings that an operator can choose.

use std::path::PathBuf;

use super::Host;
use crate::http;

/// Which hosts may be contacted in addition to the registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// All hosts that the registry refers to, over HTTPS: token services, upload locations, blob stores.
    #[default]
    Anywhere,
    /// Only these hosts.
    Only(Vec<Host>),
}

/// Settings for registries.
///
/// By default there are no credentials and no trusted authorities, and HTTPS is used for all hosts except loopback.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Credentials files of docker or podman. The first one with credentials for the host is used.
    pub credential_files: Vec<PathBuf>,
    /// Hosts to contact over plain HTTP.
    pub plain_http: Vec<Host>,
    /// Loopback hosts to contact over HTTPS.
    pub tls: Vec<Host>,
    /// Which other hosts may be contacted.
    pub reach: Reach,
    /// Connection settings.
    pub http: http::Settings,
}
