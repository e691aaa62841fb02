//! Which numbers of a stream were given out.

use std::collections::BTreeMap;

use super::{LogbookError, NumberRange};
use crate::format::Sum;
use crate::format::limits::SEQUENCE_MAX;
use crate::format::statement::Crossing;

/// A number that was taken.
#[derive(Clone, Copy, Debug)]
struct TakenNumber {
    bundle: Sum,
    previous: Option<Sum>,
    plan: Sum,
    is_sent: bool,
}

/// A number for a bundle, and the bundle before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbered {
    /// The number.
    pub number: u64,
    /// The id of the bundle before it.
    pub previous: Option<Sum>,
}

/// The numbers of a stream that were given out.
#[derive(Clone, Debug, Default)]
pub(super) struct SentNumbers {
    /// The numbers from the last bundle on that was packed to its end.
    taken: BTreeMap<u64, TakenNumber>,
    /// Numbers that were taken, and whose bundles were not packed to their end.
    given_up: Vec<NumberRange>,
    /// The number that an operator set, and the bundle with it.
    set: Option<(u64, Option<Sum>)>,
}

impl SentNumbers {
    /// Whether anything is remembered.
    pub(super) fn is_known(&self) -> bool {
        !self.taken.is_empty() || self.set.is_some()
    }

    /// The highest number that was taken or set.
    pub(super) fn highest(&self) -> Option<u64> {
        let taken = self.taken.last_key_value().map(|(number, _)| *number);
        taken.max(self.set.map(|(number, _)| number))
    }

    /// The last bundle that was packed to its end, or set, with its number.
    pub(super) fn last(&self) -> Option<(u64, Option<Sum>)> {
        let sent = self.taken.iter().rev().find(|(_, taken)| taken.is_sent);
        let sent = sent.map(|(number, taken)| (*number, Some(taken.bundle)));
        sent.into_iter().chain(self.set).max_by_key(|(number, _)| *number)
    }

    /// Numbers whose bundles were not packed to their end.
    pub(super) fn given_up(&self) -> Vec<NumberRange> {
        let last = self.taken.last_key_value().map(|(number, _)| *number);
        let open = self.taken.iter().filter(|(number, taken)| !taken.is_sent && Some(**number) != last);
        let open = open.map(|(&number, _)| NumberRange { first: number, last: number });
        self.given_up.iter().copied().chain(open).collect()
    }

    /// The number for a plan. A plan that took a number before, since the last bundle, takes it again; with `sent_again`
    /// also the last bundle itself. Up to the number that an operator set, none is taken again: it may be that of another bundle.
    pub(super) fn next(&self, plan: &Sum, sent_again: bool) -> Option<Numbered> {
        let after_set = self.set.map_or(0, |(number, _)| number.saturating_add(1));
        let from = self.last().map_or(0, |(number, _)| number).max(after_set);
        let again = self.taken.range(from..).rev().find(|(_, taken)| taken.plan == *plan);
        if let Some((&number, taken)) = again.filter(|(_, taken)| sent_again || !taken.is_sent) {
            return Some(Numbered { number, previous: taken.previous });
        }
        let number = self.highest().map_or(Some(1), |highest| highest.checked_add(1))?;
        let previous = self.last().and_then(|(_, bundle)| bundle);
        (number <= SEQUENCE_MAX).then_some(Numbered { number, previous })
    }

    /// The bundle for which a number was taken.
    pub(super) fn taken_for(&self, number: u64) -> Option<Sum> {
        self.taken.get(&number).map(|taken| taken.bundle)
    }

    /// Whether the bundle was packed to its end.
    pub(super) fn is_sent(&self, number: u64, bundle: &Sum) -> bool {
        self.taken.get(&number).is_some_and(|taken| taken.bundle == *bundle && taken.is_sent)
    }

    pub(super) fn take(&mut self, number: u64, bundle: Sum, previous: Option<Sum>, plan: Sum) {
        self.taken.insert(number, TakenNumber { bundle, previous, plan, is_sent: false });
    }

    pub(super) fn send(&mut self, number: u64, bundle: &Sum) {
        let Some(taken) = self.taken.get_mut(&number).filter(|taken| taken.bundle == *bundle) else { return };
        taken.is_sent = true;
        let rest = self.taken.split_off(&number);
        let before = std::mem::replace(&mut self.taken, rest);
        for (number, _) in before.into_iter().filter(|(_, taken)| !taken.is_sent) {
            match self.given_up.last_mut() {
                Some(range) if range.last.checked_add(1) == Some(number) => range.last = number,
                _ => self.given_up.push(NumberRange { first: number, last: number }),
            }
        }
    }

    pub(super) fn set(&mut self, number: u64, bundle: Option<Sum>) {
        // A number that was set without a bundle follows the bundle that was known before.
        let before = self.last().and_then(|(_, bundle)| bundle);
        self.set = Some((number, bundle.or(before)));
    }
}

/// A number that a bundle gets.
#[derive(Clone, Debug)]
pub struct Assigned {
    /// The number, also of a bundle without a stream.
    pub number: u64,
    /// The name, stream, number, bundle before and label of the bundle.
    pub crossing: Crossing,
    /// What the same plan has in common.
    pub(super) plan: Sum,
    /// The bundle before it, also of a bundle without a stream.
    pub(super) previous: Option<Sum>,
}

/// Gives out numbers while a bundle is packed.
pub trait Numbers: Sync {
    /// The number for a plan, which is named by its id under a name that never changes. Nothing is recorded.
    ///
    /// # Errors
    /// [`LogbookError::NoNumber`].
    fn assign(&self, plan: &Sum) -> Result<Assigned, LogbookError>;

    /// Makes durable that the number is taken for a bundle. Idempotent.
    ///
    /// # Errors
    /// [`LogbookError`] if it cannot be recorded. Nothing may be sealed then.
    fn take(&self, assigned: &Assigned, bundle: &Sum) -> Result<(), LogbookError>;

    /// Records that the bundle was packed to its end. Idempotent.
    ///
    /// # Errors
    /// [`LogbookError`]. Packing the same again records it.
    fn sent(&self, assigned: &Assigned, bundle: &Sum) -> Result<(), LogbookError>;
}
