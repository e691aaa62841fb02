//! Follows the schedule of an export pipeline.

use std::time::Duration;

use super::serving::{Serving, back_off};
use super::{ExportPipeline, ExportRequest, StationError, export};
use crate::diagnosis::Diagnose as _;
use crate::environment::Environment;
use crate::format::Timestamp;
use crate::observe::Monitor;
use crate::runs::{Ledger, RunRecord, RunStatus};

/// Runs the pipeline every `seconds` seconds, until told to stop. After a failure it runs sooner.
pub(super) fn follow_schedule(
    serving: &Serving<'_>,
    pipeline: &ExportPipeline,
    seconds: u64,
) -> Result<(), StationError> {
    let name = &pipeline.name;
    let signer = &serving.signers[name];
    let workers = serving.workers()?;
    let clock = serving.equipment.clock.as_ref();
    let environment = Environment { clock, monitor: Monitor::silent(), workers: &workers };
    let is_ours = |record: &RunRecord| record.pipeline == *name;
    let last = Ledger::newest(serving.ledger.folder(), 1, &is_ours)?.pop();
    let mut failures = 0;
    // A run that did not end is done again at once, and so is the first one.
    let mut due = last.and_then(|last| {
        let started: Timestamp = last.start_time.parse().ok()?;
        if last.status == RunStatus::Interrupted { None } else { started.plus_seconds(seconds) }
    });
    while !serving.is_stopped() {
        let now = serving.now();
        serving.board.change(name, |view| {
            view.looked = Some(now);
            view.due = due;
            view.patience = 3 * seconds;
        });
        if due.is_some_and(|due| due > now) {
            serving.wait(Duration::from_secs(1));
            continue;
        }
        let request = ExportRequest { schedule: Some(format!("{seconds}s")), ..ExportRequest::default() };
        match export(pipeline, &request, serving.equipment, serving.ledger, signer, &environment, serving.log)
        {
            Ok(record) => {
                let has_worked = matches!(record.status, RunStatus::Succeeded | RunStatus::Skipped);
                failures = if has_worked { 0 } else { failures + 1 };
                serving.board.change(name, |view| {
                    view.reached = Some(now);
                    view.count(&record);
                    view.problem = record.pipeline_run_error_message.filter(|_| !has_worked);
                    if has_worked {
                        view.succeeded = Some(now);
                    }
                });
            }
            Err(error) => {
                failures += 1;
                serving.log.failed(name, None, "no run", &error.to_string(), &error.diagnosis());
                serving.board.change(name, |view| view.problem = Some(error.to_string()));
            }
        }
        let wait = if failures == 0 { seconds } else { back_off(failures) };
        due = now.plus_seconds(wait);
    }
    Ok(())
}
