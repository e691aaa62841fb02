//! The keys of a virtual machine (EC2 User Guide, "Use the Instance Metadata Service", version 2).

use std::sync::Arc;

use url::Url;

use super::Keys;
use super::json;
use crate::http::{Call, Client, Connections, HeaderName, Method, bounded};
use crate::storage::near::setup;
use crate::storage::near::{ask, near_client};
use crate::storage::{StorageError, Variables};

const WHAT: &str = "the metadata service of this machine";

/// The metadata service of a machine.
pub(super) struct InstanceEndpoint {
    base: String,
    client: Client,
}

impl InstanceEndpoint {
    /// Returns the service, unless it is switched off.
    pub(super) fn find(
        variables: &Variables,
        connections: &Arc<Connections>,
    ) -> Result<Option<InstanceEndpoint>, StorageError> {
        let is_off = |value: &str| value.eq_ignore_ascii_case("true");
        if variables.get("AWS_EC2_METADATA_DISABLED").is_some_and(is_off) {
            return Ok(None);
        }
        let base = variables.get("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or("http://169.254.169.254");
        let base = base.trim_end_matches('/').to_owned();
        Ok(Some(InstanceEndpoint { base, client: near_client(connections)? }))
    }

    fn call(&self, method: Method, path: &str) -> Result<Call<'static>, StorageError> {
        let url = Url::parse(&format!("{}/latest/{path}", self.base));
        let url = url.map_err(|error| setup("AWS_EC2_METADATA_SERVICE_ENDPOINT", &error.to_string()))?;
        Ok(Call::new(method, url))
    }

    pub(super) fn keys(&self) -> Result<Keys, StorageError> {
        let header = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
        let call = self.call(Method::PUT, "api/token")?.with(header, "21600");
        let answer = ask(&self.client, WHAT, call).map_err(|error| {
            let StorageError::Setup { problem, .. } = error else { return error };
            let hint = "no variable, profile or container gives S3 credentials, and this machine has none";
            setup("S3 credentials", &format!("{hint} ({WHAT}: {problem})"))
        })?;
        let (200, token) = answer else { return Err(refused(answer.0, "a token")) };
        let with_token = |call: Call<'static>| {
            call.with(HeaderName::from_static("x-aws-ec2-metadata-token"), token.clone())
        };
        let roles = "meta-data/iam/security-credentials/";
        let (status, role) = ask(&self.client, WHAT, with_token(self.call(Method::GET, roles)?))?;
        let role = role.lines().next().unwrap_or_default().trim().to_owned();
        if status != 200
            || role.is_empty()
            || !role.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
        {
            return Err(setup(WHAT, &format!("this machine has no role (HTTP {status})")));
        }
        let path = format!("{roles}{role}");
        let (status, text) = ask(&self.client, WHAT, with_token(self.call(Method::GET, &path)?))?;
        if status != 200 {
            return Err(refused(status, &format!("keys of the role {}", bounded(&role))));
        }
        json::keys(WHAT, &text)
    }
}

fn refused(status: u16, what: &str) -> StorageError {
    setup(WHAT, &format!("it gives no {what} (HTTP {status})"))
}
