//! Recovers lost and damaged chunks of a bundle from parity files: into its inbox, or, if that is in an object store or cannot be
//! written, into a folder of this machine.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file_state::FileState;
use super::inbox::{InboxBundle, InboxFile};
use super::reception::Looks;
use crate::environment::Environment;
use crate::erasure::RebuildError;
use crate::format::Sum;
use crate::medium::{ChunkFile, ChunkStore as _, Folder, MediumError, chunk_number};
use crate::repair::{RepairError, RepairReport, RepairRequest, repair};
use crate::trust::TrustPolicy;

/// What the names of folders with recovered chunks begin with.
const PREFIX: &str = "carnet-repair-";

/// The file in such a folder that is locked as long as its process lives. It is hidden, so it is not taken for a chunk.
const LOCK: &str = ".lock";

/// A folder with recovered chunks.
struct Beside {
    path: PathBuf,
    /// Held while this process uses the folder; `None` on a file system without locks.
    _lock: Option<File>,
}

/// The bundles that were tried.
pub struct Mending {
    /// The files that each had. Trying again with the same files gives the same.
    tried: HashMap<Sum, String>,
    /// Where chunks are recovered that cannot be recovered into the inbox: a folder for each bundle.
    root: PathBuf,
    /// The folders with such chunks.
    folders: HashMap<Sum, Beside>,
}

impl Mending {
    /// `root` is for the chunks of inboxes in object stores, and of those that cannot be written. It is created when it is needed.
    /// What is in it is removed when it is not needed any more; what killed processes left there is removed now.
    pub fn new(root: PathBuf) -> Mending {
        remove_left(&root);
        Mending { tried: HashMap::new(), root, folders: HashMap::new() }
    }

    /// Forgets what is not in the inbox any more.
    pub fn keep(&mut self, bundles: &[InboxBundle]) {
        let is_there = |id: &Sum| bundles.iter().any(|bundle| bundle.id == *id);
        self.tried.retain(|id, _| is_there(id));
        let gone: Vec<Sum> = self.folders.keys().filter(|id| !is_there(id)).copied().collect();
        for id in &gone {
            self.forget(id);
        }
    }

    /// Removes what was recovered of a bundle outside of its inbox: it is not needed any more.
    pub fn forget(&mut self, bundle: &Sum) {
        if let Some(folder) = self.folders.remove(bundle) {
            // What remains takes space, and the next start removes it.
            let _ = fs::remove_dir_all(folder.path);
        }
    }

    /// Returns the files that were recovered outside of the inbox, for the next look.
    pub fn files(&self) -> Vec<Arc<dyn ChunkFile>> {
        let files = |folder: &Beside| Folder::new(&folder.path).files().unwrap_or_default();
        self.folders.values().flat_map(files).collect()
    }

    /// Returns whether recovering is worth a try: chunks are missing, there may be enough parity, and nothing of the bundle
    /// arrives any more.
    pub fn is_due(&self, bundle: &InboxBundle, looks: Looks) -> bool {
        let lost = bundle.missing.len().saturating_sub(bundle.damaged.len());
        let may_suffice = !bundle.missing.is_empty() && bundle.parity > 0 && lost <= bundle.parity;
        let is_quiet = looks == Looks::Once || bundle.quiet;
        may_suffice && is_quiet && self.tried.get(&bundle.id) != Some(&files_of(bundle))
    }

    /// Recovers what it can: into the inbox if it is a folder that can be written, where a damaged chunk is replaced. `files` are all of the inbox: one
    /// that has the name of a chunk of the bundle may be a chunk without its head.
    ///
    /// # Errors
    /// [`RepairError`]. Chunks that were recovered before stay.
    pub fn mend(
        &mut self,
        bundle: &InboxBundle,
        files: &[InboxFile],
        policy: &TrustPolicy,
        inbox: Option<&Path>,
        environment: &Environment<'_>,
    ) -> Result<RepairReport, RepairError> {
        self.tried.insert(bundle.id, files_of(bundle));
        let is_named = |file: &&InboxFile| {
            let number = file.file.file_name().and_then(|name| chunk_number(&bundle.name, name));
            matches!(file.state, FileState::NotAChunk { .. } | FileState::Untrusted { .. })
                && number.is_some()
        };
        let named = files.iter().filter(is_named).map(|file| &file.file);
        let all: Vec<Arc<dyn ChunkFile>> =
            bundle.files.iter().chain(&bundle.damaged).chain(named).map(Arc::clone).collect();
        let id = bundle.id.to_string();
        let into = |folder: &Path, in_place: bool| {
            let store = &Folder::new(folder);
            let request = RepairRequest { files: &all, policy, bundle: Some(&id), store, in_place };
            repair(&request, environment)
        };
        if let Some(inbox) = inbox {
            match into(inbox, true) {
                Err(error) if is_not_writable(&error) => {}
                repaired => return repaired,
            }
        }
        if !self.folders.contains_key(&bundle.id) {
            self.folders.insert(bundle.id, create_private(&self.root.join(format!("{PREFIX}{id}")))?);
        }
        into(&self.folders[&bundle.id].path, false)
    }
}

/// Whether a bundle was not recovered because the system lets nobody, or not this user, write there.
fn is_not_writable(error: &RepairError) -> bool {
    let (RepairError::Medium(MediumError::Io { source, .. })
    | RepairError::Rebuild(
        RebuildError::Medium(MediumError::Io { source, .. }) | RebuildError::Write { source, .. },
    )) = error
    else {
        return false;
    };
    matches!(source.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Removes the folders whose processes were killed. Errors are ignored: such a folder only takes up room.
fn remove_left(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if is_ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let nofollow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
            let lock = OpenOptions::new().write(true).custom_flags(nofollow).open(entry.path().join(LOCK));
            if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

impl Drop for Mending {
    fn drop(&mut self) {
        let all: Vec<Sum> = self.folders.keys().copied().collect();
        for id in &all {
            self.forget(id);
        }
    }
}

/// Creates a new folder that nobody else can read, in place of what a killed run left there. In a folder that others write to, such
/// as `/var/tmp`, it fails if somebody else was first.
fn create_private(folder: &Path) -> Result<Beside, MediumError> {
    let failed = |what| {
        let path = folder.display().to_string();
        move |source| MediumError::Io { what, path, source }
    };
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(failed("create"))?;
    }
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(failed("remove")(source)),
        _ => {}
    }
    fs::DirBuilder::new().mode(0o700).create(folder).map_err(failed("create"))?;
    let lock = File::create_new(folder.join(LOCK)).map_err(failed("write into"))?;
    let lock = lock.try_lock().is_ok().then_some(lock);
    Ok(Beside { path: folder.to_owned(), _lock: lock })
}

/// A text that changes when a file of the bundle changes, or is found damaged.
fn files_of(bundle: &InboxBundle) -> String {
    let damaged: Vec<&str> = bundle.damaged.iter().map(|file| file.name()).collect();
    format!("{}{}", bundle.versions, damaged.join("\n"))
}
