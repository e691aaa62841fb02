//! Whether a station works.

use std::collections::BTreeMap;

use carnet::format::Timestamp;
use carnet::station::PipelineView;

/// Returns what does not work, one line for each pipeline; empty if all of them work.
pub(super) fn problems(views: &BTreeMap<String, PipelineView>, now: Timestamp) -> Vec<String> {
    let problem = |(name, view): (&String, &PipelineView)| {
        // A run may take long, and nothing is looked at meanwhile.
        if view.run.is_some() {
            return None;
        }
        if let Some(problem) = &view.problem {
            return Some(format!("{name}: {problem}"));
        }
        let until = view.reached?.plus_seconds(view.patience)?;
        (until < now).then(|| format!("{name}: nothing happened since {}", view.reached.unwrap_or(until)))
    };
    views.iter().filter_map(problem).collect()
}
