//! Docker Hub: the names that people write for it, the host that serves it, and its keys in credentials files.
//!
//! Sources and destinations are normalised when they are read, so that everything else sees one name for one
//! repository. Only [`api_host`] and [`credential_keys`] know what else is different.

use super::{Host, NameError, RepositoryName};

/// The name of Docker Hub in the names of images.
const NAME: &str = "docker.io";

/// The host that serves the distribution API.
const API: &str = "registry-1.docker.io";

/// The name that docker itself uses in places.
const INDEX: &str = "index.docker.io";

/// The key under which docker stores the login.
const KEY: &str = "https://index.docker.io/v1/";

/// Where Docker Hub keeps the repositories whose names have one part.
const OFFICIAL: &str = "library";

/// The host that a user means: `docker.io` for `index.docker.io`, any other as it is.
pub fn canonical_host(host: Host) -> Host {
    if host.as_str() == INDEX { NAME.parse().expect("a host") } else { host }
}

/// The repository that a user means: on Docker Hub, `alpine` is `library/alpine`.
///
/// # Errors
/// If the name is too long with the added part.
pub fn canonical_repository(host: &Host, name: RepositoryName) -> Result<RepositoryName, NameError> {
    if is_hub(host) && !name.as_str().contains('/') { format!("{OFFICIAL}/{name}").parse() } else { Ok(name) }
}

/// The host to contact for a registry.
pub(super) fn api_host(host: &Host) -> Host {
    if host.as_str() == NAME { API.parse().expect("a host") } else { host.clone() }
}

/// The keys of a host in credentials files, in the order in which they are tried.
pub(super) fn credential_keys(host: &Host) -> Vec<&str> {
    if is_hub(host) { vec![NAME, KEY, INDEX, API] } else { vec![host.as_str()] }
}

fn is_hub(host: &Host) -> bool {
    [NAME, API].contains(&host.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_docker_hub_are_known() {
        let host = |text: &str| text.parse::<Host>().unwrap();
        for (text, canonical, api) in [
            ("docker.io", "docker.io", "registry-1.docker.io"),
            ("index.docker.io", "docker.io", "registry-1.docker.io"),
            ("Docker.io", "docker.io", "registry-1.docker.io"),
            ("registry-1.docker.io", "registry-1.docker.io", "registry-1.docker.io"),
            ("docker.io:443", "docker.io:443", "docker.io:443"),
            ("docker.io.example", "docker.io.example", "docker.io.example"),
        ] {
            let found = canonical_host(host(text));
            assert_eq!((found.as_str(), api_host(&found).as_str()), (canonical, api), "{text}");
        }
        for (text, name, canonical) in [
            ("docker.io", "alpine", "library/alpine"),
            ("docker.io", "library/alpine", "library/alpine"),
            ("docker.io", "team/app", "team/app"),
            ("low.example", "alpine", "alpine"),
        ] {
            let found = canonical_repository(&host(text), name.parse().unwrap()).unwrap();
            assert_eq!(found.as_str(), canonical, "{text}/{name}");
        }
        assert!(credential_keys(&host("docker.io")).contains(&"https://index.docker.io/v1/"));
        assert_eq!(credential_keys(&host("low.example")), ["low.example"]);
    }
}
