//! The text of a key file, public or private: one PEM block and nothing else.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use zeroize::Zeroizing;

use super::key_error::{KeyError, KeyProblem};

/// No key file is longer; an encrypted one has some 400 bytes.
const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Reads a key's file, and whether others than its owner may read or write it.
///
/// A pipe will do, so that a secret store can hand over a key.
pub(super) fn read_key_text(path: &Path) -> Result<(Zeroizing<String>, bool), KeyError> {
    let unreadable = |error| KeyError::at(path, KeyProblem::Read(error));
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let too_open = metadata.is_file() && metadata.mode() & 0o077 != 0;
    // Room for everything from the start: growing would leave copies of the key behind.
    let mut text = Zeroizing::new(String::with_capacity(65 * 1024));
    file.take(KEY_FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => {
            KeyError::at(path, KeyProblem::Malformed { detail: "it is not a text".to_owned() })
        }
        _ => unreadable(error),
    })?;
    if text.len() as u64 > KEY_FILE_BYTES_MAX {
        return Err(KeyError::at(path, KeyProblem::TooLong { limit: KEY_FILE_BYTES_MAX }));
    }
    Ok((text, too_open))
}

pub(super) fn malformed(detail: impl fmt::Display) -> KeyError {
    KeyProblem::Malformed { detail: detail.to_string() }.into()
}

pub(super) fn wrong_kind(expected: &'static str, found: &str) -> KeyError {
    KeyProblem::Kind { expected, found: found.chars().take(40).collect() }.into()
}

/// The text without white space around it, if it is one PEM block and nothing else.
///
/// A second block would be read by nobody, or by another tool than this one.
pub(super) fn single_pem(text: &str) -> Result<&str, KeyError> {
    let pem = text.trim_ascii();
    if !pem.starts_with("-----BEGIN ") {
        return Err(malformed("it does not start with a -----BEGIN line"));
    }
    if pem.matches("-----BEGIN ").count() > 1 {
        return Err(malformed("it holds more than one PEM block"));
    }
    if pem.matches("-----END ").count() != 1 || !pem.ends_with("-----") {
        return Err(malformed("it does not end with the -----END line of its only block"));
    }
    Ok(pem)
}

/// The label of a text that [`single_pem`] let through.
pub(super) fn pem_label(pem: &str) -> &str {
    let label = pem.strip_prefix("-----BEGIN ").and_then(|rest| rest.split_once("-----"));
    label.map_or("", |(label, _)| label)
}
