//! What a station tells while it runs.

use crate::diagnosis::Diagnosis;
use crate::runs::{RunRecord, RunStatus};

/// How important a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something failed and needs somebody.
    Error,
    /// Something is not as it should be.
    Warning,
    /// Something happened.
    Info,
}

/// Receives the lines of the log. Any thread may call it, so it should return quickly.
pub trait Log: Send + Sync {
    /// Receives a line about a pipeline. `run` is the name of the run, if the line is about one.
    fn line(&self, level: Level, pipeline: &str, run: Option<&str>, text: &str);

    /// Receives that something failed: what it was, e.g. `export Failed`, why, and its diagnosis, which decides the next step.
    fn failed(&self, pipeline: &str, run: Option<&str>, what: &str, why: &str, diagnosis: &Diagnosis);
}

/// Tells how a run ended, and why it failed.
pub(super) fn tell_end(log: &dyn Log, record: &RunRecord, diagnosis: Option<&Diagnosis>) {
    let what = format!("{} {}", record.pipeline_type.word(), record.status.word());
    let (pipeline, run) = (record.pipeline.as_str(), Some(record.name.as_str()));
    let why = record.pipeline_run_error_message.as_deref();
    match (why, diagnosis) {
        (Some(why), Some(diagnosis)) if record.status == RunStatus::Failed => {
            log.failed(pipeline, run, &what, why, diagnosis);
        }
        _ => {
            let level = if record.status == RunStatus::Failed { Level::Error } else { Level::Info };
            let why = why.map_or(String::new(), |why| format!(": {why}"));
            log.line(level, pipeline, run, &format!("{what}{why}"));
        }
    }
}
