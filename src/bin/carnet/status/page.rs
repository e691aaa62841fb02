//! The status page: HTML without scripts.

use std::collections::BTreeMap;

use carnet::diagnosis::count;
use carnet::format::Timestamp;
use carnet::runs::{RunRecord, RunStatus};
use carnet::station::PipelineView;

use super::health;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1b1f24;\
background:#fff}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #d8dee4;vertical-align:top}\
td{overflow-wrap:anywhere}.ok{color:#116329}.bad{color:#a40e26;font-weight:600}.dim{color:#57606a}\
a{color:#0550ae}pre{background:#f6f8fa;padding:1rem;overflow:auto}\
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}th,td{border-color:#30363d}.ok{color:#57ab5a}\
.bad{color:#ff7b72}.dim{color:#8b949e}a{color:#6cb6ff}pre{background:#161b22}}";

/// Escapes text for HTML. Control characters become visible.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c if c.is_control() => out += "\u{fffd}",
            c => out.push(c),
        }
    }
    out
}

fn document(title: &str, refresh: bool, body: &str) -> String {
    let refresh = if refresh { "<meta http-equiv=\"refresh\" content=\"5\">" } else { "" };
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">{refresh}\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{}</title><style>{STYLE}</style>\
         </head><body>{body}</body></html>\n",
        escaped(title)
    )
}

fn status_class(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Succeeded => "ok",
        RunStatus::Failed | RunStatus::Interrupted => "bad",
        RunStatus::Running | RunStatus::Skipped => "dim",
    }
}

/// The page with all pipelines and the last runs.
pub(super) fn overview(views: &BTreeMap<String, PipelineView>, runs: &[RunRecord], now: Timestamp) -> String {
    let mut body = format!("<h1>carnet station</h1><p class=\"dim\">{now}</p>");
    let problems = health::problems(views, now);
    if problems.is_empty() {
        body += "<p class=\"ok\">All pipelines work.</p>";
    }
    for problem in &problems {
        body += &format!("<p class=\"bad\">{}</p>", escaped(problem));
    }
    body += "<h2>Pipelines</h2><table><tr><th>Pipeline<th>Now<th>Access to the store<th>Last reached<th>Last success<th>Next run</tr>";
    let time = |time: Option<Timestamp>| time.map_or_else(|| "–".to_owned(), |time| time.to_string());
    for (name, view) in views {
        let now = match (&view.run, &view.problem) {
            (Some(run), _) => format!("works on {}", escaped(run)),
            (None, Some(problem)) => format!("<span class=\"bad\">{}</span>", escaped(problem)),
            (None, None) => "waits".to_owned(),
        };
        body += &format!(
            "<tr><td>{}<td>{now}<td>{}<td>{}<td>{}<td>{}</tr>",
            escaped(name),
            view.access.as_deref().map_or_else(|| "–".to_owned(), escaped),
            time(view.reached),
            time(view.succeeded),
            time(view.due)
        );
    }
    body += "</table>";
    for (name, view) in views.iter().filter(|(_, view)| view.files > 0) {
        body += &format!(
            "<h2>Inbox of {} <span class=\"dim\">({}{})</span></h2><table><tr><th>Bundle<th>Chunks<th>Since<th>State</tr>",
            escaped(name),
            count(view.files as u64, "file", "files"),
            passed_over(view)
        );
        for bundle in &view.bundles {
            let there = bundle.chunks as usize - bundle.missing.len().min(bundle.chunks as usize);
            let class = if bundle.missing.is_empty() { "" } else { " class=\"bad\"" };
            body += &format!(
                "<tr><td>{} <span class=\"dim\">{}</span><td>{there} of {}<td>{}<td{class}>{}</tr>",
                escaped(&bundle.name),
                &bundle.bundle.to_string()[..8],
                bundle.chunks,
                bundle.since,
                escaped(&bundle.state)
            );
        }
        body += "</table>";
    }
    body += "<h2>Last runs</h2><table><tr><th>Run<th>Pipeline<th>Status<th>Started<th>Message</tr>";
    for run in runs {
        let progress = match run.status {
            RunStatus::Running => format!(" {} %", escaped(&run.progress.percentage)),
            _ => String::new(),
        };
        body += &format!(
            "<tr><td><a href=\"/runs/{0}\">{0}</a><td>{1}<td class=\"{2}\">{3}{progress}<td>{4}<td>{5}</tr>",
            escaped(&run.name),
            escaped(&run.pipeline),
            status_class(run.status),
            run.status.word(),
            escaped(&run.start_time),
            escaped(run.pipeline_run_error_message.as_deref().unwrap_or_default())
        );
    }
    body += "</table>";
    document("carnet station", true, &body)
}

/// How many files are passed over, and why.
fn passed_over(view: &PipelineView) -> String {
    let reasons: Vec<String> =
        view.passed_over.iter().map(|(reason, files)| format!("{files} {reason}")).collect();
    let files = view.passed_over.values().sum::<u64>();
    if files == 0 { String::new() } else { format!("; {files} passed over: {}", reasons.join(", ")) }
}

/// The page of one run.
pub(super) fn run(record: &RunRecord, text: &str) -> String {
    let name = escaped(&record.name);
    let body = format!(
        "<p><a href=\"/\">All pipelines</a></p><h1>{name} <span class=\"{}\">{}</span></h1><pre>{}</pre>\
         <p><a href=\"/runs/{name}.json\">The record as JSON</a></p>",
        status_class(record.status),
        record.status.word(),
        escaped_lines(text)
    );
    document(&record.name, false, &body)
}

/// Escapes each line of a text.
fn escaped_lines(text: &str) -> String {
    text.lines().map(|line| escaped(line) + "\n").collect()
}
