//! The profiles in the files of the AWS command line (AWS SDKs Reference Guide, "Shared config and credentials files").

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::Keys;
use crate::small_file::{SmallFile, SmallFileError};
use crate::storage::near::setup;
use crate::storage::{StorageError, Variables};

/// Maximum size of a file in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Settings that need a login or a chain of roles, which this program does not do.
const UNSUPPORTED: [&str; 5] =
    ["sso_session", "sso_start_url", "role_arn", "source_profile", "credential_source"];

/// A profile.
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) keys: Option<Keys>,
    /// A program that prints keys.
    pub(super) process: Option<Vec<String>>,
    pub(super) region: Option<String>,
    pub(super) endpoint_url: Option<String>,
    /// Why it gives no keys, if it is meant to.
    pub(super) problem: Option<String>,
}

type Section = BTreeMap<String, Zeroizing<String>>;

impl Profile {
    /// Reads the profile that `AWS_PROFILE` names, or `default`; `None` if no file has it and it is not named.
    ///
    /// # Errors
    /// If a file cannot be read, or a named profile is missing.
    pub(super) fn load(variables: &Variables) -> Result<Option<Profile>, StorageError> {
        let named = variables.get("AWS_PROFILE");
        let name = named.unwrap_or("default");
        let mut section = Section::new();
        let mut found = false;
        for (variable, file) in
            [("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")]
        {
            let own = variables.get(variable).map(PathBuf::from);
            let home = || variables.get("HOME").map(|home| PathBuf::from(home).join(".aws").join(file));
            let is_default = own.is_none() && named.is_none();
            let Some(path) = own.or_else(home) else { continue };
            let shown = path.display().to_string();
            let text = match SmallFile::read(&path, FILE_BYTES_MAX) {
                Ok(text) => text,
                Err(SmallFileError::Io(error)) if error.kind() == ErrorKind::NotFound => continue,
                // Services often have no access to the home of their user.
                Err(SmallFileError::Io(error))
                    if error.kind() == ErrorKind::PermissionDenied && is_default =>
                {
                    continue;
                }
                Err(error) => return Err(setup(&shown, &error.to_string())),
            };
            let text = text.text().map_err(|error| setup(&shown, &error.to_string()))?;
            if let Some(read) = read_section(text, name) {
                // The credentials file, which comes later, goes first.
                section.extend(read);
                found = true;
            }
        }
        if !found {
            return match named {
                Some(name) => Err(setup("AWS_PROFILE", &format!("no file has a profile {name:?}"))),
                None => Ok(None),
            };
        }
        Ok(Some(Profile::of(name, &mut section)))
    }

    fn of(name: &str, section: &mut Section) -> Profile {
        let mut take = |key: &str| section.remove(key).filter(|value| !value.is_empty());
        let (id, secret) = (take("aws_access_key_id"), take("aws_secret_access_key"));
        let token = take("aws_session_token");
        let plain = |value: Zeroizing<String>| value.as_str().to_owned();
        let process = take("credential_process").map(|line| words(&line));
        let (region, endpoint_url) = (take("region").map(plain), take("endpoint_url").map(plain));
        let mut problem = UNSUPPORTED
            .iter()
            .find(|key| section.contains_key(**key))
            .map(|key| format!("{key} is not supported: use keys, credential_process or a web identity"));
        let keys = match (id, secret) {
            (Some(id), Some(secret)) => Some(Keys { id: plain(id), secret, token, expires: None }),
            (None, None) => None,
            _ => {
                problem = Some("it has only one half of an access key".to_owned());
                None
            }
        };
        Profile { name: name.to_owned(), keys, process, region, endpoint_url, problem }
    }
}

/// Returns the settings of a profile. In one file its section is called `profile NAME`, in the other `NAME`.
fn read_section(text: &str, name: &str) -> Option<Section> {
    let mut section: Option<Section> = None;
    let mut inside = false;
    for line in text.lines() {
        let is_nested = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(title) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let title = title.trim();
            let title = title.strip_prefix("profile ").unwrap_or(title).trim();
            inside = title == name;
            if inside {
                section.get_or_insert_default();
            }
        } else if inside
            && !is_nested
            && let (Some(section), Some((key, value))) = (&mut section, line.split_once('='))
        {
            section.insert(key.trim().to_ascii_lowercase(), Zeroizing::new(value.trim().to_owned()));
        }
    }
    section
}

/// Splits a command line into words. Double quotes keep spaces.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for c in line.chars() {
        match c {
            '"' => (quoted, begun) = (!quoted, true),
            c if c.is_whitespace() && !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            c => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sections_of_both_files() {
        let text = "# c\n[default]\nregion = eu-central-1\n[profile low]\naws_access_key_id=A\n\
                    aws_secret_access_key = S=/+\ns3 =\n  max_concurrent_requests = 20\nregion=us-gov-west-1\n";
        let section = read_section(text, "low").unwrap();
        assert_eq!(section["aws_secret_access_key"].as_str(), "S=/+");
        assert_eq!(section["region"].as_str(), "us-gov-west-1");
        assert!(!section.contains_key("max_concurrent_requests"));
        assert_eq!(read_section(text, "default").unwrap()["region"].as_str(), "eu-central-1");
        assert!(read_section(text, "high").is_none());
    }

    #[test]
    fn splits_commands() {
        assert_eq!(words("/bin/x --a \"b c\"  \"\""), ["/bin/x", "--a", "b c", ""]);
    }

    #[test]
    fn says_what_is_not_supported() {
        let mut section = read_section("[a]\nsso_session = x\n", "a").unwrap();
        let problem = Profile::of("a", &mut section).problem.unwrap();
        assert!(problem.contains("sso_session is not supported"), "{problem}");
    }
}
