//! Checks the chain and the records against each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::files::{names, raw_lines, read, read_ending};
use super::{ChainEvent, ChainLine, RunStatus, RunsError};
use crate::chain::{ChainError, NOTHING_BEFORE};
use crate::format::Sum;
use crate::trust::PublicKey;

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum Fault {
    /// A line is not one of the chain.
    LineDamaged {
        /// The number of the line in the file.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// A line does not follow the one before it: lines were removed, inserted or swapped.
    LineOutOfPlace {
        /// The number of the line in the file.
        line: u64,
        /// The run that it is about.
        run: String,
    },
    /// None of the keys signed a line.
    LineNotSigned {
        /// The number of the line in the file.
        line: u64,
        /// The run that it is about.
        run: String,
    },
    /// The record of a run was changed after the run ended.
    RecordChanged {
        /// The run.
        run: String,
    },
    /// The record of a run is gone, and the chain does not say that it was deleted.
    RecordMissing {
        /// The run.
        run: String,
    },
    /// A line that was noted is no longer in the chain.
    HeadMissing {
        /// The digest of the line.
        head: String,
    },
    /// A record of a finished run is not in the chain, or is there although the chain says that it was deleted.
    RecordUnknown {
        /// The run.
        run: String,
    },
}

/// The result of checking a state folder.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Verified {
    /// The number of lines.
    pub lines: u64,
    /// The digest of the last line. If you note it elsewhere, a chain that was cut shorter shows.
    pub head: String,
    /// How many records are there and as they were written.
    pub records: u64,
    /// How many records were deleted.
    pub deleted: u64,
    /// How many runs are under way, or were when their process ended.
    pub running: u64,
    /// What is not as it was written.
    pub faults: Vec<Fault>,
}

/// How often faults are looked at again.
const LOOKS_MAX: usize = 5;

/// Checks every line and every record. `keys` are those that may sign; without any, signatures are not checked. `expected`
/// is the head at an earlier time. Needs no lock.
///
/// # Errors
/// If the folder cannot be read.
pub fn verify(folder: &Path, keys: &[PublicKey], expected: Option<&str>) -> Result<Verified, RunsError> {
    let mut verified = look(folder, keys, expected)?;
    // A run that ends between two of the readings looks like a fault. A real fault is there again.
    for _ in 0..LOOKS_MAX {
        if verified.faults.is_empty() {
            break;
        }
        let again = look(folder, keys, expected)?;
        let is_same = again.faults == verified.faults;
        verified = again;
        if is_same {
            break;
        }
    }
    Ok(verified)
}

/// Looks once.
fn look(folder: &Path, keys: &[PublicKey], expected: Option<&str>) -> Result<Verified, RunsError> {
    let mut faults = Vec::new();
    let mut prev = NOTHING_BEFORE.to_owned();
    // What the chain says of each run: the digest of its record, unless that was deleted.
    let mut said: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut count = 0;
    let mut is_expected_there = false;
    let mut deleted = 0;
    let mut delivered: BTreeSet<String> = BTreeSet::new();
    for (at, text) in (1..).zip(raw_lines(folder)?) {
        count = at;
        let text = match text {
            Ok(text) => text,
            // A line without an end: nothing behind it can be told apart.
            Err(ChainError::Damaged { problem, .. }) => {
                faults.push(Fault::LineDamaged { line: at, problem });
                break;
            }
            Err(error) => return Err(error.into()),
        };
        let digest = Sum::of(&text).to_string();
        is_expected_there |= expected == Some(&digest);
        match ChainLine::parse(&text) {
            Err(problem) => faults.push(Fault::LineDamaged { line: at, problem }),
            Ok(line) => {
                let run = line.run.clone();
                if line.seq != at || line.prev != prev {
                    faults.push(Fault::LineOutOfPlace { line: at, run: run.clone() });
                }
                if !keys.is_empty() && !keys.iter().any(|key| line.is_signed_by(key)) {
                    faults.push(Fault::LineNotSigned { line: at, run: run.clone() });
                }
                let known = said.get(&run).cloned();
                match (line.event, known) {
                    (ChainEvent::Delivered, None) if delivered.insert(run.clone()) => {}
                    (ChainEvent::Finished, None) => {
                        delivered.remove(&run);
                        said.insert(run, Some(line.record));
                    }
                    (ChainEvent::Deleted, Some(Some(record))) if record == line.record => {
                        deleted += 1;
                        said.insert(run, None);
                    }
                    _ => faults.push(Fault::LineOutOfPlace { line: at, run }),
                }
            }
        }
        prev = digest;
    }
    if let Some(head) = expected.filter(|_| !is_expected_there) {
        faults.push(Fault::HeadMissing { head: head.to_owned() });
    }
    let (mut records, mut running) = (0, 0);
    for name in names(folder)? {
        delivered.remove(&name);
        let expected = said.remove(&name);
        match (expected, read(folder, &name)) {
            (None, Ok((record, _))) if record.status == RunStatus::Running => running += 1,
            (Some(Some(expected)), Ok((_, bytes))) if Sum::of(&bytes).to_string() == expected => records += 1,
            // Its line is there, and a crash came before the record got its place. The next start gives it that.
            (Some(Some(expected)), Ok((record, _)))
                if record.status == RunStatus::Running
                    && read_ending(folder, &name)
                        .is_some_and(|bytes| Sum::of(&bytes).to_string() == expected) =>
            {
                records += 1;
            }
            (Some(Some(_)), _) => faults.push(Fault::RecordChanged { run: name }),
            (None | Some(None), _) => faults.push(Fault::RecordUnknown { run: name }),
        }
    }
    let missing = said.into_iter().filter(|(_, record)| record.is_some());
    faults.extend(missing.map(|(run, _)| Fault::RecordMissing { run }));
    faults.extend(delivered.into_iter().map(|run| Fault::RecordMissing { run }));
    Ok(Verified { lines: count, head: prev, records, deleted, running, faults })
}
