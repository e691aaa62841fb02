//! Runs all pipelines until it is told to stop: each on a thread of its own, one run at a time.

use std::sync::atomic::Ordering;
use std::thread;

use super::StationError;
use super::log::Level;
use super::schedule::follow_schedule;
use super::serving::Serving;
use super::watch::Watching;

/// Ends the service if the thread of a pipeline panics, and shows that on the page as long as the others end.
struct Guard<'a> {
    serving: &'a Serving<'a>,
    pipeline: &'a str,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.serving.stop.store(true, Ordering::Relaxed);
            let text = "the pipeline ended by an error of the program, so the service ends";
            self.serving.board.change(self.pipeline, |view| {
                view.run = None;
                view.problem = Some(text.to_owned());
            });
            self.serving.log.line(Level::Error, self.pipeline, None, text);
        }
    }
}

/// Does the work of a pipeline. If it ends with an error, the service says so and ends: what started it starts it again.
fn run_pipeline(
    serving: &Serving<'_>,
    pipeline: &str,
    work: impl FnOnce() -> Result<(), StationError>,
) -> Result<(), StationError> {
    let _guard = Guard { serving, pipeline };
    serving.equipment.alive.show(pipeline);
    let done = work();
    if let Err(error) = &done {
        serving.stop.store(true, Ordering::Relaxed);
        serving.log.line(Level::Error, pipeline, None, &format!("the service ends: {error}"));
    }
    done
}

/// Runs the pipelines of these names, or all of them, until told to stop. Pipelines without a schedule or trigger do
/// nothing.
///
/// # Errors
/// [`StationError`] if another process runs this station, if the system has too few threads, or if a pipeline ends by
/// itself or panics; then all of them end.
pub fn serve(serving: &Serving<'_>, names: &[String]) -> Result<(), StationError> {
    let _lock = serving.ledger.lock("station")?;
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    // The threads that were started end, too.
    let too_few = |error| {
        serving.stop.store(true, Ordering::Relaxed);
        StationError::System(error)
    };
    thread::scope(|scope| {
        let mut started = Vec::new();
        let thread = |name: &str| thread::Builder::new().name(format!("pipeline-{name}"));
        for pipeline in serving.station.exports.iter().filter(|pipeline| wanted(&pipeline.name)) {
            if let Some(seconds) = pipeline.schedule {
                let work = move || {
                    run_pipeline(serving, &pipeline.name, || follow_schedule(serving, pipeline, seconds))
                };
                let spawned = thread(&pipeline.name).spawn_scoped(scope, work).map_err(too_few)?;
                started.push((pipeline.name.as_str(), spawned));
            }
        }
        for pipeline in serving.station.imports.iter().filter(|pipeline| wanted(&pipeline.name)) {
            if pipeline.trigger {
                let watch = move || {
                    Watching::new(serving, pipeline)?.run();
                    Ok(())
                };
                let work = move || run_pipeline(serving, &pipeline.name, watch);
                let spawned = thread(&pipeline.name).spawn_scoped(scope, work).map_err(too_few)?;
                started.push((pipeline.name.as_str(), spawned));
            }
        }
        let mut first = Ok(());
        for (pipeline, thread) in started {
            let panicked = || StationError::Panicked { pipeline: pipeline.to_owned() };
            first = first.and(thread.join().unwrap_or_else(|_| Err(panicked())));
        }
        first
    })
}
