//! How places in object stores are written.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// A container in an object store and a prefix of keys in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// `s3://BUCKET[/PREFIX]`.
    S3 {
        /// The name of the bucket.
        bucket: String,
        /// The prefix, without a slash at its ends; may be empty.
        prefix: String,
    },
    /// `az://ACCOUNT/CONTAINER[/PREFIX]`, or the URL of the container.
    Azure {
        /// The account.
        account: String,
        /// The URL of the account's blob service if the place was written as a URL, with a slash at its end.
        service: Option<Url>,
        /// The name of the container.
        container: String,
        /// The prefix, without a slash at its ends; may be empty.
        prefix: String,
    },
}

/// A place that cannot be understood. The text contains no query, because that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place:?} is not a place in an object store: {problem}")]
pub struct LocationError {
    /// The place as written, up to a `?`.
    pub place: String,
    /// What is wrong.
    pub problem: String,
}

impl Location {
    /// Whether a text is written as a place in an object store, correct or not.
    pub fn is_meant(text: &str) -> bool {
        ["s3://", "az://", "https://", "http://"].iter().any(|scheme| text.starts_with(scheme))
    }

    /// Returns the prefix of keys, without a slash at its ends.
    pub fn prefix(&self) -> &str {
        match self {
            Location::S3 { prefix, .. } | Location::Azure { prefix, .. } => prefix,
        }
    }

    /// Returns the place that this one is in.
    pub fn parent(&self) -> Location {
        let prefix = self.prefix().rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
        self.with_prefix(prefix)
    }

    /// Returns the place of this name in this one.
    pub fn below(&self, name: &str) -> Location {
        match self.prefix() {
            "" => self.with_prefix(name.to_owned()),
            prefix => self.with_prefix(format!("{prefix}/{name}")),
        }
    }

    fn with_prefix(&self, new: String) -> Location {
        let mut location = self.clone();
        match &mut location {
            Location::S3 { prefix, .. } | Location::Azure { prefix, .. } => *prefix = new,
        }
        location
    }

    /// Returns the kind of place, as run records name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Location::S3 { .. } => "S3Bucket",
            Location::Azure { .. } => "AzureStorageBlobContainer",
        }
    }

    /// Returns the place without its prefix.
    pub fn container(&self) -> Location {
        let mut location = self.clone();
        match &mut location {
            Location::S3 { prefix, .. } | Location::Azure { prefix, .. } => prefix.clear(),
        }
        location
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::S3 { bucket, .. } => write!(f, "s3://{bucket}")?,
            Location::Azure { account, service: None, container, .. } => {
                write!(f, "az://{account}/{container}")?;
            }
            Location::Azure { service: Some(service), container, .. } => write!(f, "{service}{container}")?,
        }
        if self.prefix().is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix()) }
    }
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let place = text.split(['?', '#']).next().unwrap_or_default();
        let refuse = |problem: &str| LocationError { place: place.to_owned(), problem: problem.to_owned() };
        if place.len() < text.len() {
            let problem =
                "a token or query must not be part of it: put the token into AZURE_STORAGE_SAS_TOKEN";
            return Err(refuse(problem));
        }
        if place.chars().any(char::is_control) {
            return Err(refuse("it has control characters"));
        }
        if let Some(rest) = place.strip_prefix("s3://") {
            let (bucket, prefix) = split(rest);
            check_name(bucket).map_err(|problem| refuse(&format!("the bucket {problem}")))?;
            return Ok(Location::S3 {
                bucket: bucket.to_owned(),
                prefix: check_prefix(prefix).map_err(refuse)?,
            });
        }
        if let Some(rest) = place.strip_prefix("az://") {
            let (account, rest) = split(rest);
            let (container, prefix) = split(rest);
            check_name(account).map_err(|problem| refuse(&format!("the account {problem}")))?;
            check_name(container).map_err(|problem| refuse(&format!("the container {problem}")))?;
            let prefix = check_prefix(prefix).map_err(refuse)?;
            let (account, container) = (account.to_owned(), container.to_owned());
            return Ok(Location::Azure { account, service: None, container, prefix });
        }
        of_url(place).map_err(|problem| refuse(&problem))
    }
}

