//! How connections are made: what an operator may set.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::Proxy;

/// How connections are made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Reads the certificate authorities of the system (DER). Where they are is for the program to find out, which may
    /// read the environment; it is called when a connection first needs them.
    pub system_roots: fn() -> Vec<Vec<u8>>,
    /// A file of certificates (PEM) that are trusted beside the system's.
    pub ca: Option<PathBuf>,
    /// Our own certificate and its key (PEM), where servers ask for one.
    pub client: Option<(PathBuf, PathBuf)>,
    /// The proxy for all hosts that are not on loopback.
    pub proxy: Option<Proxy>,
    /// The most that moves over all connections together, in bytes per second.
    pub rate: Option<u64>,
    /// A connection on which too little moves for this long counts as broken.
    pub stall: Duration,
    /// How often a request is sent again.
    pub retries: u32,
    /// How many transfers may be under way at once.
    pub connections: NonZeroUsize,
    /// Set from outside to stop early, as by a signal.
    pub stop: Arc<AtomicBool>,
}

impl Default for Settings {
    /// No authorities, no proxy, and no limit of the rate.
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
