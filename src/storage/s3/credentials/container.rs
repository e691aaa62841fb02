//! The keys of a container (AWS SDKs Reference Guide, "Container credential provider").

use std::path::Path;
use std::sync::Arc;

use url::{Host, Url};

use super::Keys;
use super::json;
use crate::http::{Call, Connections, Method, header};
use crate::storage::near::{AccessEndpoint, secret_in, setup};
use crate::storage::{StorageError, Variables};

/// Maximum size of the file with the token in bytes.
const TOKEN_BYTES_MAX: u64 = 16 << 10;

/// The hosts besides loopback that may be asked without TLS: those of ECS and EKS.
const HOSTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

const WHAT: &str = "the credentials endpoint of the container";

/// The endpoint that gives keys to a container.
pub(super) struct ContainerEndpoint {
    url: Url,
    /// The value of the Authorization header, or the file that contains it.
    token: Option<Token>,
    endpoint: AccessEndpoint,
}

enum Token {
    Value(String),
    File(String),
}

impl ContainerEndpoint {
    pub(super) fn find(
        variables: &Variables,
        connections: &Arc<Connections>,
    ) -> Result<Option<ContainerEndpoint>, StorageError> {
        let relative = variables.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let (what, text) = match (relative, variables.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
            (Some(path), _) => {
                ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", format!("http://169.254.170.2{path}"))
            }
            (None, Some(url)) => ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.to_owned()),
            (None, None) => return Ok(None),
        };
        let url = Url::parse(&text).map_err(|error| setup(what, &error.to_string()))?;
        let is_near = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        let is_known = url.host_str().is_some_and(|host| HOSTS.contains(&host));
        if url.scheme() != "https" && !is_near && !is_known {
            return Err(setup(
                what,
                "keys are requested without TLS only from loopback and from ECS and EKS",
            ));
        }
        let file =
            variables.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").map(|path| Token::File(path.to_owned()));
        let value =
            || variables.get("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(|token| Token::Value(token.to_owned()));
        let token = file.or_else(value);
        let endpoint = AccessEndpoint::near(WHAT, &url, connections)?;
        Ok(Some(ContainerEndpoint { url, token, endpoint }))
    }

    pub(super) fn keys(&self) -> Result<Keys, StorageError> {
        let token = match &self.token {
            None => None,
            Some(Token::Value(token)) => Some(token.clone()),
            Some(Token::File(path)) => Some(secret_in(Path::new(path), TOKEN_BYTES_MAX)?.to_string()),
        };
        let make = || {
            let call = Call::new(Method::GET, self.url.clone());
            match &token {
                Some(token) => call.with(header::AUTHORIZATION, token.clone()),
                None => call,
            }
        };
        match self.endpoint.ask(&make)? {
            (200, text) => json::keys(WHAT, &text),
            (status, _) => Err(setup(WHAT, &format!("it gives no keys (HTTP {status})"))),
        }
    }
}
