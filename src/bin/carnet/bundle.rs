//! Collects chunk files, and opens the bundle that `unpack` and `import` work on.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet::arrival::{Bundle, OpenRequest, open};
use carnet::diagnosis::{Code, count};
use carnet::logbook::Candidate;
use carnet::medium::{ChunkFile, ChunkPlace, ChunkStore as _, Folder, collect};
use carnet::observe::Event;
use carnet::repair::RepairRequest;
use carnet::trust::TrustPolicy;

use super::command_error::CommandError;
use super::memory::{Passage, Recall, candidates};
use super::plain::plain_path;
use super::stores::Stores;
use super::world::is_own;

/// Returns the files that the places name, and notes what was passed over in folders.
pub(crate) fn chunk_files(
    places: &[ChunkPlace],
    stores: &Stores<'_>,
) -> Result<Vec<Arc<dyn ChunkFile>>, CommandError> {
    let paths = places.iter().filter_map(|place| match place {
        ChunkPlace::Path(path) => Some(path.clone()),
        ChunkPlace::Store(_) => None,
    });
    let collected = collect(&paths.collect::<Vec<_>>())?;
    for passed_over in &collected.passed_over {
        stores.environment.monitor.tell(Event::Note { text: passed_over.to_string() });
    }
    let mut files = collected.files;
    for place in places {
        if let ChunkPlace::Store(location) = place {
            files.extend(stores.bucket(location)?.files()?);
        }
    }
    Ok(files)
}

/// What a command is given to open one bundle.
pub(crate) struct Opening<'a> {
    /// Where its files are.
    pub(crate) places: &'a [ChunkPlace],
    /// The stores among these places.
    pub(crate) stores: &'a Stores<'a>,
    /// Whom to trust.
    pub(crate) policy: Option<&'a TrustPolicy>,
    /// The name or id of the bundle, if one is given.
    pub(crate) wanted: Option<&'a str>,
    /// What is remembered of streams.
    pub(crate) recall: &'a Recall,
}

/// The bundle to work on.
pub(crate) struct Chosen<'a> {
    /// The bundle.
    pub(crate) bundle: &'a Bundle,
    /// The bundles beside it, which may carry what it leaves out.
    pub(crate) others: &'a [Bundle],
    /// What its stream says.
    pub(crate) passage: Passage,
    /// Whether another attempt follows.
    pub(crate) attempt: Attempt,
}

impl Opening<'_> {
    /// Opens one bundle, judges it by what is remembered of its stream, and works on it. If chunks are lost or damaged and
    /// parity files arrived, the chunks are recovered into a folder in `tmp` first, or after `work` found the damage; then
    /// `work` is done with them.
    pub(crate) fn with_repair<T>(
        &self,
        tmp: &Path,
        mut work: impl FnMut(Chosen<'_>) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let mut files = chunk_files(self.places, self.stores)?;
        let opened = self.open(&files)?;
        let bundle = &opened.bundle;
        let Some(policy) = self.policy.filter(|_| has_accepted_parity(bundle)) else {
            return work(self.choose(&opened, Attempt::Last)?);
        };
        let monitor = self.stores.environment.monitor;
        if !is_missing_any(bundle) {
            match work(self.choose(&opened, Attempt::First)?) {
                Err(error) if is_damage(error.diagnosis.code) => {
                    let text = format!("{}; recovering it from parity", error.message);
                    monitor.tell(Event::Note { text });
                }
                outcome => return outcome,
            }
        }
        let scratch = Scratch::new(tmp, bundle)?;
        let id = bundle.id.to_string();
        let request = RepairRequest {
            files: &files,
            policy,
            bundle: Some(&id),
            store: &scratch.store,
            in_place: false,
        };
        let report = carnet::repair::repair(&request, self.stores.environment)?;
        let recovered = count(report.repaired.len() as u64, "chunk", "chunks");
        monitor.tell(Event::Note { text: format!("{recovered} recovered from parity") });
        if !report.repaired.is_empty() {
            files.extend(scratch.store.files()?);
        }
        work(self.choose(&self.open(&files)?, Attempt::Last)?)
    }

    fn open(&self, files: &[Arc<dyn ChunkFile>]) -> Result<OpenedBundle, CommandError> {
        let request = OpenRequest { files, policy: self.policy };
        let arrivals = open(&request, self.stores.environment)?;
        let arrived = self.policy.map(|policy| candidates(&arrivals, policy)).unwrap_or_default();
        let (bundle, others) = arrivals.select_beside(self.wanted)?;
        Ok(OpenedBundle { bundle, others, arrived })
    }

    fn choose<'b>(&self, opened: &'b OpenedBundle, attempt: Attempt) -> Result<Chosen<'b>, CommandError> {
        let OpenedBundle { bundle, others, arrived } = opened;
        let passage = match self.policy {
            Some(policy) => self.recall.judge(bundle, arrived, policy, self.stores.environment)?,
            None => Passage::default(),
        };
        Ok(Chosen { bundle, others, passage, attempt })
    }
}

/// A bundle among others.
struct OpenedBundle {
    bundle: Bundle,
    others: Vec<Bundle>,
    arrived: Vec<Candidate>,
}

/// Whether another attempt follows if the bundle turns out to be damaged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// Another attempt follows, with recovered chunks.
    First,
    /// This is the last attempt.
    Last,
}

/// Whether a code means that bytes of the bundle are damaged or cannot be read.
pub(crate) fn is_damage(code: Code) -> bool {
    matches!(code, Code::BlobMismatch | Code::ChunkUnreadable)
}

fn has_accepted_parity(bundle: &Bundle) -> bool {
    bundle.parity.iter().any(|opened| opened.accepted.is_some())
}

/// Whether a chunk has no good file, as far as that is known before everything is hashed.
fn is_missing_any(bundle: &Bundle) -> bool {
    let good = bundle.good();
    (0..=bundle.last()).any(|number| !good.contains_key(&number))
}

/// A folder for recovered chunks, which is removed at the end.
struct Scratch {
    path: PathBuf,
    store: Folder,
}

impl Scratch {
    /// The folder has the id of the bundle in its name, so that the next run uses what a killed one left. Anybody may know that
    /// name, and write into `/var/tmp`, so it is one that nobody else can enter.
    fn new(tmp: &Path, bundle: &Bundle) -> Result<Scratch, CommandError> {
        let path = tmp.join(format!("carnet-repair-{}", bundle.id));
        fs::create_dir_all(tmp).map_err(|error| CommandError::file("write", tmp, &error))?;
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !is_private(&path) => {
                let found = "exists: expected none, or a folder that only this user can enter";
                Err(CommandError::new(Code::TargetExists, format!("{} {found}", plain_path(&path))))
            }
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(CommandError::file("write", &path, &error))
            }
            _ => Ok(Scratch { store: Folder::new(&path), path }),
        }
    }
}

/// The rights of everybody but the owner.
const OTHERS: u32 = 0o077;

/// Whether this is a folder that only this user can enter.
fn is_private(path: &Path) -> bool {
    let found = fs::symlink_metadata(path);
    found.is_ok_and(|found| found.is_dir() && found.mode() & OTHERS == 0 && is_own(&found))
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What remains is found and used by the next run.
        let _ = fs::remove_dir_all(&self.path);
    }
}
