//! The metadata service of a virtual machine.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::{Given, RESOURCE, answer};
use crate::http::{Call, Connections, HeaderName, Method};
use crate::storage::near::{AccessEndpoint, setup};
use crate::storage::percent::query;
use crate::storage::{StorageError, Variables};

const WHAT: &str = "the metadata service of this machine";

/// How often a request is repeated while the service is updated or starting.
const RETRIES: u32 = 5;

/// The first wait between two requests; it doubles.
const WAIT: Duration = Duration::from_millis(500);

pub(super) struct InstanceService {
    url: Url,
    endpoint: AccessEndpoint,
}

impl InstanceService {
    pub(super) fn find(
        variables: &Variables,
        connections: &Arc<Connections>,
    ) -> Result<InstanceService, StorageError> {
        let base = variables.get("AZURE_POD_IDENTITY_AUTHORITY_HOST").unwrap_or("http://169.254.169.254");
        let url = Url::parse(&format!("{}/metadata/identity/oauth2/token", base.trim_end_matches('/')));
        let url = url.map_err(|error| setup("AZURE_POD_IDENTITY_AUTHORITY_HOST", &error.to_string()))?;
        let endpoint = AccessEndpoint::near(WHAT, &url, connections)?;
        Ok(InstanceService { url, endpoint })
    }

    pub(super) fn token(&self, client_id: Option<&str>, now: i64) -> Result<Given, StorageError> {
        let mut parameters = vec![("api-version", "2018-02-01"), ("resource", RESOURCE)];
        parameters.extend(client_id.map(|id| ("client_id", id)));
        let mut url = self.url.clone();
        url.set_query(Some(&query(&parameters)));
        let make = || Call::new(Method::GET, url.clone()).with(HeaderName::from_static("metadata"), "true");
        let mut attempt = 0;
        loop {
            let (status, text) = self.endpoint.ask(&make).map_err(|error| {
                if matches!(error, StorageError::Interrupted) {
                    return error;
                }
                let text = format!(
                    "none of AZURE_STORAGE_SAS_TOKEN, AZURE_STORAGE_KEY and AZURE_STORAGE_CONNECTION_STRING is set, and \
                     this machine has no managed identity ({WHAT}: {error})"
                );
                setup("access to the store", &text)
            })?;
            if !matches!(status, 404 | 410) || attempt >= RETRIES {
                return answer::token(WHAT, status, &text, now);
            }
            self.endpoint.wait(attempt, WAIT * 2_u32.pow(attempt))?;
            attempt += 1;
        }
    }
}
