//! Who among the workers is where, and who ends with whom.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::lane::Lane;

/// Who is where, and what is handed over.
pub(super) struct Crew<F> {
    /// Workers that move flows.
    pub(super) busy: usize,
    /// Workers that look out for work.
    pub(super) idle: usize,
    /// How many of those somebody counts on.
    pub(super) promised: usize,
    /// Lanes that wait for one of them. They are never given to a worker that has others under way: those would
    /// stand still.
    pub(super) handed: Vec<Vec<Lane<F>>>,
}

/// Has all workers end when one of them fails or panics: nobody would hand over what it had.
pub(super) struct HaltUnlessWell<'a> {
    pub(super) halted: &'a AtomicBool,
    pub(super) well: bool,
}

impl Drop for HaltUnlessWell<'_> {
    fn drop(&mut self) {
        if !self.well {
            self.halted.store(true, Ordering::Relaxed);
        }
    }
}

/// A place among those that go alone, given up when dropped.
pub(super) struct Claim<'a> {
    pub(super) on: &'a AtomicUsize,
    pub(super) held: bool,
}

impl Claim<'_> {
    /// Takes the place, unless `limit` others have one each.
    pub(super) fn is_held(&mut self, limit: usize) -> bool {
        let one_more = |alone: usize| (alone < limit).then_some(alone + 1);
        self.held = self.held || self.on.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok();
        self.held
    }

    pub(super) fn give_up(&mut self) {
        if std::mem::take(&mut self.held) {
            self.on.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.give_up();
    }
}
