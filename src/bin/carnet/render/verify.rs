//! The verdicts.

use carnet::verify::{BundleReport, BundleVerdict, ChunkVerdict, FileReport, VerifyReport};

use super::{holders, json, omissions, plain, table, text};
use crate::args::Screen;

/// Verdict, chunk by chunk where there are few or something is wrong, and what to do next.
pub(crate) fn verify(report: &VerifyReport, screen: Screen) {
    if screen.json {
        return json(report);
    }
    let mut out = String::new();
    for bundle in &report.bundles {
        if !screen.quiet || bundle.verdict != BundleVerdict::Complete {
            out += &bundle_text(bundle, screen);
        }
    }
    if !screen.quiet {
        for other in &report.others {
            let problem = other.problems.first().map_or_else(String::new, ToString::to_string);
            out += &format!("not a chunk: {}: {}\n", plain(&other.file), plain(&problem));
        }
    }
    text(&out);
}

fn bundle_text(bundle: &BundleReport, screen: Screen) -> String {
    let crossing = &bundle.crossing;
    let mut out = format!("bundle {}: {}\n", crossing.name, verdict(bundle));
    out += &format!("id     {}\n", bundle.bundle);
    if let Some(stream) = &crossing.stream {
        let sequence = crossing.sequence.map_or_else(|| "-".to_owned(), |number| number.to_string());
        out += &format!("stream {stream}, number {sequence}\n");
    }
    if let Some(label) = &crossing.label {
        out += &format!("label  {label}\n");
    }
    if let Some(release) = &bundle.release {
        out += &format!("released by {}\n", holders(&release.by));
        for refused in &release.refused {
            out += &format!("  does not count: {refused}\n");
        }
    }
    if let Some(problem) = &bundle.control_problem {
        out += &format!("control chunk: {}\n", plain(problem));
    }
    let bad = |file: &&FileReport| {
        !matches!(file.verdict, ChunkVerdict::Accepted | ChunkVerdict::Intact | ChunkVerdict::PassedOver)
    };
    let shown: Vec<&FileReport> = if screen.verbose > 0 || bundle.files.len() <= 20 {
        bundle.files.iter().collect()
    } else {
        bundle.files.iter().filter(bad).collect()
    };
    let row = |file: &&FileReport| {
        vec![
            file.number.map_or_else(|| "-".to_owned(), |number| number.to_string()),
            file.class.map_or_else(|| "-".to_owned(), |class| class.to_string()),
            file.bytes.to_string(),
            word(file.verdict).to_owned(),
            plain(&file.file),
        ]
    };
    if !shown.is_empty() {
        let rows = shown.iter().map(row).collect();
        out += &table(&["chunk", "class", "bytes", "verdict", "file"], &[0, 2], rows);
    }
    for file in bundle.files.iter().filter(bad) {
        for problem in &file.problems {
            out += &format!("  {}: {}\n", plain(&file.file), plain(&problem.to_string()));
        }
    }
    for problem in &bundle.unsound {
        out += &format!("  {problem}\n");
    }
    out += &omissions(&bundle.omitted);
    out
}

fn verdict(bundle: &BundleReport) -> String {
    match bundle.verdict {
        BundleVerdict::Complete => "COMPLETE, verified and released".to_owned(),
        BundleVerdict::Unverified => {
            "complete and intact, but NOT VERIFIED: no trust file was given".to_owned()
        }
        BundleVerdict::Incomplete => format!(
            "INCOMPLETE, {} of {} chunk(s) must be sent again (`carnet missing` lists them)",
            bundle.missing.len(),
            u64::from(bundle.last) + 1
        ),
        BundleVerdict::Unsound => {
            "UNSOUND: its manifests point at what it neither carries nor says to be left out".to_owned()
        }
        BundleVerdict::Unreleased => {
            let release = bundle.release.as_ref();
            let (have, need) = release.map_or((0, 1), |release| (release.by.len(), release.threshold));
            format!("NOT RELEASED, {have} of {need} release signature(s)")
        }
        BundleVerdict::Untrusted => "NOT TRUSTED: chunks are not signed by a trusted packer".to_owned(),
        BundleVerdict::Forked => {
            "FORKED: two different chunks were validly signed under one number; do not use either".to_owned()
        }
    }
}

fn word(verdict: ChunkVerdict) -> &'static str {
    match verdict {
        ChunkVerdict::Accepted => "accepted",
        ChunkVerdict::Intact => "intact",
        ChunkVerdict::Damaged => "DAMAGED",
        ChunkVerdict::Untrusted => "UNTRUSTED",
        ChunkVerdict::Forked => "FORKED",
        ChunkVerdict::PassedOver => "passed over",
        ChunkVerdict::Unreadable => "UNREADABLE",
    }
}
