//! The connection settings that an operator can choose.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::Proxy;

/// Settings for HTTP connections.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Reads the certificate authorities of the system (DER). The program provides this function, because finding
    /// them may require reading the environment. It is called when a client is created.
    pub system_roots: fn() -> Vec<Vec<u8>>,
    /// A PEM file with certificates to trust in addition to the system's, of authorities or of servers.
    pub ca: Option<PathBuf>,
    /// The files of the client certificate and its key (PEM), for servers that require one.
    pub client: Option<(PathBuf, PathBuf)>,
    /// The proxy for all hosts except loopback.
    pub proxy: Option<Proxy>,
    /// The maximum rate over all connections together, in bytes per second.
    pub rate: Option<u64>,
    /// The time after which a connection without enough progress counts as stalled.
    pub stall: Duration,
    /// The maximum number of retries of a request.
    pub retries: u32,
    /// The maximum number of concurrent transfers.
    pub connections: NonZeroUsize,
    /// Set from outside to stop early, for example by a signal handler.
    pub stop: Arc<AtomicBool>,
}

impl Default for Settings {
    /// No authorities, no proxy, and no rate limit.
    fn default() -> Self {
        Settings {
            system_roots: Vec::new,
            ca: None,
            client: None,
            proxy: None,
            rate: None,
            stall: Duration::from_secs(60),
            retries: 5,
            connections: const { NonZeroUsize::new(6).unwrap() },
            stop: Arc::default(),
        }
    }
}
