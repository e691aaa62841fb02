//! The metadata service of a virtual machine.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::{Given, RESOURCE, answer};
use crate::http::{Call, Client, Connections, HeaderName, Method};
use crate::storage::near::{ask, near_client, setup};
use crate::storage::percent::query;
use crate::storage::{StorageError, Variables};

const WHAT: &str = "the metadata service of this machine";

/// How often a request is repeated while the service is busy or starting.
const RETRIES: u32 = 5;

/// The first wait between two requests; it doubles.
const WAIT: Duration = Duration::from_millis(500);

pub(super) struct InstanceService {
    base: String,
    client: Client,
    connections: Arc<Connections>,
}

impl InstanceService {
    pub(super) fn find(
        variables: &Variables,
        connections: &Arc<Connections>,
    ) -> Result<InstanceService, StorageError> {
        let base = variables.get("AZURE_POD_IDENTITY_AUTHORITY_HOST").unwrap_or("http://169.254.169.254");
        let base = base.trim_end_matches('/').to_owned();
        let client = near_client(connections)?;
        Ok(InstanceService { base, client, connections: Arc::clone(connections) })
    }

    pub(super) fn token(&self, client_id: Option<&str>, now: i64) -> Result<Given, StorageError> {
        let mut parameters = vec![("api-version", "2018-02-01"), ("resource", RESOURCE)];
        parameters.extend(client_id.map(|id| ("client_id", id)));
        let url = format!("{}/metadata/identity/oauth2/token?{}", self.base, query(&parameters));
        let url = Url::parse(&url)
            .map_err(|error| setup("AZURE_POD_IDENTITY_AUTHORITY_HOST", &error.to_string()))?;
        let mut attempt = 0;
        loop {
            let call = Call::new(Method::GET, url.clone()).with(HeaderName::from_static("metadata"), "true");
            let (status, text) = ask(&self.client, WHAT, call).map_err(|error| {
                let StorageError::Setup { problem, .. } = error else { return error };
                let text = format!(
                    "none of AZURE_STORAGE_SAS_TOKEN, AZURE_STORAGE_KEY and AZURE_STORAGE_CONNECTION_STRING is set, and \
                     this machine has no managed identity ({WHAT}: {problem})"
                );
                setup("access to the store", &text)
            })?;
            let is_temporary = matches!(status, 404 | 410 | 429 | 500..);
            if !is_temporary || attempt >= RETRIES {
                return answer::token(WHAT, status, &text, now);
            }
            if !self.connections.wait(attempt, Some(WAIT * 2_u32.pow(attempt))) {
                return Err(StorageError::Interrupted);
            }
            attempt += 1;
        }
    }
}
