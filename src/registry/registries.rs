//! All registries of a run, and what their transfers share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::client::Registry;
use super::external::External;
use super::permits::Permits;
use super::throttle::Throttle;
use super::{Host, RegistryError, Settings};

/// All registries of a run: connections, tokens, and the limits that all transfers share.
pub struct Registries {
    settings: Arc<Settings>,
    throttle: Arc<Throttle>,
    permits: Arc<Permits>,
    known: Mutex<HashMap<Host, Arc<Registry>>>,
}

impl Registries {
    /// None yet: nobody is asked before something is wanted.
    pub fn new(settings: Settings) -> Registries {
        let throttle = Arc::new(Throttle::new(settings.rate));
        let permits = Permits::new(settings.connections);
        Registries { settings: Arc::new(settings), throttle, permits, known: Mutex::default() }
    }

    /// The registry on this host.
    ///
    /// # Errors
    /// [`RegistryError::Setup`] for certificates that cannot be used.
    pub fn registry(&self, host: &Host) -> Result<Arc<Registry>, RegistryError> {
        let mut known = self.known.lock().expect("no thread panicked");
        if let Some(registry) = known.get(host) {
            return Ok(Arc::clone(registry));
        }
        let (throttle, permits) = (Arc::clone(&self.throttle), Arc::clone(&self.permits));
        let registry = Arc::new(Registry::new(host.clone(), Arc::clone(&self.settings), throttle, permits)?);
        known.insert(host.clone(), Arc::clone(&registry));
        Ok(registry)
    }

    /// What gets non-distributable layers from their `urls`; hosts in `private` may have private addresses.
    ///
    /// # Errors
    /// [`RegistryError::Setup`] for certificates that cannot be used.
    pub fn external(&self, private: &[Host]) -> Result<External, RegistryError> {
        let (throttle, permits) = (Arc::clone(&self.throttle), Arc::clone(&self.permits));
        External::new(Arc::clone(&self.settings), throttle, permits, private)
    }
}
