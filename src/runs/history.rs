//! Which bundles were exported and imported, as the chain says. Deleting a record does not change that.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::Hash;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::chain::io_error;
use super::files::{CHAIN, names, read};
use super::work::{Did, Work};
use super::{ChainEvent, ChainLine, RunStatus, RunsError};
use crate::format::Sum;

/// A run that worked on a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastRun {
    /// The name of the run.
    pub run: String,
    /// What it did.
    pub work: Work,
}

/// What the lines that were read so far say.
#[derive(Default)]
pub(super) struct History {
    /// How many bytes of the chain were read.
    bytes: u64,
    /// The runs that have ended.
    ended: HashSet<String>,
    /// The last run that imported each bundle, by pipeline and bundle.
    imported: HashMap<(String, String), String>,
    /// The export with the highest number, by pipeline.
    exported: HashMap<String, PastRun>,
    /// The run with the highest number, by pipeline, whatever became of it.
    numbered: HashMap<String, PastRun>,
    /// The export with the highest number, by stream, and the run with it, whatever became of it.
    sent: HashMap<String, PastRun>,
    taken: HashMap<String, PastRun>,
    /// The import with the highest number, by pipeline and stream.
    accepted: HashMap<(String, String), PastRun>,
}

/// Returns the pipeline of a run. Names are `TIME-NUMBER-PIPELINE`.
fn pipeline_of(run: &str) -> &str {
    run.splitn(3, '-').nth(2).unwrap_or_default()
}

/// Keeps the run with the higher number, and the later one of two with the same.
fn keep_higher<K: Eq + Hash>(kept: &mut HashMap<K, PastRun>, key: K, run: &PastRun) {
    if kept.get(&key).is_none_or(|kept| kept.work.sequence <= run.work.sequence) {
        kept.insert(key, run.clone());
    }
}

impl History {
    /// Reads the lines that are new.
    ///
    /// # Errors
    /// If the chain cannot be read, or a line is damaged.
    pub(super) fn read(&mut self, folder: &Path) -> Result<(), RunsError> {
        let path = folder.join(CHAIN);
        let mut bytes = Vec::new();
        let mut from = self.bytes;
        let done = File::open(&path).and_then(|mut file| {
            if file.metadata()?.len() < from {
                // Somebody replaced it; `verify` tells that.
                from = 0;
            }
            file.seek(SeekFrom::Start(from))?;
            file.read_to_end(&mut bytes)
        });
        match done {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            done => drop(done.map_err(|source| io_error("read", &path, source))?),
        }
        self.bytes = from;
        for text in bytes.split_inclusive(|&byte| byte == b'\n') {
            // A line that is written at this moment is read the next time.
            let Some(line) = text.strip_suffix(b"\n") else { break };
            let line = ChainLine::parse(line).map_err(|problem| RunsError::Damaged {
                path: path.display().to_string(),
                problem: format!("the line at byte {}: {problem}", self.bytes),
            })?;
            self.bytes += text.len() as u64;
            self.note(folder, line);
        }
        Ok(())
    }

    fn note(&mut self, folder: &Path, line: ChainLine) {
        if line.event == ChainEvent::Finished {
            self.ended.insert(line.run.clone());
        }
        let work = match (line.work, line.event) {
            (Some(work), _) => work,
            // Lines of earlier versions leave it to the record.
            (None, ChainEvent::Finished) => match read(folder, &line.run) {
                Ok((record, _)) => Work::of(&record),
                Err(_) => return,
            },
            (None, ChainEvent::Delivered | ChainEvent::Deleted) => return,
        };
        let run = PastRun { run: line.run, work };
        match (run.work.did, run.work.bundle.clone()) {
            (Did::Imported, Some(bundle)) => {
                if let (Some(stream), Some(_)) = (&run.work.stream, run.work.sequence) {
                    let key = (pipeline_of(&run.run).to_owned(), stream.clone());
                    keep_higher(&mut self.accepted, key, &run);
                }
                self.imported.insert((pipeline_of(&run.run).to_owned(), bundle), run.run);
            }
            (Did::Exported | Did::Began, _) => {
                let pipeline = pipeline_of(&run.run).to_owned();
                keep_higher(&mut self.numbered, pipeline.clone(), &run);
                if let Some(stream) = &run.work.stream {
                    keep_higher(&mut self.taken, stream.clone(), &run);
                }
                if run.work.did == Did::Exported {
                    keep_higher(&mut self.exported, pipeline, &run);
                    if let Some(stream) = &run.work.stream {
                        keep_higher(&mut self.sent, stream.clone(), &run);
                    }
                }
            }
            _ => {}
        }
    }

    /// The runs that exported and took the highest numbers of a stream.
    pub(super) fn in_stream(&self, stream: &str) -> [Option<PastRun>; 2] {
        [self.sent.get(stream).cloned(), self.taken.get(stream).cloned()]
    }

    /// The run of a pipeline that imported the highest number of a stream.
    pub(super) fn accepted(&self, pipeline: &str, stream: &str) -> Option<PastRun> {
        self.accepted.get(&(pipeline.to_owned(), stream.to_owned())).cloned()
    }

    /// The last run that imported a bundle.
    pub(super) fn imported(&self, pipeline: &str, bundle: &Sum) -> Option<String> {
        self.imported.get(&(pipeline.to_owned(), bundle.to_string())).cloned()
    }

    /// The run that exported the bundle with the highest number.
    pub(super) fn exported(&self, pipeline: &str) -> Option<PastRun> {
        self.exported.get(pipeline).cloned()
    }

    /// The run that took the highest number. A run that is not in the chain yet may have taken one, too: its process has
    /// ended.
    pub(super) fn numbered(&self, folder: &Path, pipeline: &str) -> Result<Option<PastRun>, RunsError> {
        let mut numbered = self.numbered.clone();
        let is_open = |name: &String| pipeline_of(name) == pipeline && !self.ended.contains(name);
        for name in names(folder)?.into_iter().filter(is_open) {
            // A record that cannot be read is told by `verify`.
            let Ok((record, _)) = read(folder, &name) else { continue };
            let run = PastRun { run: name, work: Work::of(&record) };
            if record.status == RunStatus::Running && run.work.did == Did::Began {
                keep_higher(&mut numbered, pipeline.to_owned(), &run);
            }
        }
        Ok(numbered.remove(pipeline))
    }
}
