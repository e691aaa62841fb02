//! The keys for a web identity, as pods have one (AWS STS, `AssumeRoleWithWebIdentity`).

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

use super::Keys;
use super::json::time;
use crate::http::{Call, Connections, Method, Payload, bounded, header};
use crate::storage::near::{AccessEndpoint, secret_in, setup};
use crate::storage::percent::query;
use crate::storage::s3::endpoint::domain;
use crate::storage::s3::problem::Problem;
use crate::storage::{StorageError, Variables};

/// Maximum size of the file with the token in bytes.
const TOKEN_BYTES_MAX: u64 = 64 << 10;

const WHAT: &str = "the security token service";

/// A role, and the file with the token that it is given for.
pub(super) struct WebIdentity {
    role: String,
    token_file: PathBuf,
    session: String,
    url: Url,
    endpoint: AccessEndpoint,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    assume_role_with_web_identity_result: Given,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    credentials: GivenKeys,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GivenKeys {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    session_token: Zeroizing<String>,
    expiration: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refusal {
    error: Problem,
}

impl WebIdentity {
    pub(super) fn find(
        variables: &Variables,
        connections: &Arc<Connections>,
    ) -> Result<Option<WebIdentity>, StorageError> {
        let (Some(role), Some(token_file)) =
            (variables.get("AWS_ROLE_ARN"), variables.get("AWS_WEB_IDENTITY_TOKEN_FILE"))
        else {
            return Ok(None);
        };
        let region = variables.get("AWS_REGION").or_else(|| variables.get("AWS_DEFAULT_REGION"));
        let url = match (variables.get("AWS_ENDPOINT_URL_STS"), region) {
            (Some(url), _) => url.to_owned(),
            (None, Some(region)) => format!("https://sts.{region}.{}/", domain(region)),
            (None, None) => "https://sts.amazonaws.com/".to_owned(),
        };
        let url = Url::parse(&url).map_err(|error| setup("AWS_ENDPOINT_URL_STS", &error.to_string()))?;
        let endpoint = AccessEndpoint::far(WHAT, &url, connections)?;
        let session = variables.get("AWS_ROLE_SESSION_NAME").unwrap_or("carnet").to_owned();
        let (role, token_file) = (role.to_owned(), token_file.into());
        Ok(Some(WebIdentity { role, token_file, session, url, endpoint }))
    }

    pub(super) fn keys(&self) -> Result<Keys, StorageError> {
        // The file is replaced while it lasts, so it is read each time.
        let token = secret_in(&self.token_file, TOKEN_BYTES_MAX)?;
        let body = Zeroizing::new(query(&[
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", &self.role),
            ("RoleSessionName", &self.session),
            ("WebIdentityToken", &token),
        ]));
        let (status, text) = self.endpoint.ask(&|| {
            let mut call = Call::new(Method::POST, self.url.clone())
                .with(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            call.payload = Payload::Bytes(body.as_bytes());
            call
        })?;
        if status != 200 {
            let refusal: Option<Refusal> = quick_xml::de::from_str(&text).ok();
            let said = refusal.map_or_else(String::new, |refusal| {
                format!(", {}: {}", bounded(&refusal.error.code), bounded(&refusal.error.message))
            });
            return Err(setup(WHAT, &format!("it refuses the role {} (HTTP {status}{said})", self.role)));
        }
        let answer: Answer =
            quick_xml::de::from_str(&text).map_err(|_| setup(WHAT, "its answer has no credentials"))?;
        let keys = answer.assume_role_with_web_identity_result.credentials;
        let expires = time(&keys.expiration).ok_or_else(|| setup(WHAT, "its Expiration is not a time"))?;
        Ok(Keys {
            id: keys.access_key_id,
            secret: keys.secret_access_key,
            token: Some(keys.session_token),
            expires: Some(expires),
        })
    }
}
