//! The state of the workers, and how they end together.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::lane::Lane;

/// The number of workers in each state, and the lanes handed over.
pub(super) struct Crew<F> {
    /// Workers that move flows.
    pub(super) busy: usize,
    /// Workers that look for work.
    pub(super) idle: usize,
    /// How many idle workers are reserved to help another.
    pub(super) promised: usize,
    /// Lanes that wait for an idle worker. A worker with lanes of its own never takes them, because those would
    /// stall.
    pub(super) handed: Vec<Vec<Lane<F>>>,
}

/// Stops all workers if one of them fails or panics, because its flows are lost.
pub(super) struct HaltUnlessOk<'a> {
    pub(super) halted: &'a AtomicBool,
    pub(super) ok: bool,
}

impl Drop for HaltUnlessOk<'_> {
    fn drop(&mut self) {
        if !self.ok {
            self.halted.store(true, Ordering::Relaxed);
        }
    }
}

/// A claim to move a single flow alone, released when dropped.
pub(super) struct Claim<'a> {
    pub(super) on: &'a AtomicUsize,
    pub(super) held: bool,
}

impl Claim<'_> {
    /// Acquires the claim, unless `limit` workers hold one.
    pub(super) fn acquire(&mut self, limit: usize) -> bool {
        let one_more = |alone: usize| (alone < limit).then_some(alone + 1);
        self.held = self.held || self.on.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok();
        self.held
    }

    pub(super) fn release(&mut self) {
        if std::mem::take(&mut self.held) {
            self.on.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.release();
    }
}
