//! What stands for object stores in the program that only verifies: it recognises their places, to refuse them, and opens
//! none.

use std::fmt;
use std::str::FromStr;

use crate::diagnosis::{Diagnose, Diagnosis};

/// A place in an object store, of which this program knows none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {}

/// A place in an object store. The text contains no query, because that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place:?} is a place in an object store, which only the full carnet opens")]
pub struct LocationError {
    /// The place as written, up to a `?`.
    pub place: String,
}

impl Location {
    /// Whether a text is written as a place in an object store, correct or not.
    pub fn is_meant(text: &str) -> bool {
        ["s3://", "az://", "https://", "http://"].iter().any(|scheme| text.starts_with(scheme))
    }

    /// Returns the kind of place, as run records name it.
    pub fn kind(&self) -> &'static str {
        match *self {}
    }
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Err(LocationError { place: text.split('?').next().unwrap_or_default().to_owned() })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

/// An error of an object store.
#[derive(Debug)]
pub enum StorageError {}

impl fmt::Display for StorageError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl std::error::Error for StorageError {}

impl Diagnose for StorageError {
    fn diagnosis(&self) -> Diagnosis {
        match *self {}
    }
}
