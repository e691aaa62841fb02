//! What gives access to a container, in the order of the ecosystem's variables.

use std::sync::Arc;

use url::{Host, Url};

use super::connection_string::{self, ConnectionString};
use super::identity::ManagedIdentity;
use super::sas::SasToken;
use super::shared_key::SharedKey;
use crate::http::Connections;
use crate::storage::near::setup;
use crate::storage::secret_command::run_secret_command;
use crate::storage::{Settings, StorageError};

/// The host of blob services if nothing names another one.
const SUFFIX: &str = "blob.core.windows.net";

/// What gives access to a container.
pub(super) enum Access {
    Sas(SasToken),
    Key(SharedKey),
    Identity(ManagedIdentity),
}

impl Access {
    /// Finds what gives access to an account, and the URL of its blob service.
    ///
    /// # Errors
    /// [`StorageError::Setup`] if a variable cannot be used, or is for another account.
    pub(super) fn find(
        account: &str,
        service: Option<&Url>,
        settings: &Settings,
        connections: &Arc<Connections>,
    ) -> Result<(Access, Url), StorageError> {
        let variables = &settings.variables;
        let own_url = || match service {
            Some(service) => Ok(service.clone()),
            None => Url::parse(&format!("https://{account}.{SUFFIX}/"))
                .map_err(|error| setup("the account", &error.to_string())),
        };
        if let Some(argv) = &settings.secret_command {
            return Ok((Access::Sas(SasToken::parse(&run_secret_command(argv, connections)?)?), own_url()?));
        }
        let other = variables.get("AZURE_STORAGE_ACCOUNT").filter(|other| *other != account);
        let check = |what: &str| match other {
            Some(other) => {
                let problem = format!(
                    "AZURE_STORAGE_ACCOUNT says that it is for the account {other}, not for {account}"
                );
                Err(setup(what, &problem))
            }
            None => Ok(()),
        };
        if let Some(token) = variables.get("AZURE_STORAGE_SAS_TOKEN") {
            check("AZURE_STORAGE_SAS_TOKEN")?;
            return Ok((Access::Sas(SasToken::parse(token)?), own_url()?));
        }
        if let Some(key) = variables.get("AZURE_STORAGE_KEY") {
            check("AZURE_STORAGE_KEY")?;
            return Ok((Access::Key(SharedKey::parse("AZURE_STORAGE_KEY", account, key)?), own_url()?));
        }
        if let Some(text) = variables.get(connection_string::VARIABLE) {
            let ConnectionString { account: its, key, sas, service: its_service } =
                ConnectionString::parse(text)?;
            if its != account {
                let problem = format!("it is for the account {its}, not for {account}");
                return Err(setup(connection_string::VARIABLE, &problem));
            }
            let url = service.cloned().unwrap_or(its_service);
            let access = match (sas, key) {
                (Some(sas), _) => Access::Sas(SasToken::parse(&sas)?),
                (None, Some(key)) => {
                    Access::Key(SharedKey::parse(connection_string::VARIABLE, account, &key)?)
                }
                (None, None) => unreachable!("a connection string has one of them"),
            };
            return Ok((access, url));
        }
        let url = own_url()?;
        if url.scheme() != "https" && !is_loopback(&url) {
            let problem =
                "the token of a managed identity is sent over HTTPS only, but the address is http://";
            return Err(setup("the managed identity", problem));
        }
        Ok((Access::Identity(ManagedIdentity::find(settings, connections)?), url))
    }
}

/// Whether a URL is on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => crate::http::is_loopback_name(name),
        None => false,
    }
}
