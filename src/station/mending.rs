//! Recovers lost and damaged chunks of a bundle from parity files: into its inbox, or, if that is in an object store, into a
//! folder of this machine.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file_state::FileState;
use super::inbox::{InboxBundle, InboxFile};
use super::reception::Looks;
use crate::environment::Environment;
use crate::format::Sum;
use crate::medium::{ChunkFile, ChunkStore as _, Folder, MediumError, chunk_number};
use crate::repair::{RepairError, RepairReport, RepairRequest, repair};
use crate::trust::TrustPolicy;

/// The bundles that were tried.
pub struct Mending {
    /// The files that each had. Trying again with the same files gives the same.
    tried: HashMap<Sum, String>,
    /// Where chunks are recovered that cannot be recovered into the inbox: a folder for each bundle.
    root: PathBuf,
    /// The folders with such chunks.
    folders: HashMap<Sum, PathBuf>,
}

impl Mending {
    /// `root` is for the chunks of inboxes in object stores. It is created when it is needed. What is in it is removed when it is
    /// not needed any more.
    pub fn new(root: PathBuf) -> Mending {
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
            // What remains takes space, and does no harm.
            let _ = fs::remove_dir_all(folder);
        }
    }

    /// Returns the files that were recovered outside of the inbox, for the next look.
    pub fn files(&self) -> Vec<Arc<dyn ChunkFile>> {
        let files = |folder: &PathBuf| Folder::new(folder).files().unwrap_or_default();
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

    /// Recovers what it can: into the inbox if it is a folder, where a damaged chunk is replaced. `files` are all of the inbox: one
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
        let beside = self.root.join(format!("carnet-repair-{id}"));
        let request = RepairRequest {
            files: &all,
            policy,
            bundle: Some(&id),
            store: &Folder::new(inbox.unwrap_or(&beside)),
            in_place: inbox.is_some(),
        };
        if inbox.is_none() && !self.folders.contains_key(&bundle.id) {
            create_private(&beside)?;
            self.folders.insert(bundle.id, beside.clone());
        }
        repair(&request, environment)
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
fn create_private(folder: &Path) -> Result<(), MediumError> {
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
    fs::DirBuilder::new().mode(0o700).create(folder).map_err(failed("create"))
}

/// A text that changes when a file of the bundle changes, or is found damaged.
fn files_of(bundle: &InboxBundle) -> String {
    let damaged: Vec<&str> = bundle.damaged.iter().map(|file| file.name()).collect();
    format!("{}{}", bundle.versions, damaged.join("\n"))
}
