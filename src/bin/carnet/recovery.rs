//! Recovers lost and damaged chunks from parity files before a bundle is used.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use carnet::arrival::Bundle;
use carnet::diagnosis::{Code, count};
use carnet::medium::{ChunkStore as _, Folder};
use carnet::observe::Event;
use carnet::repair::RepairRequest;
use clap::Args;

use super::bundle::{Attempt, Chosen, Opening, chunk_files, is_damage};
use super::command_error::CommandError;
use super::plain::plain_path;
use super::world::{is_own, spool_folder};

/// The option of the commands that recover chunks.
#[derive(Args)]
pub(crate) struct RecoveryArgs {
    /// Recover lost and damaged chunks from parity files into DIR, and remove them at the end [default: TMPDIR or /var/tmp]
    #[arg(long, value_name = "DIR")]
    tmp: Option<PathBuf>,
}

impl RecoveryArgs {
    fn folder(&self) -> PathBuf {
        self.tmp.clone().unwrap_or_else(spool_folder)
    }
}

impl Opening<'_> {
    /// Opens one bundle, judges it by what is remembered of its stream, and works on it. If chunks are lost or damaged and
    /// parity files arrived, the chunks are recovered into a folder in `tmp` first, or after `work` found the damage; then
    /// `work` is done with them.
    pub(crate) fn with_repair<T>(
        &self,
        args: &RecoveryArgs,
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
        let scratch = Scratch::new(&args.folder(), bundle)?;
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
