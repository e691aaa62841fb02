//! What a station tells while it runs.

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
}
