//! The agent of Azure Arc, on machines outside of Azure. It proves with a file that the caller may read secrets of the
//! machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;
use zeroize::Zeroizing;

use super::{Given, RESOURCE, answer};
use crate::http::{Call, Connections, HeaderName, Method, header};
use crate::storage::near::{AccessEndpoint, Answer, secret_in, setup};
use crate::storage::percent::query;
use crate::storage::{StorageError, Variables};

const WHAT: &str = "the Azure Arc agent";

/// The program of the agent, and the address at which it answers if no variable says so.
const PROGRAM: &str = "/opt/azcmagent/bin/himds";
const ENDPOINT: &str = "http://127.0.0.1:40342/metadata/identity/oauth2/token";

/// The folder of the files that the agent names.
const FOLDER: &str = "/var/opt/azcmagent/tokens";

/// Maximum size of such a file in bytes.
const FILE_BYTES_MAX: u64 = 4096;

pub(super) struct ArcAgent {
    url: Url,
    folder: PathBuf,
    endpoint: AccessEndpoint,
}

impl ArcAgent {
    pub(super) fn find(
        variables: &Variables,
        connections: &Arc<Connections>,
    ) -> Result<Option<ArcAgent>, StorageError> {
        let named = variables.get("IDENTITY_ENDPOINT").filter(|_| variables.get("IMDS_ENDPOINT").is_some());
        let is_there = || Path::new(PROGRAM).is_file();
        let Some(endpoint) = named.map(str::to_owned).or_else(|| is_there().then(|| ENDPOINT.to_owned()))
        else {
            return Ok(None);
        };
        let folder = variables.get("AZURE_ARC_TOKENS_FOLDER").unwrap_or(FOLDER).into();
        let mut url =
            Url::parse(&endpoint).map_err(|error| setup("IDENTITY_ENDPOINT", &error.to_string()))?;
        url.set_query(Some(&query(&[("api-version", "2019-11-01"), ("resource", RESOURCE)])));
        let endpoint = AccessEndpoint::near(WHAT, &url, connections)?;
        Ok(Some(ArcAgent { url, folder, endpoint }))
    }

    pub(super) fn token(&self, now: i64) -> Result<Given, StorageError> {
        let call =
            || Call::new(Method::GET, self.url.clone()).with(HeaderName::from_static("metadata"), "true");
        let Answer { status, header: challenge, text } =
            self.endpoint.ask_with(&call, &header::WWW_AUTHENTICATE)?;
        if status != 401 {
            return answer::token(WHAT, status, &text, now);
        }
        let path = challenge
            .as_deref()
            .and_then(|text| text.split_once("realm="))
            .map(|(_, path)| path.trim_matches('"'));
        let path = path.ok_or_else(|| setup(WHAT, "its challenge names no file"))?;
        let secret = self.secret(Path::new(path))?;
        let call = || call().with(header::AUTHORIZATION, format!("Basic {}", secret.as_str()));
        let (status, text) = self.endpoint.ask(&call)?;
        answer::token(WHAT, status, &text, now)
    }

    /// Reads a file that the agent names. Something else that answers at this address must not make us send any other file.
    fn secret(&self, path: &Path) -> Result<Zeroizing<String>, StorageError> {
        let is_key = path.extension().is_some_and(|extension| extension == "key");
        if path.parent() != Some(self.folder.as_path()) || !is_key {
            let problem =
                format!("its challenge names a file that is no .key file in {}", self.folder.display());
            return Err(setup(WHAT, &problem));
        }
        let file = secret_in(path, FILE_BYTES_MAX)?;
        // The content is the credential as it is sent. One that is not base64 already is encoded.
        if file.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(file);
        }
        Ok(Zeroizing::new(STANDARD.encode(file.as_bytes())))
    }
}
