//! Artifacts that are not packed because of an error.

use schemars::JsonSchema;
use serde::Serialize;

/// An artifact that was not packed because of an error.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ArtifactFailure {
    /// The source and name of the artifact.
    pub artifact: String,
    /// The message of the error that failed it.
    pub error: String,
}
