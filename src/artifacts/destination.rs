//! The destination of a push: `docker://HOST[:PORT][/PREFIX]`.

use std::fmt;
use std::str::FromStr;

use super::spec_error::SpecError;
use crate::diagnosis::Advice;
use crate::registry::{Host, RepositoryName, canonical_host};

/// A registry, and an optional prefix for all repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryDestination {
    /// The host of the registry.
    pub host: Host,
    /// The prefix of every repository name, one or more path components.
    pub prefix: Option<RepositoryName>,
}

impl FromStr for RegistryDestination {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |problem: String| SpecError::new(text, problem, Advice::RegistrySyntax);
        let place = text.strip_prefix("docker://").ok_or_else(|| {
            refuse(match text.strip_prefix("oci://") {
                // As helm writes registries.
                Some(place) => {
                    format!("a registry destination starts with docker://: write docker://{place}")
                }
                None => "a registry destination starts with docker://".to_owned(),
            })
        })?;
        let (host, prefix) = match place.split_once('/') {
            Some((host, prefix)) => (host, Some(prefix)),
            None => (place, None),
        };
        let host = canonical_host(host.parse().map_err(|error| refuse(format!("{error}")))?);
        let prefix = prefix.map(str::parse::<RepositoryName>).transpose();
        let prefix = prefix.map_err(|error| refuse(error.to_string()))?;
        Ok(RegistryDestination { host, prefix })
    }
}

impl fmt::Display for RegistryDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "docker://{}", self.host)?;
        match &self.prefix {
            Some(prefix) => write!(f, "/{prefix}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_registry_destinations() {
        for (text, host, prefix) in [
            ("docker://low.example", "low.example", None),
            ("docker://low.example:5000/team", "low.example:5000", Some("team")),
            ("docker://localhost/a/b", "localhost", Some("a/b")),
            ("docker://[::1]:5000", "[::1]:5000", None),
        ] {
            let found: RegistryDestination = text.parse().unwrap();
            assert_eq!(
                (found.host.as_str(), found.prefix.as_ref().map(RepositoryName::as_str)),
                (host, prefix)
            );
            assert_eq!(found.to_string(), text);
        }
        for text in [
            "low.example",
            "docker:",
            "docker://",
            "docker://h/",
            "docker://h/Team",
            "docker://h/a:1",
            "oci:x",
        ] {
            assert!(text.parse::<RegistryDestination>().is_err(), "{text}");
        }
    }
}
