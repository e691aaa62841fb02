//! Errors of stations.

use std::collections::BTreeMap;

use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::logbook::LogbookError;
use crate::medium::MediumError;
use crate::runs::RunsError;
use crate::storage::StorageError;
use crate::trust::{KeyError, PolicyError};

/// An error that keeps a pipeline from running at all. What happens in a run is in its record.
#[derive(Debug, thiserror::Error)]
pub enum StationError {
    /// A run record.
    #[error(transparent)]
    Runs(#[from] RunsError),
    /// The memory of streams.
    #[error(transparent)]
    Logbook(#[from] LogbookError),
    /// A place for chunk files.
    #[error(transparent)]
    Medium(#[from] MediumError),
    /// An object store.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The trust file.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There is no pipeline of this name.
    #[error("the station file has no pipeline {name:?}")]
    NoSuchPipeline {
        /// The name.
        name: String,
    },
    /// A field that the pipeline requires was not given.
    #[error("the pipeline {pipeline} requires the field {field:?}")]
    FieldAbsent {
        /// The pipeline.
        pipeline: String,
        /// The field.
        field: String,
    },
    /// The thread of a pipeline panicked.
    #[error("the pipeline {pipeline} ended by an error of the program")]
    Panicked {
        /// The pipeline.
        pipeline: String,
    },
    /// The system has no more threads or memory.
    #[error("{0}")]
    System(std::io::Error),
}

/// Checks that the fields that a pipeline requires were given.
///
/// # Errors
/// [`StationError::FieldAbsent`] for the first that was not.
pub fn require_fields(
    pipeline: &str,
    required: &[String],
    given: &BTreeMap<String, String>,
) -> Result<(), StationError> {
    match required.iter().find(|field| !given.contains_key(*field)) {
        Some(field) => Err(StationError::FieldAbsent { pipeline: pipeline.to_owned(), field: field.clone() }),
        None => Ok(()),
    }
}

impl Diagnose for StationError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            StationError::Runs(error) => error.diagnosis(),
            StationError::Logbook(error) => error.diagnosis(),
            StationError::Medium(error) => error.diagnosis(),
            StationError::Storage(error) => error.diagnosis(),
            StationError::Policy(error) => error.diagnosis(),
            StationError::Key(error) => error.diagnosis(),
            StationError::NoSuchPipeline { .. } => Code::NoSuchPipeline.into(),
            StationError::FieldAbsent { .. } => Code::FieldAbsent.into(),
            StationError::Panicked { .. } => Code::ProgramError.into(),
            StationError::System(_) => Code::System.into(),
        }
    }
}
