//! App Service, Functions and Container Apps.

use std::sync::Arc;

use url::Url;
use zeroize::Zeroizing;

use super::{Given, RESOURCE, answer};
use crate::http::{Call, Client, Connections, HeaderName, Method};
use crate::storage::near::{ask, near_client, setup};
use crate::storage::percent::query;
use crate::storage::{StorageError, Variables};

const WHAT: &str = "IDENTITY_ENDPOINT";

pub(super) struct AppService {
    endpoint: String,
    secret: Zeroizing<String>,
    client: Client,
}

impl AppService {
    pub(super) fn find(
        variables: &Variables,
        connections: &Arc<Connections>,
    ) -> Result<Option<AppService>, StorageError> {
        let (Some(endpoint), Some(secret)) = (variables.get(WHAT), variables.get("IDENTITY_HEADER")) else {
            return Ok(None);
        };
        let (endpoint, secret) = (endpoint.to_owned(), Zeroizing::new(secret.to_owned()));
        Ok(Some(AppService { endpoint, secret, client: near_client(connections)? }))
    }

    pub(super) fn token(&self, client_id: Option<&str>, now: i64) -> Result<Given, StorageError> {
        let mut parameters = vec![("api-version", "2019-08-01"), ("resource", RESOURCE)];
        parameters.extend(client_id.map(|id| ("client_id", id)));
        let url = format!("{}?{}", self.endpoint, query(&parameters));
        let url = Url::parse(&url).map_err(|error| setup(WHAT, &error.to_string()))?;
        let call = Call::new(Method::GET, url)
            .with(HeaderName::from_static("x-identity-header"), self.secret.as_str());
        let (status, text) = ask(&self.client, WHAT, call)?;
        answer::token(WHAT, status, &text, now)
    }
}
