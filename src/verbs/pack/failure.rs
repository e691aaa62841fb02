//! Artifacts that are left out because they could not be read.

use schemars::JsonSchema;
use serde::Serialize;

/// An artifact that could not be read.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ArtifactFailure {
    /// Which one, as source and name.
    pub artifact: String,
    /// Why.
    pub error: String,
}
