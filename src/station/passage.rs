//! What a station remembers of streams, before a bundle is imported and after it was.

use super::log::{Level, Log};
use super::{ImportPipeline, StationError};
use crate::arrival::Bundle;
use crate::environment::Environment;
use crate::logbook::{
    Candidate, Held, Logbook, LogbookError, Memory, Side, StreamRefused, StreamReport, StreamVerdict,
};
use crate::runs::{Ledger, RunCheck, RunsError};
use crate::trust::TrustPolicy;

/// A bundle that its stream lets pass.
#[derive(Default)]
pub(super) struct Passage {
    report: Option<StreamReport>,
    held: Option<(Held, Candidate)>,
}

impl Passage {
    /// The verdict, for the record.
    pub(super) fn check(&self) -> Option<RunCheck> {
        let ((_, candidate), report) = (self.held.as_ref()?, self.report.as_ref()?);
        Some(RunCheck { check: "the stream".to_owned(), result: report.sentence(&candidate.crossing) })
    }

    /// Why there is nothing to do, if it was imported before, and newer ones since.
    pub(super) fn nothing_to_do(&self, force: bool) -> Option<String> {
        let ((_, candidate), report) = (self.held.as_ref()?, self.report.as_ref()?);
        (report.is_old_replay() && !force).then(|| report.sentence(&candidate.crossing))
    }

    /// Records that it was imported.
    pub(super) fn accept(&mut self, environment: &Environment<'_>) -> Result<(), LogbookError> {
        let Some((held, candidate)) = &mut self.held else { return Ok(()) };
        held.accept(candidate, self.report.as_ref(), environment.clock.now())
    }
}

/// Why an import would refuse a bundle because of its stream, if it would. `twins` wait with it and have its number. Nothing is
/// held or recorded.
pub fn refused_by_stream(
    pipeline: &ImportPipeline,
    bundle: &Bundle,
    twins: &[Candidate],
    policy: &TrustPolicy,
    memory: &Memory,
) -> Option<StreamRefused> {
    let candidate = Candidate::of(bundle, policy)?.in_pipeline(&pipeline.name);
    let report = memory.judge(&candidate, &in_pipeline(twins, pipeline), pipeline.allow_rollback)?;
    let Candidate { bundle, crossing, .. } = candidate;
    report.refused.then_some(StreamRefused { bundle, crossing, report })
}

fn in_pipeline(twins: &[Candidate], pipeline: &ImportPipeline) -> Vec<Candidate> {
    twins.iter().map(|twin| twin.clone().in_pipeline(&pipeline.name)).collect()
}

/// Judges a bundle by what the station remembers of its stream, and holds the stream. If the records of runs know a higher
/// number, the memory was put back to an earlier state, and is raised. Without a candidate, there is nothing to judge.
pub(super) fn pass(
    pipeline: &ImportPipeline,
    (candidate, twins): (Option<Candidate>, &[Candidate]),
    rollback: bool,
    ledger: &Ledger,
    logbook: &Logbook,
    environment: &Environment<'_>,
    log: &dyn Log,
) -> Result<Result<Passage, StreamRefused>, StationError> {
    let Some(candidate) = candidate else { return Ok(Ok(Passage::default())) };
    let candidate = candidate.in_pipeline(&pipeline.name);
    let mut held = match logbook.hold(&candidate.channel, &|| false) {
        Err(LogbookError::Busy { path }) => return Err(RunsError::Busy { path }.into()),
        held => held?,
    };
    let say = |level, text: &str| log.line(level, &pipeline.name, None, text);
    let is_new = held.memory().channel(&candidate.channel).is_none();
    if let Some(stream) = &candidate.crossing.stream
        && let Some(run) = ledger.accepted(&pipeline.name, stream)?
        && let Some(number) = run.work.sequence
    {
        let known = run.work.bundle.as_deref().and_then(|bundle| bundle.parse().ok());
        let reason = format!("the run {} imported this number", run.run);
        if held.raise(Side::Accepted, number, known, &reason, environment.clock.now())? && !is_new {
            say(
                Level::Warning,
                &format!(
                    "the memory of streams is older than the records of runs: {stream} goes on after number {number} of \
                     the run {}",
                    run.run
                ),
            );
        }
    }
    let report = held.memory().judge(&candidate, &in_pipeline(twins, pipeline), rollback);
    if let Some(report) = &report {
        if report.refused {
            let Candidate { bundle, crossing, .. } = candidate;
            return Ok(Err(StreamRefused { bundle, crossing, report: report.clone() }));
        }
        if matches!(report.verdict, StreamVerdict::FirstContact | StreamVerdict::Gap) || report.permitted {
            say(
                Level::Warning,
                &format!("bundle {}: {}", candidate.crossing.name, report.sentence(&candidate.crossing)),
            );
        }
    }
    Ok(Ok(Passage { report, held: Some((held, candidate)) }))
}
