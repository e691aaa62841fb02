//! What all steps of an import work with.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Mutex;

use super::ledger::Ledger;
use super::papers::Papers;
use super::{ImportError, ImportRequest};
use crate::environment::Environment;
use crate::registry::{Access, Repository, RepositoryName};
use crate::stream::transfers::transfer_all;

/// An import under way.
pub(super) struct Run<'a> {
    pub(super) request: &'a ImportRequest<'a>,
    pub(super) environment: &'a Environment<'a>,
    pub(super) papers: Papers<'a>,
    pub(super) ledger: Ledger,
    repositories: Vec<Repository>,
    /// Repositories that listed a referrer of their own accord when it was pushed.
    lists_itself: Mutex<BTreeMap<usize, bool>>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        request: &'a ImportRequest<'a>,
        environment: &'a Environment<'a>,
        papers: Papers<'a>,
    ) -> Run<'a> {
        let ledger = Ledger::new(request.on_failure);
        let (repositories, lists_itself) = (Vec::new(), Mutex::default());
        Run { request, environment, papers, ledger, repositories, lists_itself }
    }

    /// Makes the repositories of this list known; those that are, stay.
    pub(super) fn know(&mut self, names: &[RepositoryName]) {
        for name in &names[self.repositories.len()..] {
            self.repositories.push(self.request.registry.repository(name, Access::Push));
        }
    }

    pub(super) fn repository(&self, place: usize) -> &Repository {
        &self.repositories[place]
    }

    /// Whether the repository lists referrers itself, as far as it said so.
    pub(super) fn lists_itself(&self, place: usize) -> Option<bool> {
        self.lists_itself.lock().expect("no thread panicked").get(&place).copied()
    }

    /// The repository listed a referrer of its own accord.
    pub(super) fn note_listing(&self, place: usize) {
        self.lists_itself.lock().expect("no thread panicked").insert(place, true);
    }

    /// Does `work` for every item, as many at once as there may be connections.
    pub(super) fn transfer<T: Sync>(&self, items: &[T], work: &(dyn Fn(&T) -> ControlFlow<()> + Sync)) {
        transfer_all(self.environment.workers, self.request.connections, items, work);
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// What ended the work.
    pub(super) fn check(&self) -> Result<(), ImportError> {
        self.ledger.check()?;
        if self.environment.workers.interrupted() { Err(ImportError::Interrupted) } else { Ok(()) }
    }
}
