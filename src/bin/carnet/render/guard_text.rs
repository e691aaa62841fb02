//! What a guard will count, as text.

use carnet::diagnosis::count;
use carnet::forecast::{GuardReport, GuardedFile};

use super::words::size;
use crate::plain::plain;
use crate::tables::table;

/// How many sentences on one chunk file are shown. The JSON has more.
const SENTENCES: usize = 10;

/// The table, what is over a limit, and what the count does not know.
pub(crate) fn guard_text(report: &GuardReport) -> String {
    let mut out = guard_table(report);
    let over: Vec<&GuardedFile> = report.files.iter().filter(|file| !file.problems.is_empty()).collect();
    if !over.is_empty() {
        out += "\nOVER A LIMIT:\n";
        let places =
            |file: &GuardedFile| file.over.values().fold(0, |sum: u64, places| sum.saturating_add(*places));
        for file in over {
            out += &sentences(&file.problems, places(file));
        }
    }
    if report.files.iter().any(|file| !file.not_opened.is_empty()) {
        out += if report.foreseen {
            "\nNOT OPENED, because it is damaged or encrypted:\n"
        } else {
            "\nNOT OPENED HERE, so a guard may count more:\n"
        };
        for file in &report.files {
            out += &sentences(&file.not_opened, file.not_opened_places);
        }
    }
    if !report.not_checked.is_empty() {
        out += "\nNOT CHECKED:\n";
        out += &sentences(&report.not_checked, report.not_checked.len() as u64);
    }
    let files = count(report.files.len() as u64, "chunk file", "chunk files");
    let profile = plain(&report.profile);
    out += &match (report.allowed, report.complete, report.foreseen) {
        (true, true, true) => format!("\n{files}: within the limits of {profile}\n"),
        (true, false, true) => {
            format!("\n{files}: within the limits of {profile}, as far as it can be opened\n")
        }
        (true, _, false) => {
            format!("\n{files}: NOT FORESEEN: within the limits of {profile}, as far as was opened here\n")
        }
        (false, ..) => format!("\n{files}: over the limits of {profile}\n"),
    };
    out
}

/// One row for each chunk file.
pub(crate) fn guard_table(report: &GuardReport) -> String {
    let row = |file: &GuardedFile| {
        vec![
            file.name.clone(),
            size(file.bytes),
            file.media_type.clone(),
            size(file.expanded),
            ratio(file.ratio_milli),
            file.depth.to_string(),
            file.entries.to_string(),
            result(file),
        ]
    };
    let header = ["file", "size", "type", "expanded", "ratio", "depth", "files", "result"];
    table(&header, &[1, 3, 4, 5, 6], report.files.iter().map(row).collect())
}

/// The result for one chunk file: the limits that it is over.
fn result(file: &GuardedFile) -> String {
    if !file.over.is_empty() {
        let limits: Vec<String> = file
            .over
            .iter()
            .map(|(limit, places)| if *places == 1 { limit.clone() } else { format!("{limit} ({places})") })
            .collect();
        format!("OVER {}", limits.join(", "))
    } else if file.unforeseen_places > 0 {
        "NOT FORESEEN: not all opened here".to_owned()
    } else if file.not_opened_places > 0 {
        "within limits, not all can be opened".to_owned()
    } else {
        "within limits".to_owned()
    }
}

fn ratio(milli: u64) -> String {
    format!("{}.{:03}", milli / 1_000, milli % 1_000)
}

/// The first sentences, and how many of all places are left.
fn sentences(sentences: &[String], places: u64) -> String {
    let shown = &sentences[..sentences.len().min(SENTENCES)];
    let mut out: String = shown.iter().map(|sentence| format!("  {}\n", plain(sentence))).collect();
    let left = places.saturating_sub(shown.len() as u64);
    if left > 0 {
        out += &format!("  (and {left} more)\n");
    }
    out
}
