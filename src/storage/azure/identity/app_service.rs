//! App Service, Functions and Container Apps.

use std::sync::Arc;

use url::Url;
use zeroize::Zeroizing;

use super::{Given, RESOURCE, answer};
use crate::http::{Call, Connections, HeaderName, Method};
use crate::storage::near::{AccessEndpoint, setup};
use crate::storage::percent::query;
use crate::storage::{StorageError, Variables};

const WHAT: &str = "IDENTITY_ENDPOINT";

pub(super) struct AppService {
    url: Url,
    secret: Zeroizing<String>,
    endpoint: AccessEndpoint,
}

impl AppService {
    pub(super) fn find(
        variables: &Variables,
        connections: &Arc<Connections>,
    ) -> Result<Option<AppService>, StorageError> {
        let (Some(endpoint), Some(secret)) = (variables.get(WHAT), variables.get("IDENTITY_HEADER")) else {
            return Ok(None);
        };
        let url = Url::parse(endpoint).map_err(|error| setup(WHAT, &error.to_string()))?;
        let endpoint = AccessEndpoint::near(WHAT, &url, connections)?;
        Ok(Some(AppService { url, secret: Zeroizing::new(secret.to_owned()), endpoint }))
    }

    pub(super) fn token(&self, client_id: Option<&str>, now: i64) -> Result<Given, StorageError> {
        let mut parameters = vec![("api-version", "2019-08-01"), ("resource", RESOURCE)];
        parameters.extend(client_id.map(|id| ("client_id", id)));
        let mut url = self.url.clone();
        url.set_query(Some(&query(&parameters)));
        let name = HeaderName::from_static("x-identity-header");
        let make = || Call::new(Method::GET, url.clone()).with(name.clone(), self.secret.as_str());
        let (status, text) = self.endpoint.ask(&make)?;
        answer::token(WHAT, status, &text, now)
    }
}
