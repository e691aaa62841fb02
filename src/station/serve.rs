//! Runs all pipelines until it is told to stop: each on a thread of its own, one run at a time.

use std::thread;

use super::StationError;
use super::schedule::follow_schedule;
use super::serving::Serving;
use super::watch::Watching;

/// Runs the pipelines of these names, or all of them, until told to stop. Pipelines without a schedule or trigger do
/// nothing.
///
/// # Errors
/// [`StationError`] if another process runs this station, or if the system has too few threads.
pub fn serve(serving: &Serving<'_>, names: &[String]) -> Result<(), StationError> {
    let _lock = serving.ledger.lock("station")?;
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    thread::scope(|scope| {
        let mut started = Vec::new();
        let thread = |name: &str| thread::Builder::new().name(format!("pipeline-{name}"));
        for pipeline in serving.station.exports.iter().filter(|pipeline| wanted(&pipeline.name)) {
            if let Some(seconds) = pipeline.schedule {
                let work = move || follow_schedule(serving, pipeline, seconds);
                started.push(thread(&pipeline.name).spawn_scoped(scope, work).map_err(StationError::System)?);
            }
        }
        for pipeline in serving.station.imports.iter().filter(|pipeline| wanted(&pipeline.name)) {
            if pipeline.trigger {
                let work = move || {
                    Watching::new(serving, pipeline)?.run();
                    Ok(())
                };
                started.push(thread(&pipeline.name).spawn_scoped(scope, work).map_err(StationError::System)?);
            }
        }
        let mut first = Ok(());
        for thread in started {
            match thread.join() {
                Ok(done) => first = first.and(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        first
    })
}
