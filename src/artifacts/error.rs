//! What goes wrong with sources and sinks of artifacts.
use crate::diagnosis::Diagnose;

/// Placeholder until the variants land.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {}

impl Diagnose for ArtifactError {
    fn code(&self) -> &'static str {
        match *self {}
    }
}
