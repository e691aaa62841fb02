//! Workload identity: a token of the cluster is exchanged for one of the cloud.

use std::path::PathBuf;
use std::sync::Arc;

use url::Url;
use zeroize::Zeroizing;

use super::{Given, RESOURCE, answer};
use crate::http::{Call, Connections, Method, Payload, header};
use crate::storage::azure::access::is_loopback;
use crate::storage::near::{AccessEndpoint, secret_in, setup};
use crate::storage::percent::{encoded, query};
use crate::storage::{StorageError, Variables};

const WHAT: &str = "the authority in AZURE_AUTHORITY_HOST";

/// The authority if no variable names one.
const AUTHORITY: &str = "https://login.microsoftonline.com/";

/// Maximum size of the file with the token of the cluster in bytes.
const TOKEN_BYTES_MAX: u64 = 64 << 10;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(super) struct Workload {
    token_file: PathBuf,
    client_id: String,
    url: Url,
    endpoint: AccessEndpoint,
}

impl Workload {
    pub(super) fn find(
        variables: &Variables,
        connections: &Arc<Connections>,
    ) -> Result<Option<Workload>, StorageError> {
        let Some(token_file) = variables.get("AZURE_FEDERATED_TOKEN_FILE") else { return Ok(None) };
        let need = |name: &str| {
            let absent = || setup("AZURE_FEDERATED_TOKEN_FILE", &format!("{name} is not set"));
            variables.get(name).ok_or_else(absent)
        };
        let (client_id, tenant) = (need("AZURE_CLIENT_ID")?.to_owned(), need("AZURE_TENANT_ID")?);
        let authority = variables.get("AZURE_AUTHORITY_HOST").unwrap_or(AUTHORITY).trim_end_matches('/');
        let url = format!("{authority}/{}/oauth2/v2.0/token", encoded(tenant, false));
        let url = Url::parse(&url).map_err(|error| setup("AZURE_AUTHORITY_HOST", &error.to_string()))?;
        if url.scheme() != "https" && !is_loopback(&url) {
            return Err(setup("AZURE_AUTHORITY_HOST", "it must begin with https://"));
        }
        let endpoint = AccessEndpoint::far(WHAT, &url, connections)?;
        Ok(Some(Workload { token_file: token_file.into(), client_id, url, endpoint }))
    }

    pub(super) fn token(&self, now: i64) -> Result<Given, StorageError> {
        // The file is replaced while it lasts, so it is read each time.
        let assertion = secret_in(&self.token_file, TOKEN_BYTES_MAX)?;
        let body = Zeroizing::new(query(&[
            ("grant_type", "client_credentials"),
            ("client_id", &self.client_id),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &assertion),
            ("scope", &format!("{RESOURCE}.default")),
        ]));
        let (status, text) = self.endpoint.ask(&|| {
            let mut call = Call::new(Method::POST, self.url.clone())
                .with(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            call.payload = Payload::Bytes(body.as_bytes());
            call
        })?;
        answer::token(WHAT, status, &text, now)
    }
}