/// Reads the URL of a container as a portal shows it: `https://ACCOUNT.blob.SUFFIX/CONTAINER[/PREFIX]`, or that of an
/// emulator, `http://HOST:PORT/ACCOUNT/CONTAINER[/PREFIX]`, whose host is an address or has no dot.
fn of_url(place: &str) -> Result<Location, String> {
    let url = Url::parse(place).map_err(|error| error.to_string())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL must not contain credentials".to_owned());
    }
    let host = url.host().ok_or("the URL has no host")?;
    let path = place.splitn(4, '/').nth(3).unwrap_or_default();
    let (account, container, prefix, service) = match host {
        url::Host::Domain(name) if name.contains('.') => {
            let account = name.split('.').next().unwrap_or_default();
            let (container, prefix) = split(path);
            (account, container, prefix, url.join("/"))
        }
        _ => {
            let (account, rest) = split(path);
            let (container, prefix) = split(rest);
            (account, container, prefix, url.join(&format!("/{account}/")))
        }
    };
    check_name(account).map_err(|problem| format!("the account {problem}"))?;
    check_name(container).map_err(|problem| format!("the container {problem}"))?;
    let service = service.map_err(|error| error.to_string())?;
    let prefix = check_prefix(prefix)?;
    Ok(Location::Azure {
        account: account.to_owned(),
        service: Some(service),
        container: container.to_owned(),
        prefix,
    })
}

fn split(text: &str) -> (&str, &str) {
    text.split_once('/').unwrap_or((text, ""))
}

/// Checks the name of a bucket, account or container. The stores have stricter rules, which differ; this rule keeps a
/// name from changing the meaning of a URL.
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '$');
    if name.is_empty() {
        return Err("is missing");
    }
    if !name.chars().all(is_allowed) || name.starts_with('.') || name.contains("..") {
        return Err("has a name with characters other than letters, digits, hyphens, dots and underscores");
    }
    Ok(())
}

/// Returns the prefix without slashes at its ends.
fn check_prefix(prefix: &str) -> Result<String, &'static str> {
    let prefix = prefix.trim_matches('/');
    if prefix.split('/').any(|part| matches!(part, "." | "..")) || prefix.contains("//") {
        return Err("its path has an empty part, or one that is `.` or `..`");
    }
    Ok(prefix.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_written_alike() {
        for (text, shown) in [
            ("s3://inbox", "s3://inbox"),
            ("s3://inbox/high/", "s3://inbox/high"),
            ("s3://inbox/high/2026", "s3://inbox/high/2026"),
            ("az://store/transfer", "az://store/transfer"),
            ("az://store/$web/a", "az://store/$web/a"),
            ("https://store.blob.core.windows.net/transfer", "https://store.blob.core.windows.net/transfer"),
            (
                "https://store.blob.core.usgovcloudapi.net/t/p",
                "https://store.blob.core.usgovcloudapi.net/t/p",
            ),
            ("http://127.0.0.1:10000/devstoreaccount1/t", "http://127.0.0.1:10000/devstoreaccount1/t"),
            ("http://azurite:10000/dev/t/p/", "http://azurite:10000/dev/t/p"),
        ] {
            assert_eq!(
                text.parse::<Location>().map(|place| place.to_string()),
                Ok(shown.to_owned()),
                "{text}"
            );
        }
        let Ok(Location::Azure { account, service, container, .. }) =
            "https://store.blob.core.windows.net/transfer".parse()
        else {
            panic!()
        };
        assert_eq!((account.as_str(), container.as_str()), ("store", "transfer"));
        assert_eq!(service.unwrap().as_str(), "https://store.blob.core.windows.net/");
    }

    #[test]
    fn secrets_and_tricks_are_refused() {
        for text in [
            "s3://",
            "s3:///key",
            "s3://a b",
            "s3://bucket/../other",
            "s3://bucket/a//b",
            "az://account",
            "az://account/",
            "https://store.blob.core.windows.net/",
            "https://user:secret@store.blob.core.windows.net/t",
            "https://store.blob.core.windows.net/t?sv=1&sig=secret",
            "s3://bucket/a\nb",
        ] {
            let error = text.parse::<Location>().unwrap_err();
            assert!(!error.to_string().contains("sig="), "{error}");
        }
    }
}
