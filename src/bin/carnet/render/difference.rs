//! A comparison in its forms: one change in a line, JSON, a table, or the page of the new side with the changes.

use std::io;

use carnet::audit::{AuditReport, Rule};
use carnet::content::deflate::zlib_stream;
use carnet::diagnosis::count;
use carnet::difference::{Change, DifferenceReport};

use super::csv::write;
use super::html::{self, Page, page};
use crate::plain::plain;

/// The changes, one in a line, without those that follow from others unless `all` are asked for.
pub(crate) fn text(report: &DifferenceReport, all: bool) -> String {
    let several = several(report);
    shown(report, all).map(|change| line(change, several)).collect()
}

/// The changes as the last part of the text of an audit.
pub(crate) fn section(report: &DifferenceReport, all: bool) -> String {
    let number = shown(report, all).count() as u64;
    let names = plain(&old_names(report).join(", ")).into_owned();
    format!("\nAGAINST {names}: {}\n{}", count(number, "change", "changes"), text(report, all))
}

/// The names of the old side.
fn old_names(report: &DifferenceReport) -> Vec<String> {
    let bundles = report.old.bundles.iter().map(|bundle| bundle.summary.crossing.name.to_string());
    bundles.chain(report.old.sources.iter().cloned()).collect()
}

/// Whether changes concern several images, so that each must say which.
fn several(report: &DifferenceReport) -> bool {
    let mut images = report.changes.iter().flat_map(|change| &change.images);
    let first = images.next();
    images.any(|image| Some(image) != first)
}

/// The changes that are shown.
pub(crate) fn shown(report: &DifferenceReport, all: bool) -> impl Iterator<Item = &Change> {
    report.changes.iter().filter(move |change| all || !change.follows)
}

fn line(change: &Change, several: bool) -> String {
    let mut out = format!("{:<10}  {:<11}  {}", change.how.word(), change.matter.word(), plain(&change.what));
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => out += &format!(": {} -> {}", plain(before), plain(after)),
        (Some(side), None) | (None, Some(side)) => out += &format!(": {}", plain(side)),
        (None, None) => {}
    }
    if !change.rules.is_empty() {
        out += &format!(" ({})", rules(change));
    }
    if several && !change.images.is_empty() {
        out += &format!(" in {}", plain(&change.images.join(", ")));
    }
    out + "\n"
}

fn rules(change: &Change) -> String {
    change.rules.iter().map(|rule: &Rule| rule.code()).collect::<Vec<_>>().join(", ")
}

/// Writes all changes as a table, one in a row.
pub(crate) fn write_csv(report: &DifferenceReport, out: &mut dyn io::Write) -> io::Result<()> {
    let header = ["how", "matter", "what", "before", "after", "images", "rules", "follows"];
    let rows = report.changes.iter().map(|change| {
        vec![
            change.how.word().to_owned(),
            change.matter.word().to_owned(),
            change.what.clone(),
            change.before.clone().unwrap_or_default(),
            change.after.clone().unwrap_or_default(),
            change.images.join("; "),
            rules(change),
            change.follows.to_string(),
        ]
    });
    write(&header, rows, out)
}

/// The page of the new side, which tells the changes against the old one.
pub(crate) fn html(report: &DifferenceReport, new: &AuditReport, all: bool) -> String {
    let (names, changes) = page_changes(report, all);
    page(Page {
        report: new,
        json: None,
        changes: Some((names, &changes)),
        files: None,
        deflate: zlib_stream,
    })
}

/// The names of the old side, and the changes as the page shows them.
pub(crate) fn page_changes(report: &DifferenceReport, all: bool) -> (Vec<String>, Vec<html::Change>) {
    let several = several(report);
    let change = |change: &Change| {
        let mut what = format!("{} {}", change.matter.word(), change.what);
        if !change.rules.is_empty() {
            what += &format!(" ({})", rules(change));
        }
        if several && !change.images.is_empty() {
            what += &format!(" in {}", change.images.join(", "));
        }
        html::Change {
            how: change.how.word().to_owned(),
            what,
            before: change.before.clone(),
            after: change.after.clone(),
        }
    };
    (old_names(report), shown(report, all).map(change).collect())
}
