//! Follows the schedule of an export pipeline.

use std::time::Duration;

use super::alive::LifeSigns;
use super::log::Level;
use super::places_asked::ask_all;
use super::reach::{Answer, Reach};
use super::serving::Serving;
use super::{ExportPipeline, ExportRequest, StationError, export};
use crate::diagnosis::Diagnose as _;
use crate::environment::Environment;
use crate::format::Timestamp;
use crate::runs::{Ledger, RunRecord, RunStatus, RunsError};

/// How many of the last runs are read to count how many failed in a row. After that many, the wait does not grow.
const FAILURES_READ: usize = 8;

/// Whether a policy denied what would be packed. Trying again sooner would not change that.
fn is_denied(record: &RunRecord) -> bool {
    record.judgement.as_ref().is_some_and(|judgement| !judgement.allowed)
}

fn is_failure(record: &RunRecord) -> bool {
    record.status == RunStatus::Failed && !is_denied(record)
}

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
    let life = LifeSigns { alive: &serving.equipment.alive, pipeline: name };
    let environment = Environment { clock, monitor: life.monitor(), workers: &workers };
    let is_ours = |record: &RunRecord| record.pipeline == *name;
    let records = Ledger::newest(serving.ledger.folder(), FAILURES_READ, &is_ours)?;
    let failed = records.iter().take_while(|record| is_failure(record)).count();
    let mut failures = u32::try_from(failed).unwrap_or(u32::MAX);
    let wait_after = |failures| if failures == 0 { seconds } else { serving.back_off(failures).min(seconds) };
    // A run that did not end is done again at once, and so is the first one.
    let mut due = records.first().and_then(|last| {
        let started: Timestamp = last.start_time.parse().ok()?;
        if last.status == RunStatus::Interrupted { None } else { started.plus_seconds(wait_after(failures)) }
    });
    let mut is_busy = false;
    let mut reach = Reach::new(name, "nothing is exported");
    while !serving.is_stopped() {
        let now = serving.now();
        serving.board.change(name, |view| {
            view.looked = Some(now);
            view.due = due;
            view.patience = 3 * seconds;
        });
        if due.is_some_and(|due| due > now) {
            serving.wait(name, Duration::from_secs(1));
            continue;
        }
        match reach.ask(serving, || ask_all(pipeline, serving.equipment)) {
            Answer::Away(_) => {
                serving.board.change(name, |view| view.problem = reach.problem());
                due = reach.next();
                continue;
            }
            // What failed may have failed because of it.
            Answer::Back => failures = 0,
            Answer::There => {}
        }
        let request = ExportRequest { schedule: Some(format!("{seconds}s")), ..ExportRequest::default() };
        match export(pipeline, &request, serving.equipment, serving.ledger, signer, &environment, serving.log)
        {
            Ok(record) => {
                let has_worked = matches!(record.status, RunStatus::Succeeded | RunStatus::Skipped);
                is_busy = false;
                failures = if has_worked || is_denied(&record) { 0 } else { failures.saturating_add(1) };
                // A run that had nothing to do tells of artifacts that fail again.
                let has_failures = record.artifacts().any(|artifact| artifact.error.is_some());
                serving.board.change(name, |view| {
                    view.reached = Some(now);
                    view.count(&record);
                    view.problem = record.pipeline_run_error_message.filter(|_| !has_worked || has_failures);
                    if has_worked {
                        view.succeeded = Some(now);
                    }
                });
            }
            Err(StationError::Runs(RunsError::Busy { .. })) => {
                if !is_busy {
                    let text = "another run of the pipeline is under way; the scheduled one waits for it";
                    serving.log.line(Level::Info, name, None, text);
                }
                is_busy = true;
                serving.wait(name, Duration::from_secs(1));
                continue;
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                serving.log.failed(name, None, "no run", &error.to_string(), &error.diagnosis());
                serving.board.change(name, |view| view.problem = Some(error.to_string()));
            }
        }
        due = now.plus_seconds(wait_after(failures));
    }
    Ok(())
}
