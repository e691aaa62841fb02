//! What stands for registries in the program that only verifies: errors that it cannot have.

use std::fmt;

use crate::diagnosis::{Diagnose, Diagnosis};

/// An error of a registry.
#[derive(Debug)]
pub enum RegistryError {}

impl fmt::Display for RegistryError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl std::error::Error for RegistryError {}

impl Diagnose for RegistryError {
    fn diagnosis(&self) -> Diagnosis {
        match *self {}
    }
}

/// A URL that did not provide a layer.
#[derive(Debug)]
pub enum Refusal {}

impl Refusal {
    /// Returns whether the URL was not requested because its host has a private address.
    pub fn is_of_private_address(&self) -> bool {
        match *self {}
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}
