//! Managed identities: the token that the machine, the container or the pod is given (Azure documentation, "Managed
//! identities for Azure resources").

mod answer;
mod app_service;
mod arc;
mod instance;
mod workload;

use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::http::Connections;
use crate::storage::{Settings, StorageError};

use app_service::AppService;
use arc::ArcAgent;
use instance::InstanceService;
use workload::Workload;

/// What tokens are for, in every cloud.
const RESOURCE: &str = "https://storage.azure.com/";

/// Where tokens come from.
enum Source {
    Workload(Workload),
    AppService(AppService),
    Arc(ArcAgent),
    Instance(InstanceService),
}

/// A token, and until when it lasts.
struct Token {
    text: Arc<Zeroizing<String>>,
    /// When it is renewed, in seconds since 1970.
    renew_at: i64,
}

/// What an endpoint answered.
struct Given {
    token: Zeroizing<String>,
    /// For how long it lasts, in seconds.
    seconds: i64,
}

/// An identity that the machine has.
pub(in crate::storage::azure) struct ManagedIdentity {
    source: Source,
    /// The client id of a user-assigned identity.
    client_id: Option<String>,
    token: Mutex<Option<Token>>,
    clock: Arc<dyn Clock>,
}

impl ManagedIdentity {
    /// Finds who gives tokens here. Nothing is requested yet.
    pub(super) fn find(
        settings: &Settings,
        connections: &Arc<Connections>,
    ) -> Result<ManagedIdentity, StorageError> {
        let variables = &settings.variables;
        let source = if let Some(workload) = Workload::find(variables, connections)? {
            Source::Workload(workload)
        } else if let Some(service) = AppService::find(variables, connections)? {
            Source::AppService(service)
        } else if let Some(agent) = ArcAgent::find(variables, connections)? {
            Source::Arc(agent)
        } else {
            Source::Instance(InstanceService::find(variables, connections)?)
        };
        let client_id = variables.get("AZURE_CLIENT_ID").map(str::to_owned);
        let clock = Arc::clone(&settings.clock);
        Ok(ManagedIdentity { source, client_id, token: Mutex::default(), clock })
    }

    /// The identity, for messages.
    pub(in crate::storage::azure) fn name(&self) -> String {
        match &self.client_id {
            Some(id) => format!("the identity with the client id {id}"),
            None => "the system-assigned identity".to_owned(),
        }
    }

    /// Returns a token, and renews it at half its life.
    pub(in crate::storage::azure) fn token(&self) -> Result<Arc<Zeroizing<String>>, StorageError> {
        // One thread renews it while the others wait.
        let mut held = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now().get().as_second();
        if let Some(token) = held.as_ref().filter(|token| now < token.renew_at) {
            return Ok(Arc::clone(&token.text));
        }
        let client_id = self.client_id.as_deref();
        let Given { token, seconds } = match &self.source {
            Source::Workload(workload) => workload.token(now),
            Source::AppService(service) => service.token(client_id, now),
            Source::Arc(agent) => agent.token(now),
            Source::Instance(service) => service.token(client_id, now),
        }
        .map_err(|error| self.named(error))?;
        let text = Arc::new(token);
        *held = Some(Token { text: Arc::clone(&text), renew_at: now + seconds / 2 });
        Ok(text)
    }

    /// Says in an error which identity gets no token.
    fn named(&self, error: StorageError) -> StorageError {
        match error {
            StorageError::Access { what, problem, refusal, .. } => {
                StorageError::Access { what, place: self.name(), problem, refusal }
            }
            error => error,
        }
    }

    /// Forgets a token that the store refused, so that the next request gets a new one.
    pub(in crate::storage::azure) fn forget(&self) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
