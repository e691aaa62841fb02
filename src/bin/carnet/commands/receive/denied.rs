//! Bundles that a policy denied: they are not judged again until one of their files changes, or a file of the policy.

use std::collections::HashMap;

use carnet::diagnosis::count;
use carnet::format::Sum;
use carnet::station::InboxBundle;

use crate::command_error::CommandError;
use crate::plain::plain;

/// Why a bundle was denied.
struct Denial {
    /// The versions of its files.
    versions: String,
    /// The sum over the files of the policy.
    stamp: Sum,
    reason: String,
}

/// The bundles in the place that were denied.
#[derive(Default)]
pub(super) struct Denied(HashMap<Sum, Denial>);

impl Denied {
    /// Notes that a bundle was denied by a policy whose files had this stamp before it was judged.
    pub(super) fn note(&mut self, bundle: &InboxBundle, stamp: Sum, reason: &str) {
        let denial = Denial { versions: bundle.versions.clone(), stamp, reason: reason.to_owned() };
        self.0.insert(bundle.id, denial);
    }

    /// Returns why a bundle was denied, if nothing has changed since.
    pub(super) fn reason(&self, bundle: &InboxBundle, stamp: impl Fn() -> Sum) -> Option<&str> {
        let denial = self.0.get(&bundle.id)?;
        (denial.versions == bundle.versions && denial.stamp == stamp()).then_some(denial.reason.as_str())
    }

    /// Whether one of them was denied by other files of a policy than there are now.
    pub(super) fn is_old(&self, stamp: impl Fn() -> Sum) -> bool {
        !self.0.is_empty() && {
            let now = stamp();
            self.0.values().any(|denial| denial.stamp != now)
        }
    }

    /// Forgets what is not in the place any more.
    pub(super) fn keep(&mut self, bundles: &[InboxBundle]) {
        self.0.retain(|id, _| bundles.iter().any(|bundle| bundle.id == *id));
    }
}

/// What is said of a denial: the number of reasons, and the first.
pub(super) fn denial(error: &CommandError) -> String {
    let denials = error.judgement.as_ref().map_or(&[][..], |judgement| &judgement.denials);
    let count = count(denials.len() as u64, "reason", "reasons");
    let first =
        denials.first().map(|first| format!("; the first: {}: {} ({})", first.rule, first.text, first.place));
    plain(&format!("the policy objects: {count}{}", first.unwrap_or_default())).into_owned()
}
