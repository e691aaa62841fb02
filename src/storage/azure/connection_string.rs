//! Connection strings (Azure Storage documentation, "Configure Azure Storage connection strings").

use url::Url;
use zeroize::Zeroizing;

use crate::storage::StorageError;
use crate::storage::location::check_name;
use crate::storage::near::setup;

/// The variable that has it.
pub(super) const VARIABLE: &str = "AZURE_STORAGE_CONNECTION_STRING";

/// The account that every emulator has, with its key, which is public.
const EMULATOR_ACCOUNT: &str = "devstoreaccount1";
const EMULATOR_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// The parts of a connection string that matter for blobs. It has no `Debug`.
pub(super) struct ConnectionString {
    pub(super) account: String,
    pub(super) key: Option<Zeroizing<String>>,
    pub(super) sas: Option<Zeroizing<String>>,
    /// The URL of the blob service, with a slash at its end.
    pub(super) service: Url,
}

impl ConnectionString {
    /// # Errors
    /// [`StorageError::Setup`] that shows no value.
    pub(super) fn parse(text: &str) -> Result<ConnectionString, StorageError> {
        let value = |name: &str| {
            let pairs = text.split(';').filter_map(|pair| pair.trim().split_once('='));
            let mut found = pairs.filter(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_empty());
            found.next().map(|(_, value)| value)
        };
        let secret = |text: &str| Zeroizing::new(text.to_owned());
        let url = |text: &str| {
            let text = format!("{}/", text.trim_end_matches('/'));
            Url::parse(&text).map_err(|error| setup(VARIABLE, &format!("BlobEndpoint: {error}")))
        };
        if value("UseDevelopmentStorage").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(ConnectionString {
                account: EMULATOR_ACCOUNT.to_owned(),
                key: Some(secret(EMULATOR_KEY)),
                sas: None,
                service: url("http://127.0.0.1:10000/devstoreaccount1")?,
            });
        }
        let (key, sas) = (value("AccountKey").map(secret), value("SharedAccessSignature").map(secret));
        if key.is_none() && sas.is_none() {
            return Err(setup(VARIABLE, "it has neither AccountKey nor SharedAccessSignature"));
        }
        let account = value("AccountName");
        // Without its semicolon, a name goes on with a key, and errors show names.
        if let Some(problem) = account.and_then(|account| check_name(account).err()) {
            return Err(setup(VARIABLE, &format!("AccountName {problem}")));
        }
        let service = match (value("BlobEndpoint"), account) {
            (Some(endpoint), _) => url(endpoint)?,
            (None, Some(account)) => {
                let protocol = value("DefaultEndpointsProtocol").unwrap_or("https");
                let suffix = value("EndpointSuffix").unwrap_or("core.windows.net");
                url(&format!("{protocol}://{account}.blob.{suffix}"))?
            }
            (None, None) => return Err(setup(VARIABLE, "it has neither AccountName nor BlobEndpoint")),
        };
        // With a SAS token, only the endpoint may be named.
        let account = account.map(str::to_owned).or_else(|| {
            let mut path = service.path_segments()?.filter(|part| !part.is_empty());
            let first = service.host_str()?.split('.').next().map(str::to_owned);
            path.next().map(str::to_owned).or(first)
        });
        let account = account.ok_or_else(|| setup(VARIABLE, "it names no account"))?;
        if let Err(problem) = check_name(&account) {
            return Err(setup(VARIABLE, &format!("the account of BlobEndpoint {problem}")));
        }
        Ok(ConnectionString { account, key, sas, service })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_portals_and_emulators_give() {
        for (text, account, service) in [
            (
                "DefaultEndpointsProtocol=https;AccountName=low;AccountKey=a2V5;EndpointSuffix=core.usgovcloudapi.net",
                "low",
                "https://low.blob.core.usgovcloudapi.net/",
            ),
            ("UseDevelopmentStorage=true", "devstoreaccount1", "http://127.0.0.1:10000/devstoreaccount1/"),
            (
                "AccountName=dev;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:11000/dev;",
                "dev",
                "http://127.0.0.1:11000/dev/",
            ),
            (
                "BlobEndpoint=https://low.blob.core.windows.net/;SharedAccessSignature=sv=1&sig=x",
                "low",
                "https://low.blob.core.windows.net/",
            ),
        ] {
            let Ok(found) = ConnectionString::parse(text) else { panic!("{text}") };
            assert_eq!((found.account.as_str(), found.service.as_str()), (account, service));
        }
        for text in [
            "",
            "AccountName=low",
            "AccountKey=secretkey",
            "AccountKey=secretkey;BlobEndpoint=::",
            "AccountName=low AccountKey=secretkey;SharedAccessSignature=sv=1",
            "BlobEndpoint=http://127.0.0.1/AccountKey=secretkey;SharedAccessSignature=sv=1",
            "BlobEndpoint=http://accountkey=secretkey/;SharedAccessSignature=sv=1",
        ] {
            let Err(error) = ConnectionString::parse(text) else { panic!("{text}") };
            assert!(!error.to_string().contains("secretkey"), "{error}");
        }
    }
}
