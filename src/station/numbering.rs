//! The numbers of what a station exports.

use super::log::{Level, Log};
use super::{ExportPipeline, StationError};
use crate::environment::Environment;
use crate::format::{StreamName, Sum};
use crate::logbook::{Assigned, Channel, Held, Logbook, LogbookError, Numbering, Numbers, Side};
use crate::runs::{Did, Ledger, PastRun, RunHandle, RunsError};

/// Holds the stream of a pipeline; without a stream, the numbers that its bundles are named after. If the records of runs
/// know higher numbers than the memory of streams, it was put back to an earlier state, and is raised.
pub(super) fn hold(
    pipeline: &ExportPipeline,
    ledger: &Ledger,
    last: Option<&PastRun>,
    begun: Option<&PastRun>,
    environment: &Environment<'_>,
    log: &dyn Log,
) -> Result<Held, StationError> {
    let channel = match &pipeline.stream {
        Some(stream) => Channel::of(Some(stream)),
        None => Channel::of(None).in_pipeline(&pipeline.name),
    };
    let goes_on = || !environment.workers.interrupted();
    let mut held = Logbook::open(ledger.folder())?.hold(&channel, &goes_on)?;
    let is_new = held.memory().channel(&channel).is_none();
    let [sent, taken] = match &pipeline.stream {
        Some(stream) => ledger.in_stream(stream)?,
        None => [None, None],
    };
    // A run that is not in the chain yet may have taken a number, too.
    for run in [last, sent.as_ref(), begun, taken.as_ref()].into_iter().flatten() {
        let stream = pipeline.stream.as_ref().map(StreamName::as_str);
        // Earlier versions did not note the stream of a run that did not finish its bundle.
        let is_of_stream = run.work.stream.as_deref() == stream || run.work.did == Did::Began;
        let Some(number) = run.work.sequence.filter(|_| is_of_stream) else { continue };
        let bundle = run.work.bundle.as_deref().and_then(|bundle| bundle.parse().ok());
        let reason = format!("the run {} has this number", run.run);
        if held.raise(Side::Sent, number, bundle, &reason, environment.clock.now())? && !is_new {
            let text = format!(
                "the memory of streams is older than the records of runs: {channel} goes on after number {number} of the \
                 run {}",
                run.run
            );
            log.line(Level::Warning, &pipeline.name, None, &text);
        }
    }
    Ok(held)
}

/// Tells the number before anything is sealed, so that the record of the run has it.
pub(super) struct Announcing<'a> {
    pub(super) numbering: &'a Numbering<'a>,
    /// The id of what is packed, under a name that never changes.
    pub(super) content: Sum,
    pub(super) run: &'a RunHandle<'a>,
}

impl Numbers for Announcing<'_> {
    fn assign(&self, plan: &Sum) -> Result<Assigned, LogbookError> {
        self.numbering.assign(plan)
    }

    fn take(&self, assigned: &Assigned, bundle: &Sum) -> Result<(), LogbookError> {
        self.numbering.take(assigned, bundle)?;
        let announced = self.run.update(true, |record| {
            record.sequence = Some(assigned.number);
            record.content_digest = Some(self.content.to_string());
            record.bundle_name = Some(assigned.crossing.name.to_string());
        });
        announced.map_err(|error| match error {
            RunsError::Io { what, path, source } => LogbookError::Io { what, path, source },
            error => {
                let (path, problem) = (assigned.crossing.name.to_string(), error.to_string());
                LogbookError::Damaged { path, problem }
            }
        })
    }

    fn sent(&self, assigned: &Assigned, bundle: &Sum) -> Result<(), LogbookError> {
        self.numbering.sent(assigned, bundle)
    }
}
