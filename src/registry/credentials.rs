//! Which credential is used for a repository: from the files of docker and podman, and from the credential helpers that
//! they name.

use std::path::PathBuf;

use super::auth_file::AuthFile;
pub(super) use super::auth_file::Credential;
use super::{Host, RegistryError, RepositoryName, credential_helper, hub};

/// Finds the credential for a repository in the first file that has one for it or for its host.
///
/// # Errors
/// [`RegistryError::Setup`] if a file cannot be read or a helper fails. The error does not contain the output of the
/// helper, because it may be a secret.
pub(super) fn find(
    files: &[PathBuf],
    host: &Host,
    repository: Option<&RepositoryName>,
) -> Result<Option<Credential>, RegistryError> {
    for path in files {
        let file = AuthFile::read(path)?;
        if let Some(credential) = find_in(&file, host, repository)? {
            return Ok(Some(credential));
        }
    }
    Ok(None)
}

/// Checks that the files and their entries for the host can be read, before any request is sent. Helpers are not run
/// until the registry requires authentication.
///
/// # Errors
/// [`RegistryError::Setup`] for the first file that cannot be read.
pub(super) fn check(files: &[PathBuf], host: &Host) -> Result<(), RegistryError> {
    for path in files {
        let file = AuthFile::read(path)?;
        for key in hub::credential_keys(host) {
            if file.helper(key).is_none() {
                file.credential(key)?;
            }
        }
    }
    Ok(())
}

fn find_in(
    file: &AuthFile,
    host: &Host,
    repository: Option<&RepositoryName>,
) -> Result<Option<Credential>, RegistryError> {
    let of_host = hub::credential_keys(host);
    let ask =
        |name: &str, key: &str| credential_helper::ask(name, key).map_err(|problem| file.unusable(problem));
    for key in keys_of(host, repository).iter().map(String::as_str).chain(of_host.iter().copied()) {
        let found = match file.helper(key) {
            Some(name) => ask(name, key)?,
            None => file.credential(key)?,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    let Some(name) = file.store() else { return Ok(None) };
    for key in of_host {
        let found = ask(name, key)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// podman's keys for a repository and the parts above it, the longest first (containers-auth.json(5)).
fn keys_of(host: &Host, repository: Option<&RepositoryName>) -> Vec<String> {
    let Some(name) = repository else { return Vec::new() };
    let whole = format!("{host}/{name}");
    let ends = whole.match_indices('/').map(|(at, _)| at).skip(1).chain([whole.len()]);
    let mut keys: Vec<String> = ends.map(|end| whole[..end].to_owned()).collect();
    keys.reverse();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, repository: &str) -> Result<Option<Credential>, RegistryError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auth.json");
        std::fs::write(&path, text).unwrap();
        find(&[path], &"low.example:5000".parse().unwrap(), Some(&repository.parse().unwrap()))
    }

    #[test]
    fn the_longest_matching_key_is_used() {
        let text = r#"{"auths": {"low.example:5000": {"auth": "YTpi"}, "low.example:5000/team": {"auth": "Yzpk"},
            "other.example": {"identitytoken": "t"}}}"#;
        let basic = |user: &str, password: &str| {
            Some(Credential::Basic { user: user.to_owned(), password: password.to_owned() })
        };
        assert!(found(text, "app").unwrap() == basic("a", "b"));
        assert!(found(text, "team/app").unwrap() == basic("c", "d"));
        assert!(found(text, "teams/app").unwrap() == basic("a", "b"));
        assert!(
            found(r#"{"auths": {"low.example:5000": {"identitytoken": "t"}}}"#, "app").unwrap()
                == Some(Credential::Identity("t".to_owned()))
        );
        assert!(found("{}", "app").unwrap().is_none());
    }

    #[test]
    fn errors_name_the_file_but_not_its_content() {
        for text in [
            "secret",
            r#"{"auths": {"low.example:5000": {"auth": "secret!"}}}"#,
            r#"{"credHelpers": {"low.example:5000": "of-nobody"}}"#,
        ] {
            let error = found(text, "app").err().unwrap().to_string();
            assert!(error.contains("auth.json") && !error.contains("secret"), "{error}");
        }
    }
}
