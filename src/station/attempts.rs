//! Bundles that are complete, were tried, and are not imported: why, and when each is tried again.

use std::collections::HashMap;

use super::inbox::InboxBundle;
use crate::format::{Sum, Timestamp};

/// What happened to a bundle that is complete and not imported.
struct Attempt {
    /// The versions of its files then.
    versions: String,
    failures: u32,
    /// When it is tried again if its files do not change; never, if a policy denies it.
    next: Option<Timestamp>,
    /// What was told about it.
    told: String,
    /// What keeps the pipeline from working, unless the bundle waits for a release only.
    problem: Option<String>,
    /// Whether the registry lacks what an earlier bundle carried: importing that one may help.
    lacks_base: bool,
}

/// Why a bundle was not imported.
pub(super) struct Failed {
    /// What is told.
    pub(super) problem: String,
    /// Whether something is wrong. A bundle that only waits for a release is in order.
    pub(super) is_failure: bool,
    /// Whether the registry lacks what an earlier bundle carried.
    pub(super) lacks_base: bool,
}

/// The attempts at the bundles of an inbox.
#[derive(Default)]
pub(super) struct Attempts {
    last: HashMap<Sum, Attempt>,
}

impl Attempts {
    /// What keeps bundles from being imported, in order.
    pub(super) fn problems(&self) -> Vec<&str> {
        let mut problems: Vec<&str> =
            self.last.values().filter_map(|attempt| attempt.problem.as_deref()).collect();
        problems.sort_unstable();
        problems
    }

    /// What was told about a bundle last.
    pub(super) fn told(&self, bundle: &Sum) -> Option<&str> {
        self.last.get(bundle).map(|attempt| attempt.told.as_str())
    }

    /// Whether a bundle is tried again after some time.
    pub(super) fn tries_again(&self) -> bool {
        self.last.values().any(|attempt| attempt.next.is_some())
    }

    /// Why a bundle is not tried now, in words.
    pub(super) fn waits(&self, bundle: &InboxBundle, now: Timestamp) -> Option<String> {
        let attempt = self.of_same_files(bundle)?;
        match attempt.next {
            None => Some(when_changed(&attempt.told)),
            Some(next) if now < next => Some(format!("tried again at {next}: {}", attempt.told)),
            Some(_) => None,
        }
    }

    /// A policy denies a bundle. It is tried again when a file of it, or of the policy, changes. Returns its state, in words.
    pub(super) fn deny(&mut self, bundle: &InboxBundle, told: String) -> String {
        let state = when_changed(&told);
        let failed = Failed { problem: told, is_failure: true, lacks_base: false };
        self.note(bundle, 1, failed, None);
        state
    }

    /// A bundle was not imported. `next` returns when it is tried again after this many failures. Returns its state, in words.
    pub(super) fn fail(
        &mut self,
        bundle: &InboxBundle,
        failed: Failed,
        next: impl FnOnce(u32) -> Timestamp,
    ) -> String {
        let failures = self.of_same_files(bundle).map_or(0, |attempt| attempt.failures) + 1;
        let next = next(failures);
        let state = format!("tried again at {next}: {}", failed.problem);
        self.note(bundle, failures, failed, Some(next));
        state
    }

    /// Forgets the attempt at a bundle that is imported.
    pub(super) fn forget(&mut self, bundle: &Sum) {
        self.last.remove(bundle);
    }

    /// Forgets all attempts.
    pub(super) fn forget_all(&mut self) {
        self.last.clear();
    }

    /// Forgets the bundles that are not in the inbox any more.
    pub(super) fn keep(&mut self, bundles: &[InboxBundle]) {
        self.last.retain(|id, _| bundles.iter().any(|bundle| bundle.id == *id));
    }

    /// Forgets what may have failed because the registry was away: everything that no policy denies.
    pub(super) fn forget_failed(&mut self) {
        self.last.retain(|_, attempt| attempt.next.is_none());
    }

    /// Forgets the bundles that lacked what an earlier one carried. Returns whether there were any.
    pub(super) fn forget_lacking(&mut self) -> bool {
        let before = self.last.len();
        self.last.retain(|_, attempt| !attempt.lacks_base);
        self.last.len() < before
    }

    fn of_same_files(&self, bundle: &InboxBundle) -> Option<&Attempt> {
        self.last.get(&bundle.id).filter(|attempt| attempt.versions == bundle.versions)
    }

    fn note(&mut self, bundle: &InboxBundle, failures: u32, failed: Failed, next: Option<Timestamp>) {
        let Failed { problem: told, is_failure, lacks_base } = failed;
        let problem = is_failure.then(|| format!("the bundle {} is not imported: {told}", bundle.name));
        let versions = bundle.versions.clone();
        self.last.insert(bundle.id, Attempt { versions, failures, next, told, problem, lacks_base });
    }
}

fn when_changed(why: &str) -> String {
    format!("tried again when it or the policy changes: {why}")
}
