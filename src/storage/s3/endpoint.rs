//! Where a bucket is reached.

use std::sync::{Mutex, PoisonError};

use url::Url;

use crate::http::{Route, without_brackets};
use crate::storage::percent::encoded;
use crate::storage::{StorageError, Variables};

/// The region if nothing names one.
const REGION: &str = "us-east-1";

/// The domains of AWS, by the beginning of the names of their regions (AWS General Reference, "Partitions").
const DOMAINS: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
];

/// The domain of AWS in a region.
pub(super) fn domain(region: &str) -> &'static str {
    let own = DOMAINS.iter().find(|(beginning, _)| region.starts_with(beginning));
    own.map_or("amazonaws.com", |(_, domain)| domain)
}

/// The way to a host. Loopback is never reached through a proxy.
pub(super) fn route(host: &str) -> Route {
    if crate::http::is_loopback_name(without_brackets(host)) { Route::Direct } else { Route::Proxied }
}

/// The address of a bucket.
pub(super) struct Endpoint {
    /// The URL of the bucket, without a slash at its end, if the endpoint was named; else AWS has one for each region.
    own: Option<String>,
    bucket: String,
    pub(super) host: String,
    pub(super) route: Route,
    /// The region that signatures name. The store may correct it.
    region: Mutex<String>,
}

impl Endpoint {
    /// Finds the endpoint of a bucket. `region` and `url` are those of the profile, if there is one.
    ///
    /// # Errors
    /// [`StorageError::Setup`] if the region or the URL of the endpoint cannot be used.
    pub(super) fn new(
        bucket: &str,
        variables: &Variables,
        region: Option<&str>,
        url: Option<&str>,
    ) -> Result<Endpoint, StorageError> {
        let refuse = |what: &str, problem: &str| StorageError::Setup {
            what: what.to_owned(),
            problem: problem.to_owned(),
            advice: None,
        };
        let region = variables.get("AWS_REGION").or_else(|| variables.get("AWS_DEFAULT_REGION")).or(region);
        let region = region.unwrap_or(REGION).to_owned();
        if !is_region(&region) {
            return Err(refuse("the region", "expected letters, digits and hyphens"));
        }
        let own = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
            .into_iter()
            .find_map(|name| Some((name, variables.get(name)?)))
            .or_else(|| Some(("endpoint_url of the profile", url?)));
        let own = own.map(|(name, url)| (name, url.trim_end_matches('/').to_owned()));
        let (what, text) = own.clone().unwrap_or_else(|| ("the bucket", of_aws(bucket, &region)));
        let url = Url::parse(&text).map_err(|error| refuse(what, &error.to_string()))?;
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        let has_more = url.query().is_some() || url.fragment().is_some();
        if !matches!(url.scheme(), "http" | "https") || has_credentials || has_more {
            return Err(refuse(what, "expected http:// or https://, a host, and a port if needed"));
        }
        let host = url.host_str().ok_or_else(|| refuse(what, "the URL has no host"))?.to_owned();
        let own = own.map(|(_, text)| format!("{text}/{}", encoded(bucket, false)));
        let (route, bucket) = (route(&host), bucket.to_owned());
        Ok(Endpoint { own, bucket, host, route, region: Mutex::new(region) })
    }

    /// The URL of a key, or of the bucket if it is empty, with a query that is encoded and sorted.
    pub(super) fn url(&self, region: &str, key: &str, query: &str) -> Url {
        let base = self.own.clone().unwrap_or_else(|| of_aws(&self.bucket, region));
        let path = encoded(key, true);
        let mark = if query.is_empty() { "" } else { "?" };
        let text = format!("{base}/{path}{mark}{query}");
        Url::parse(&text).expect("an endpoint that was checked, and an encoded path")
    }

