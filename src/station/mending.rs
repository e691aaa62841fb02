//! Recovers lost and damaged chunks of a bundle into its inbox, from parity files.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::file_state::FileState;
use super::inbox::{InboxBundle, InboxFile};
use super::reception::Looks;
use crate::environment::Environment;
use crate::format::Sum;
use crate::medium::{ChunkFile, Folder, chunk_number};
use crate::repair::{RepairError, RepairReport, RepairRequest, repair};
use crate::trust::TrustPolicy;

/// The bundles that were tried, each with the files that it had. Trying again with the same files gives the same.
#[derive(Default)]
pub struct Mending {
    tried: HashMap<Sum, String>,
}

impl Mending {
    /// Forgets what is not in the inbox any more.
    pub fn keep(&mut self, bundles: &[InboxBundle]) {
        self.tried.retain(|id, _| bundles.iter().any(|bundle| bundle.id == *id));
    }

    /// Returns whether recovering is worth a try: chunks are missing, there may be enough parity, and nothing of the bundle
    /// arrives any more.
    pub fn is_due(&self, bundle: &InboxBundle, looks: Looks) -> bool {
        let lost = bundle.missing.len().saturating_sub(bundle.damaged.len());
        let may_suffice = !bundle.missing.is_empty() && bundle.parity > 0 && lost <= bundle.parity;
        let is_quiet = looks == Looks::Once || bundle.quiet;
        may_suffice && is_quiet && self.tried.get(&bundle.id) != Some(&files_of(bundle))
    }

    /// Recovers what it can into the folder. A damaged chunk there is replaced. `files` are all of the inbox: one that has
    /// the name of a chunk of the bundle may be a chunk without its head.
    ///
    /// # Errors
    /// [`RepairError`]. Chunks that were recovered before stay.
    pub fn mend(
        &mut self,
        bundle: &InboxBundle,
        files: &[InboxFile],
        policy: &TrustPolicy,
        inbox: &Path,
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
        let request = RepairRequest {
            files: &all,
            policy,
            bundle: Some(&bundle.id.to_string()),
            store: &Folder::new(inbox),
            in_place: true,
        };
        repair(&request, environment)
    }
}

/// A text that changes when a file of the bundle changes, or is found damaged.
fn files_of(bundle: &InboxBundle) -> String {
    let damaged: Vec<&str> = bundle.damaged.iter().map(|file| file.name()).collect();
    format!("{}{}", bundle.versions, damaged.join("\n"))
}
