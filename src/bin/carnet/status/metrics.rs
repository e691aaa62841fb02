//! Metrics in the text format of Prometheus.

use std::collections::BTreeMap;

use carnet::format::Timestamp;
use carnet::station::PipelineView;

fn seconds(time: Timestamp) -> i64 {
    time.get().as_second()
}

/// Renders the metrics. Names of pipelines need no escaping.
pub(super) fn text(views: &BTreeMap<String, PipelineView>, now: Timestamp) -> String {
    let mut out = String::new();
    let mut family = |name: &str, kind: &str, help: &str, values: Vec<(String, String)>| {
        if values.is_empty() {
            return;
        }
        out += &format!("# HELP carnet_{name} {help}\n# TYPE carnet_{name} {kind}\n");
        for (labels, value) in values {
            out += &format!("carnet_{name}{{{labels}}} {value}\n");
        }
    };
    let pipeline = |name: &str| format!("pipeline=\"{name}\"");
    let each = |value: &dyn Fn(&PipelineView) -> Option<i64>| -> Vec<(String, String)> {
        views.iter().filter_map(|(name, view)| Some((pipeline(name), value(view)?.to_string()))).collect()
    };
    let runs = views.iter().flat_map(|(name, view)| {
        let line = move |(status, count): (&&str, &u64)| {
            (format!("pipeline=\"{name}\",status=\"{status}\""), count.to_string())
        };
        view.ended.iter().map(line)
    });
    family("runs_total", "counter", "Runs that ended since the station started.", runs.collect());
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    family(
        "last_success_timestamp_seconds",
        "gauge",
        "When a run last succeeded or found nothing to do.",
        each(&|view| view.succeeded.map(seconds)),
    );
    family(
        "last_poll_timestamp_seconds",
        "gauge",
        "When the place of the pipeline was last reached.",
        each(&|view| view.reached.map(seconds)),
    );
    family("inbox_files", "gauge", "Files in the inbox.", each(&|view| Some(number(view.files))));
    family(
        "inbox_files_passed_over",
        "gauge",
        "Files in the inbox that are passed over.",
        each(&|view| i64::try_from(view.passed_over.values().sum::<u64>()).ok()),
    );
    let waiting =
        |view: &PipelineView| view.bundles.iter().filter(|bundle| !bundle.missing.is_empty()).count();
    family(
        "waiting_bundles",
        "gauge",
        "Bundles of which chunks are missing.",
        each(&|view| Some(number(waiting(view)))),
    );
    family(
        "oldest_waiting_seconds",
        "gauge",
        "For how long the oldest unfinished bundle has waited.",
        each(&|view| {
            let unfinished = view.bundles.iter().filter(|bundle| !bundle.missing.is_empty());
            unfinished.map(|bundle| seconds(now) - seconds(bundle.since)).max()
        }),
    );
    family(
        "bytes_total",
        "counter",
        "Bytes of chunk files in runs that succeeded.",
        each(&|view| i64::try_from(view.bytes).ok()),
    );
    family(
        "problem",
        "gauge",
        "1 if something keeps the pipeline from working.",
        each(&|view| Some(i64::from(view.problem.is_some()))),
    );
    out
}
