//! The keys of a virtual machine (EC2 User Guide, "Use the Instance Metadata Service", version 2).

use std::sync::Arc;

use url::Url;

use super::Keys;
use super::json;
use crate::http::{Call, Connections, HeaderName, Method, bounded};
use crate::storage::near::{AccessEndpoint, NEAR_TIME_MAX, setup};
use crate::storage::{StorageError, Variables};

const WHAT: &str = "the metadata service of this machine";

/// The metadata service of a machine.
pub(super) struct InstanceEndpoint {
    /// The URL of its newest version, with a slash at its end.
    base: Url,
    endpoint: AccessEndpoint,
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
        let base = Url::parse(&format!("{}/latest/", base.trim_end_matches('/')));
        let base = base.map_err(|error| setup("AWS_EC2_METADATA_SERVICE_ENDPOINT", &error.to_string()))?;
        let endpoint = AccessEndpoint::near(WHAT, &base, connections)?;
        Ok(Some(InstanceEndpoint { base, endpoint }))
    }

    fn call(&self, method: Method, path: &str) -> Call<'static> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path()));
        Call::new(method, url)
    }

    pub(super) fn keys(&self) -> Result<Keys, StorageError> {
        let header = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
        let make = || self.call(Method::PUT, "api/token").with(header.clone(), "21600");
        let (status, token) = self.endpoint.ask(&make).map_err(|error| {
            if matches!(error, StorageError::Interrupted) {
                return error;
            }
            let hint = "no variable, profile or container gives S3 credentials, and the metadata service of this \
                        machine gives none within";
            setup("S3 credentials", &format!("{hint} {} seconds ({error})", NEAR_TIME_MAX.as_secs()))
        })?;
        if status != 200 {
            return Err(refused(status, "token"));
        }
        let get = |path: &str| {
            let name = HeaderName::from_static("x-aws-ec2-metadata-token");
            self.endpoint.ask(&|| self.call(Method::GET, path).with(name.clone(), token.clone()))
        };
        let roles = "meta-data/iam/security-credentials/";
        let (status, role) = get(roles)?;
        let role = role.lines().next().unwrap_or_default().trim().to_owned();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
        if status != 200 || role.is_empty() || !role.bytes().all(is_name) {
            return Err(setup(WHAT, &format!("this machine has no role (HTTP {status})")));
        }
        match get(&format!("{roles}{role}"))? {
            (200, text) => json::keys(WHAT, &text),
            (status, _) => Err(refused(status, &format!("keys of the role {}", bounded(&role)))),
        }
    }
}

fn refused(status: u16, what: &str) -> StorageError {
    setup(WHAT, &format!("it gives no {what} (HTTP {status})"))
}
