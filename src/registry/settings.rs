//! How registries are talked to: what an operator may set.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::Host;

/// Which hosts are talked to beside the one that was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Wherever the registry sends us, over HTTPS: token services, stores of blobs.
    Anywhere,
    /// These only.
    Only(Vec<Host>),
}

/// How registries are talked to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Credential files of docker or podman, the first that knows the host counts.
    pub credential_files: Vec<PathBuf>,
    /// Hosts that speak plain HTTP.
    pub plain_http: Vec<Host>,
    /// Hosts that speak HTTPS although they are on loopback.
    pub tls: Vec<Host>,
    /// A file of certificates (PEM) that are trusted beside the system's.
    pub ca: Option<PathBuf>,
    /// Our own certificate and its key (PEM), where servers ask for one.
    pub client: Option<(PathBuf, PathBuf)>,
    /// The most that moves over all connections together, in bytes a second.
    pub rate: Option<u64>,
    /// A connection on which too little moves for so long is broken.
    pub stall: Duration,
    /// How often a request is tried again.
    pub retries: u32,
    /// How many transfers may be under way at once.
    pub connections: NonZeroUsize,
    /// Which other hosts are talked to.
    pub reach: Reach,
    /// Set from outside to stop early, as by a signal.
    pub stop: Arc<AtomicBool>,
}

impl Default for Settings {
    /// No credentials, the system's authorities, HTTPS everywhere but on loopback, and no limit of the rate.
    fn default() -> Self {
        Settings {
            credential_files: Vec::new(),
            plain_http: Vec::new(),
            tls: Vec::new(),
            ca: None,
            client: None,
            rate: None,
            stall: Duration::from_secs(60),
            retries: 5,
            connections: const { NonZeroUsize::new(6).unwrap() },
            reach: Reach::Anywhere,
            stop: Arc::default(),
        }
    }
}
