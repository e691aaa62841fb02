//! Which bundles of a stream were accepted.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::NumberRange;
use crate::format::Sum;

/// The bundle with a number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// Its id; absent if an operator set the number without it.
    pub(super) bundle: Option<Sum>,
    /// The bundle before it, as it says.
    pub(super) previous: Option<Sum>,
}

/// The bundles of a stream that were accepted.
#[derive(Clone, Debug, Default)]
pub(super) struct AcceptedNumbers {
    numbers: BTreeMap<u64, Known>,
    ids: HashMap<Sum, Option<u64>>,
    permitted: HashSet<Sum>,
    highest: Option<u64>,
    /// Up to this number, none is missing: it is where the memory begins.
    floor: u64,
}

impl AcceptedNumbers {
    /// Whether anything is remembered.
    pub(super) fn is_known(&self) -> bool {
        self.highest.is_some() || !self.ids.is_empty()
    }

    /// The highest number.
    pub(super) fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// The bundle with a number.
    pub(super) fn with(&self, number: u64) -> Option<Known> {
        self.numbers.get(&number).copied()
    }

    /// Whether a bundle was accepted.
    pub(super) fn has(&self, bundle: &Sum) -> bool {
        self.ids.contains_key(bundle)
    }

    /// The number of a bundle that was accepted, if it has one.
    pub(super) fn number_of(&self, bundle: &Sum) -> Option<u64> {
        self.ids.get(bundle).copied().flatten()
    }

    /// Whether an operator lets a bundle pass.
    pub(super) fn is_permitted(&self, bundle: &Sum) -> bool {
        self.permitted.contains(bundle)
    }

    pub(super) fn accept(&mut self, number: Option<u64>, bundle: Sum, previous: Option<Sum>) {
        self.ids.insert(bundle, number);
        let Some(number) = number else { return };
        self.numbers.entry(number).or_insert(Known { bundle: Some(bundle), previous });
        match self.highest {
            None => (self.highest, self.floor) = (Some(number), number),
            Some(highest) => self.highest = Some(highest.max(number)),
        }
    }

    pub(super) fn permit(&mut self, bundle: Sum) {
        self.permitted.insert(bundle);
    }

    pub(super) fn set(&mut self, number: u64, bundle: Option<Sum>) {
        (self.highest, self.floor) = (Some(number), number);
        if let Some(bundle) = bundle {
            self.ids.insert(bundle, Some(number));
            self.numbers.insert(number, Known { bundle: Some(bundle), previous: None });
        }
    }

    /// The numbers of bundles that were not accepted, though newer ones were. A bundle may say that none was between it and
    /// the one before: then numbers between were given up.
    pub(super) fn missing(&self) -> Vec<NumberRange> {
        let Some(highest) = self.highest else { return Vec::new() };
        let mut missing = Vec::new();
        let mut before = (self.floor, self.with(self.floor).and_then(|known| known.bundle));
        for (&number, known) in
            self.numbers.range(self.floor.saturating_add(1)..).take_while(|(n, _)| **n <= highest)
        {
            let is_next = known.previous.is_some() && known.previous == before.1;
            missing.extend(NumberRange::between(before.0, number).filter(|_| !is_next));
            before = (number, known.bundle);
        }
        missing
    }
}
