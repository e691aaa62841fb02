//! Where a bucket is reached.

use std::sync::{Mutex, PoisonError};

use url::Url;

use crate::http::Route;
use crate::storage::percent::encoded;
use crate::storage::{StorageError, Variables};

/// The region if nothing names one.
const REGION: &str = "us-east-1";

/// The address of a bucket.
pub(super) struct Endpoint {
    /// The URL of the bucket, without a slash at its end.
    base: String,
    pub(super) host: String,
    pub(super) route: Route,
    /// The region that signatures name. The store may correct it.
    region: Mutex<String>,
}

impl Endpoint {
    /// Finds the endpoint of a bucket. `region` and `url` are those of the profile, if there is one.
    ///
    /// # Errors
    /// [`StorageError::Setup`] if the URL of the endpoint cannot be used.
    pub(super) fn new(
        bucket: &str,
        variables: &Variables,
        region: Option<&str>,
        url: Option<&str>,
    ) -> Result<Endpoint, StorageError> {
        let region = variables.get("AWS_REGION").or_else(|| variables.get("AWS_DEFAULT_REGION")).or(region);
        let region = region.unwrap_or(REGION).to_owned();
        let own = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
            .into_iter()
            .find_map(|name| Some((name, variables.get(name)?)))
            .or_else(|| Some(("endpoint_url of the profile", url?)));
        let (what, text) = match own {
            Some((name, url)) => (name, url.trim_end_matches('/').to_owned()),
            // A name with dots is not covered by the certificate, so it stands in the path.
            None if bucket.contains('.') => ("AWS_REGION", format!("https://s3.{region}.amazonaws.com")),
            None => ("AWS_REGION", format!("https://{bucket}.s3.{region}.amazonaws.com")),
        };
        let refuse = |problem: String| StorageError::Setup { what: what.to_owned(), problem, advice: None };
        let url = Url::parse(&text).map_err(|error| refuse(error.to_string()))?;
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        if !matches!(url.scheme(), "http" | "https") || has_credentials || url.query().is_some() {
            return Err(refuse("expected http:// or https://, a host, and a port if needed".to_owned()));
        }
        let host = url.host_str().ok_or_else(|| refuse("the URL has no host".to_owned()))?.to_owned();
        let is_virtual = own.is_none() && !bucket.contains('.');
        let base = if is_virtual { text } else { format!("{text}/{}", encoded(bucket, false)) };
        let route = if crate::http::is_loopback_name(&host) { Route::Direct } else { Route::Proxied };
        Ok(Endpoint { base, host, route, region: Mutex::new(region) })
    }

    /// The URL of a key, or of the bucket if it is empty, with a query that is encoded and sorted.
    pub(super) fn url(&self, key: &str, query: &str) -> Url {
        let path = encoded(key, true);
        let mark = if query.is_empty() { "" } else { "?" };
        let text = format!("{}/{path}{mark}{query}", self.base);
        Url::parse(&text).expect("an endpoint that was checked, and an encoded path")
    }

    pub(super) fn region(&self) -> String {
        self.region.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the region that the store named. Returns whether it is another one.
    pub(super) fn correct_region(&self, region: &str) -> bool {
        let is_name = !region.is_empty() && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let mut known = self.region.lock().unwrap_or_else(PoisonError::into_inner);
        let is_other = is_name && *known != region;
        if is_other {
            region.clone_into(&mut known);
        }
        is_other
    }
}
