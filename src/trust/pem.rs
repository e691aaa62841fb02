//! Key files, public or private: one PEM block and nothing else.

use std::{fmt, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::key_error::{KeyError, KeyProblem};
use crate::small_file::SmallFile;

/// Maximum size of a key file in bytes. An encrypted key has about 400 bytes.
const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Reads a key file.
pub(super) fn read_key_file(path: &Path) -> Result<SmallFile, KeyError> {
    SmallFile::read_once(path, KEY_FILE_BYTES_MAX).map_err(|error| KeyError::at(path, error))
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

/// Width of the lines of a PEM block (RFC 7468, section 3).
const LINE_CHARS: usize = 64;

/// The bytes in a PEM block of a public key. The text must come from [`single_pem`]. Not for private
/// keys: how long it takes depends on the content.
pub(super) fn decode_pem(pem: &str) -> Result<Vec<u8>, KeyError> {
    let label = pem_label(pem);
    let mut lines = pem.lines();
    let (first, last) = (lines.next(), lines.next_back());
    if first != Some(&format!("-----BEGIN {label}-----")) || last != Some(&format!("-----END {label}-----")) {
        return Err(malformed("the lines around its PEM block do not match"));
    }
    let lines: Vec<&str> = lines.collect();
    let whole = lines.iter().rev().skip(1).all(|line| line.len() == LINE_CHARS);
    if !whole || lines.last().is_none_or(|last| last.len() > LINE_CHARS) {
        return Err(malformed(format!("the lines of its PEM block do not have {LINE_CHARS} characters")));
    }
    STANDARD.decode(lines.concat()).map_err(malformed)
}