    pub(super) fn region(&self) -> String {
        self.region.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the region that the store named to a request for the region `used`. Returns whether it is another one.
    pub(super) fn correct_region(&self, used: &str, named: &str) -> bool {
        let is_other = is_region(named) && used != named;
        if is_other {
            named.clone_into(&mut self.region.lock().unwrap_or_else(PoisonError::into_inner));
        }
        is_other
    }
}

/// Whether a name can be one of a region, which becomes a part of a host name.
fn is_region(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(is_allowed)
}

/// The URL of a bucket of AWS. A name with dots is not covered by the certificate, so it stands in the path.
fn of_aws(bucket: &str, region: &str) -> String {
    let domain = domain(region);
    if bucket.contains('.') {
        format!("https://s3.{region}.{domain}/{}", encoded(bucket, false))
    } else {
        format!("https://{bucket}.s3.{region}.{domain}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(bucket: &str, variables: &[(&str, &str)]) -> Result<Endpoint, StorageError> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Endpoint::new(bucket, &Variables::new(variables.iter().map(owned)), Some("eu-west-1"), None)
    }

    #[test]
    fn buckets_are_where_the_variables_say() {
        for (bucket, variables, url) in [
            ("b", vec![], "https://b.s3.eu-west-1.amazonaws.com/k/a%20b?q=1"),
            ("b.c", vec![], "https://s3.eu-west-1.amazonaws.com/b.c/k/a%20b?q=1"),
            (
                "b",
                vec![("AWS_DEFAULT_REGION", "us-east-2")],
                "https://b.s3.us-east-2.amazonaws.com/k/a%20b?q=1",
            ),
            (
                "b",
                vec![("AWS_REGION", "cn-north-1"), ("AWS_DEFAULT_REGION", "x")],
                "https://b.s3.cn-north-1.amazonaws.com.cn/k/a%20b?q=1",
            ),
            ("b", vec![("AWS_REGION", "us-iso-east-1")], "https://b.s3.us-iso-east-1.c2s.ic.gov/k/a%20b?q=1"),
            ("b", vec![("AWS_ENDPOINT_URL", "http://s:9000/")], "http://s:9000/b/k/a%20b?q=1"),
            (
                "b",
                vec![("AWS_ENDPOINT_URL", "http://x"), ("AWS_ENDPOINT_URL_S3", "https://s/base/")],
                "https://s/base/b/k/a%20b?q=1",
            ),
        ] {
            let endpoint = endpoint(bucket, &variables).unwrap();
            assert_eq!(endpoint.url(&endpoint.region(), "k/a b", "q=1").as_str(), url);
        }
        for (url, direct) in [("http://[::1]:9000", true), ("http://localhost:1", true), ("http://s", false)]
        {
            let endpoint = endpoint("b", &[("AWS_ENDPOINT_URL", url)]).unwrap();
            assert_eq!(endpoint.route == Route::Direct, direct, "{url}");
        }
    }

    #[test]
    fn odd_endpoints_and_regions_are_refused() {
        for url in ["s", "ftp://s", "http://user:secret@s", "http://s/?sig=secret", "http://s/#secret"] {
            let error = endpoint("b", &[("AWS_ENDPOINT_URL", url)]).err().unwrap().to_string();
            assert!(error.contains("AWS_ENDPOINT_URL") && !error.contains("secret"), "{error}");
        }
        for region in ["a.b", "x/y", "@evil", &"r".repeat(64)] {
            assert!(endpoint("b", &[("AWS_REGION", region)]).is_err(), "{region}");
        }
    }

    /// A bucket of AWS is reached at the host of its own region only.
    #[test]
    fn a_corrected_region_changes_the_host_of_aws() {
        let endpoint = endpoint("b", &[]).unwrap();
        assert!(!endpoint.correct_region("eu-west-1", "eu-west-1"));
        assert!(!endpoint.correct_region("eu-west-1", "evil.example"));
        assert!(endpoint.correct_region("eu-west-1", "ap-south-1"));
        // A request of another thread that was on its way learns it, too.
        assert!(endpoint.correct_region("eu-west-1", "ap-south-1"));
        let url = endpoint.url(&endpoint.region(), "k", "");
        assert_eq!(url.as_str(), "https://b.s3.ap-south-1.amazonaws.com/k");
    }
}
