//! Findings of one layer or image: so many of each rule, and the number of the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::budget::Budget;
use super::finding::{Finding, Place, Rule};

/// The findings of one rule in one layer or image. Further ones are counted.
const OF_A_RULE_MAX: usize = 100;

/// Findings of one layer or image.
#[derive(Default)]
pub(super) struct Bounded {
    kept: Vec<Finding>,
    counts: BTreeMap<Rule, usize>,
    budget: Option<Arc<Budget>>,
}

impl Bounded {
    /// None yet. They take room of the budget.
    pub(super) fn within(budget: &Arc<Budget>) -> Bounded {
        Bounded { budget: Some(Arc::clone(budget)), ..Bounded::default() }
    }

    /// Adds a finding, or counts it.
    pub(super) fn push(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.rule).or_insert(0);
        *count += 1;
        if *count <= OF_A_RULE_MAX {
            self.keep(finding, 1);
        }
    }

    /// Keeps a finding that stands for so many, if there is room.
    fn keep(&mut self, finding: Finding, stands_for: usize) {
        let has_room =
            self.budget.as_ref().is_none_or(|budget| budget.take_finding(&finding, stands_for as u64));
        if has_room {
            self.kept.push(finding);
        }
    }

    /// Returns the findings; for each rule that has more, one says how many. `place` is the layer or image.
    pub(super) fn end(mut self, place: &Place) -> Vec<Finding> {
        let what = if place.artifact.is_some() { "image" } else { "layer" };
        for (rule, count) in &std::mem::take(&mut self.counts) {
            if let Some(more) = count.checked_sub(OF_A_RULE_MAX).filter(|more| *more > 0) {
                let noun = if more == 1 { "finding" } else { "findings" };
                let text = format!("the {what} has {more} more {noun} of the rule {rule}");
                self.keep(Finding::new(*rule, place.clone(), "more", text), more);
            }
        }
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Digest;

    #[test]
    fn more_than_are_kept_are_counted() {
        let place = Place::layer(Digest::sha256(b"layer"));
        let of = |number: usize| {
            let mut findings = Bounded::default();
            for at in 0..number {
                let text = at.to_string();
                findings.push(Finding::new(Rule::Setuid, place.clone(), &text, text.clone()));
            }
            findings.end(&place)
        };
        assert_eq!(of(100).len(), 100);
        assert_eq!(of(101).last().unwrap().text, "the layer has 1 more finding of the rule setuid");
        assert_eq!(of(5000).len(), 101);
    }
}
