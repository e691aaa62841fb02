//! Key files, public or private: one PEM block and nothing else.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use zeroize::Zeroizing;

use super::key_error::{KeyError, KeyProblem};

/// Maximum size of a key file in bytes. An encrypted key has about 400 bytes.
const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Reads a key file, and returns whether users other than its owner can read or write it.
///
/// The file may be a pipe, so that a secret store can provide the key.
pub(super) fn read_key_text(path: &Path) -> Result<(Zeroizing<String>, bool), KeyError> {
    let unreadable = |error| KeyError::at(path, KeyProblem::Read(error));
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let too_open = metadata.is_file() && metadata.mode() & 0o077 != 0;
    // Reserve the whole size first: growing would leave copies of the key in memory.
    let mut text = Zeroizing::new(String::with_capacity(65 * 1024));
    file.take(KEY_FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => {
            KeyError::at(path, KeyProblem::Malformed { detail: "it is not UTF-8 text".to_owned() })
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

/// Returns the text without surrounding white space if it is one PEM block and nothing else.
///
/// A second block is refused, because other tools could read that one.
pub(super) fn single_pem(text: &str) -> Result<&str, KeyError> {
    let pem = text.trim_ascii();
    if !pem.starts_with("-----BEGIN ") {
        return Err(malformed("it does not start with a -----BEGIN line"));
    }
    if pem.matches("-----BEGIN ").count() > 1 {
        return Err(malformed("it contains more than one PEM block"));
    }
    if pem.matches("-----END ").count() != 1 || !pem.ends_with("-----") {
        return Err(malformed("it does not end with the -----END line of its only block"));
    }
    Ok(pem)
}

/// The label of a PEM block. The text must come from [`single_pem`].
pub(super) fn pem_label(pem: &str) -> &str {
    let label = pem.strip_prefix("-----BEGIN ").and_then(|rest| rest.split_once("-----"));
    label.map_or("", |(label, _)| label)
}
