//! State that all steps of an import share.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Mutex;

use super::ImportError;
use super::graph::DocumentGraph;
use super::progress::Progress;
use super::request::ImportRequest;
use crate::arrival::Carrier;
use crate::environment::Environment;
use crate::oci::Digest;
use crate::registry::{Access, Repository, RepositoryName};
use crate::stream::transfers::transfer_all;

/// An import in progress.
pub(super) struct Run<'a> {
    pub(super) request: &'a ImportRequest<'a>,
    pub(super) environment: &'a Environment<'a>,
    pub(super) graph: DocumentGraph<'a>,
    pub(super) progress: Progress,
    repositories: Vec<Repository>,
    /// Repositories whose registry confirmed the subject of a pushed manifest, so it has the referrers API.
    has_referrers_api: Mutex<BTreeSet<usize>>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        request: &'a ImportRequest<'a>,
        environment: &'a Environment<'a>,
        graph: DocumentGraph<'a>,
    ) -> Run<'a> {
        let progress = Progress::new(request.on_failure);
        let (repositories, has_referrers_api) = (Vec::new(), Mutex::default());
        Run { request, environment, graph, progress, repositories, has_referrers_api }
    }

    /// Adds the repositories of this list that were not added before.
    pub(super) fn add_repositories(&mut self, names: &[RepositoryName]) {
        for name in &names[self.repositories.len()..] {
            self.repositories.push(self.request.registry.repository(name, Access::Push));
        }
    }

    pub(super) fn repository(&self, index: usize) -> &Repository {
        &self.repositories[index]
    }

    /// Returns how many repositories there are.
    pub(super) fn repositories(&self) -> usize {
        self.repositories.len()
    }

    /// Returns where the chunks have a blob: in the bundle, or in one beside it.
    pub(super) fn carrier(&self, digest: &Digest) -> Option<Carrier<'_>> {
        let own = self.graph.blob(digest).map(|blob| Carrier { blob, bundle: self.request.bundle });
        own.or_else(|| self.request.beside.carrier(digest))
    }

    /// Whether the registry of the repository is known to have the referrers API.
    pub(super) fn has_referrers_api(&self, index: usize) -> bool {
        self.has_referrers_api.lock().expect("no thread panicked").contains(&index)
    }

    /// Records that the registry of the repository has the referrers API.
    pub(super) fn note_referrers_api(&self, index: usize) {
        self.has_referrers_api.lock().expect("no thread panicked").insert(index);
    }

    /// Runs `work` for every item, with at most as many at once as connections are allowed.
    pub(super) fn transfer<T: Sync>(&self, items: &[T], work: &(dyn Fn(&T) -> ControlFlow<()> + Sync)) {
        transfer_all(self.environment.workers, self.request.connections, items, work);
    }

    /// Checks whether the import should continue.
    ///
    /// # Errors
    /// The error that stopped the import, or [`ImportError::Interrupted`].
    pub(super) fn check(&self) -> Result<(), ImportError> {
        self.progress.check()?;
        if self.environment.workers.interrupted() { Err(ImportError::Interrupted) } else { Ok(()) }
    }
}
