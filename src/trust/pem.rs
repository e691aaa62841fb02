//! Key files, public or private: one PEM block and nothing else.

use std::{fmt, fs, io, os::unix::fs::MetadataExt as _, path::Path};

use zeroize::Zeroizing;

use super::key_error::{KeyError, KeyProblem};
use crate::small_file;

/// Maximum size of a key file in bytes. An encrypted key has about 400 bytes.
const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Reads a key file, and returns whether users other than its owner can read or write it.
pub(super) fn read_key_text(path: &Path) -> Result<(Zeroizing<String>, bool), KeyError> {
    let bytes = small_file::read(path, KEY_FILE_BYTES_MAX).map_err(|error| {
        KeyError::at(
            path,
            match error.kind() {
                io::ErrorKind::FileTooLarge => KeyProblem::TooLong { limit: KEY_FILE_BYTES_MAX },
                io::ErrorKind::InvalidData => KeyProblem::Malformed { detail: error.to_string() },
                _ => KeyProblem::Read(error),
            },
        )
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        drop(Zeroizing::new(error.into_bytes()));
        KeyError::at(path, KeyProblem::Malformed { detail: "it is not UTF-8 text".to_owned() })
    })?;
    let too_open =
        fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o077 != 0);
    Ok((Zeroizing::new(text), too_open))
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
