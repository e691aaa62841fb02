//! The registries of a run and their shared state.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::client::Registry;
use super::external::External;
use super::{Host, RegistryError, Settings};
use crate::http::Connections;

/// The registries of a run, with their connections and tokens, and the limits that all transfers share.
pub struct Registries {
    settings: Arc<Settings>,
    connections: Arc<Connections>,
    known: Mutex<HashMap<Host, Arc<Registry>>>,
}

impl Registries {
    /// Opens no connection: a registry is contacted when it is first used.
    pub fn new(settings: Settings) -> Registries {
        let connections = Arc::new(Connections::new(settings.http.clone()));
        Registries { settings: Arc::new(settings), connections, known: Mutex::default() }
    }

    /// The registry on this host.
    ///
    /// # Errors
    /// [`RegistryError::Setup`] if a certificate, key or credentials file cannot be used.
    pub fn registry(&self, host: &Host) -> Result<Arc<Registry>, RegistryError> {
        let mut known = self.known.lock().expect("no thread panicked");
        if let Some(registry) = known.get(host) {
            return Ok(Arc::clone(registry));
        }
        let (settings, connections) = (Arc::clone(&self.settings), Arc::clone(&self.connections));
        let registry = Arc::new(Registry::new(host.clone(), settings, connections)?);
        known.insert(host.clone(), Arc::clone(&registry));
        Ok(registry)
    }

    /// The client for non-distributable layers with `urls`. Hosts in `private` may have private addresses.
    ///
    /// # Errors
    /// [`RegistryError::Setup`] if a certificate, key or credentials file cannot be used.
    #[doc(hidden)]
    pub fn external(&self, private: &[Host]) -> Result<External, RegistryError> {
        let (settings, connections) = (Arc::clone(&self.settings), Arc::clone(&self.connections));
        External::new(settings, connections, private)
    }
}
