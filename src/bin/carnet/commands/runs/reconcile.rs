//! `carnet runs reconcile`: compares what was sent with what arrived.

use std::path::{Path, PathBuf};

use carnet::diagnosis::{Code, count};
use carnet::runs::{Difference, Ledger, Reconciliation, RunRecord, reconcile};
use carnet::small_file::SmallFile;
use clap::Args;
use serde::Deserialize;

use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::plain::{plain, plain_path};
use crate::screen::say;

/// Maximum size of a file of records, in bytes.
const RECORDS_BYTES_MAX: u64 = 1 << 30;

/// Compare what one side exported with what the other side imported
#[derive(Args)]
#[command(after_help = "Example:\n  carnet runs reconcile low.json high.json\n\n\
    Exit codes: 0 both sides agree, 1 something differs.")]
pub(super) struct Reconcile {
    /// The records of the side that exports: a file of `carnet runs export --format json`, a state folder, or a transfer
    /// record as JSON
    #[arg(value_name = "LOW")]
    low: PathBuf,
    /// The records of the side that imports
    #[arg(value_name = "HIGH")]
    high: PathBuf,
}

impl Reconcile {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let result = reconcile(&records(&self.low)?, &records(&self.high)?);
        context.screen.answer(&result, || text(&result));
        Ok(if result.differences.is_empty() { exit::DONE } else { exit::FAILED })
    }
}

/// Reads a file of records, or a state folder.
fn records(path: &Path) -> Result<Vec<RunRecord>, CommandError> {
    if path.is_dir() {
        let mut problem = None;
        let mut tell = |error: &carnet::runs::RunsError| {
            say(&format!("warning: passed over: {error}"));
            problem = Some(error.to_string());
        };
        let records = Ledger::newest_telling(path, usize::MAX, &|_| true, &mut tell)?;
        return match problem {
            None => Ok(records),
            Some(problem) => Err(CommandError::new(Code::RunDamaged, plain(&problem))),
        };
    }
    let file = SmallFile::read_once(path, RECORDS_BYTES_MAX)
        .map_err(|error| CommandError::small_file(path, &error))?;
    // A transfer record is an object, a list of records is an array.
    let is_one = file.bytes().trim_ascii_start().starts_with(b"{");
    let read = if is_one {
        serde_json::from_slice(file.bytes()).map(|Filed { run }| vec![run])
    } else {
        serde_json::from_slice(file.bytes())
    };
    read.map_err(|error| {
        let message =
            format!("{} is no list of run records, and no transfer record: {error}", plain_path(path));
        CommandError::new(Code::RunDamaged, message)
    })
}

/// A transfer record, as it is read.
#[derive(Deserialize)]
struct Filed {
    run: RunRecord,
}

fn text(result: &Reconciliation) -> String {
    let Reconciliation { sent, arrived, agreed, differences } = result;
    let mut out = format!("sent    {}\n", count(*sent, "bundle", "bundles"));
    out += &format!("arrived {}, {agreed} as they were sent\n", count(*arrived, "bundle", "bundles"));
    for difference in differences {
        out += &format!("DIFFERS {}\n", plain(&sentence(difference)));
    }
    out
}

fn sentence(difference: &Difference) -> String {
    match difference {
        Difference::NotArrived { catalog_digest, run, failed_run } => {
            let tried = failed_run.as_ref().map(|run| format!("; the run {run} tried to import it"));
            format!("not arrived: {catalog_digest}, sent by {run}{}", tried.unwrap_or_default())
        }
        Difference::NotSent { catalog_digest, run } => {
            format!("not sent: {catalog_digest}, imported by {run}")
        }
        Difference::OtherDigest { stream, sequence, sent, arrived } => {
            let (sent, arrived) = (sent.join(", "), arrived.join(", "));
            format!("other bundle: number {sequence} of {stream} was sent as {sent} and arrived as {arrived}")
        }
        Difference::ArtifactNotArrived { catalog_digest, artifact, digest } => {
            format!("artifact not arrived: {artifact} {digest} of {catalog_digest}")
        }
        Difference::ArtifactOtherDigest { catalog_digest, artifact, digest } => {
            format!("artifact not sent: {artifact} {digest} of {catalog_digest}")
        }
        Difference::ChunkOtherStatement { catalog_digest, chunk, file, sent, arrived } => {
            let sent = sent.join(", ");
            format!(
                "other statement: chunk {chunk} of {catalog_digest} was sent as {sent} and arrived as {arrived} in {file}"
            )
        }
        Difference::FileOtherDigest { catalog_digest, file, sent, arrived } => {
            let sent = sent.join(", ");
            format!("other file: {file} of {catalog_digest} was sent as {sent} and arrived as {arrived}")
        }
        Difference::Replayed { catalog_digest, runs } => {
            format!("imported {} times: {catalog_digest}, by {}", runs.len(), runs.join(", "))
        }
    }
}
