//! What `pack` shows.

use std::path::Path;

use carnet::pack::{ChunkReport, Outcome, PackReport};
use indicatif::HumanBytes;

use crate::plain::{plain, plain_path};
use crate::screen::{Screen, say};
use crate::tables::{omissions, table};

/// Warnings and failures to stderr, then the report.
pub(super) fn show(report: &PackReport, folder: &Path, screen: &Screen) {
    if !screen.json {
        for warning in &report.warnings {
            say(&format!("warning: {warning}"));
        }
        for failure in &report.failures {
            say(&format!("failed: {}: {}", failure.artifact, failure.error));
        }
    }
    screen.report(report, || text(report, folder, screen));
}

fn text(report: &PackReport, folder: &Path, screen: &Screen) -> String {
    let mut out = String::new();
    let done = match report.outcome {
        Outcome::Planned => "would be packed (nothing was written)",
        Outcome::Packed => "packed",
        Outcome::Unchanged => "is there already, whole and the same; nothing was changed",
    };
    out += &format!("bundle {} {done}\n", report.crossing.name);
    out += &format!("id     {}\n", report.bundle);
    out += &format!(
        "holds  {} artifact(s), {} referrer(s), {} blob(s), {}\n",
        report.artifacts.len(),
        report.referrers,
        report.blobs,
        HumanBytes(report.payload_bytes)
    );
    if report.nondistributable_blobs > 0 {
        out += &format!(
            "       of those {} non-distributable layer(s), {}, in the first chunks\n",
            report.nondistributable_blobs,
            HumanBytes(report.nondistributable_bytes)
        );
    }
    if let Some(place) = &report.nondistributable_pushed_to {
        out += &format!("pushed non-distributable layers to {}\n", plain(place));
    }
    let folder = plain_path(folder);
    out += &format!("files  {} in {folder}, {}\n", report.chunks.len(), HumanBytes(report.file_bytes()));
    if report.outcome == Outcome::Planned || screen.verbose || report.chunks.len() <= 20 {
        let row = |chunk: &ChunkReport| {
            vec![
                chunk.file.clone(),
                chunk.class.to_string(),
                chunk.entries.to_string(),
                chunk.bytes.to_string(),
            ]
        };
        let rows = report.chunks.iter().map(row).collect();
        out += &table(&["file", "class", "blobs", "bytes"], &[2, 3], rows);
    }
    out += &omissions(&report.omitted);
    out
}
