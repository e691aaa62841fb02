//! What was found, what the policy says of it, what was not seen, and what has changed.

use std::collections::BTreeMap;

use carnet::audit::AuditReport;
use carnet::diagnosis::count;

use super::Section;
use crate::render::html::Change;
use crate::render::html::first::finding_row;
use crate::render::html::grid::{Cell, Grid};
use crate::render::html::island::Space;

pub(super) fn findings(report: &AuditReport, space: &mut Space) -> Section {
    let ignored: BTreeMap<_, _> = report
        .policy
        .iter()
        .flat_map(|policy| &policy.ignored)
        .filter_map(|ignored| Some((ignored.finding?, ignored)))
        .collect();
    let rows = report.findings.iter().map(|finding| {
        let mut row = finding_row(finding);
        if let (Some(ignored), Some(text)) = (ignored.get(&finding.id), row.get_mut(2)) {
            let sub = format!("ignored until {}: {}", ignored.until, ignored.reason);
            *text = text.clone().with(&sub);
        }
        row
    });
    let rows: Vec<_> = rows.collect();
    let grid = Grid::new("finding-list", "Findings", &["Severity", "Rule", "Finding", "Where"], rows, space);
    let mut rules: BTreeMap<_, u64> = BTreeMap::new();
    for finding in &report.findings {
        *rules.entry(finding.rule).or_default() += 1;
    }
    let rows = rules.iter().map(|(rule, number)| {
        vec![Cell::code(rule.code()), Cell::number(*number), Cell::text(rule.meaning())]
    });
    let meanings = Grid::new(
        "rule-list",
        "Rules that found something",
        &["Rule", "Findings#", "What it says"],
        rows,
        space,
    );
    let section =
        Section::new("findings", "Findings", report.findings.len()).grid(grid, "Nothing was found.");
    if rules.is_empty() { section } else { section.grid(meanings, "") }
}

pub(super) fn policy(report: &AuditReport, space: &mut Space) -> Option<Section> {
    let judgement = report.policy.as_ref()?;
    let rows = judgement
        .denials
        .iter()
        .map(|denial| vec![Cell::code(&denial.rule), Cell::text(&denial.text), Cell::code(&denial.place)]);
    let denials = Grid::new(
        "denial-list",
        "Reasons for the denial",
        &["Rule of the policy", "Why", "Where"],
        rows,
        space,
    );
    let rows = judgement.warnings.iter();
    let rows = rows.map(|said| vec![Cell::code(&said.rule), Cell::text(&said.text), Cell::code(&said.place)]);
    let warnings =
        Grid::new("warning-list", "Warnings", &["Rule of the policy", "Of what", "Where"], rows, space);
    let rows = judgement.ignored.iter().map(|ignored| {
        let finding = report.findings.iter().find(|finding| Some(finding.id) == ignored.finding);
        let what = finding.map_or_else(
            || Cell::code(&ignored.place),
            |finding| Cell::text(&finding.text).with(finding.rule.code()),
        );
        vec![what, Cell::text(&ignored.reason), Cell::text(&ignored.until.to_string())]
    });
    let ignored = Grid::new("ignored-list", "Ignored findings", &["Finding", "Reason", "Until"], rows, space);
    let mut section = Section::new("policy", "Policy", judgement.denials.len())
        .grid(denials, "The policy has no objection.");
    if warnings.all > 0 {
        section = section.grid(warnings, "");
    }
    if ignored.all > 0 {
        section = section.grid(ignored, "");
    }
    let rows = judgement.not_counted.iter().map(|flaw| vec![Cell::text(&flaw.text), Cell::code(&flaw.place)]);
    let harmless = Grid::new(
        "not-counted-list",
        "Known flaws that VEX says do no harm, and that were not counted",
        &["Finding", "Where"],
        rows,
        space,
    );
    if harmless.all > 0 {
        section = section.grid(harmless, "");
    }
    Some(section)
}

pub(super) fn unseen(report: &AuditReport, space: &mut Space) -> Option<Section> {
    let coverage = &report.coverage;
    let mut rows = Vec::new();
    for (what, list) in [("not read", &coverage.opaque), ("not there, or read in part", &coverage.unread)] {
        for blob in list {
            let link = format!("l-{}", blob.digest.hex());
            rows.push(vec![Cell::text(what), Cell::text(&blob.why), Cell::short(&blob.digest).to(link)]);
        }
    }
    for hit in &coverage.limits_hit {
        rows.push(vec![Cell::text("limit"), Cell::text(&hit.limit), Cell::code(&hit.place)]);
    }
    for layer in &report.layers {
        for archives in layer.archives.iter().filter(|archives| archives.unopened > 0) {
            let number = count(archives.unopened, "archive", "archives");
            let why = format!("{number} not opened, in files of the form {}", archives.form);
            let link = format!("l-{}", layer.digest.hex());
            rows.push(vec![Cell::text("not opened"), Cell::text(&why), Cell::short(&layer.digest).to(link)]);
        }
    }
    if rows.is_empty() {
        return None;
    }
    let number = rows.len();
    let grid = Grid::new("unseen-list", "What was not seen", &["What", "Why", "Where"], rows, space);
    Some(Section::new("unseen", "What was not seen", number).grid(grid, ""))
}

pub(super) fn changed(bundles: &[String], changes: &[Change], space: &mut Space) -> Section {
    let side = |side: &Option<String>| side.as_deref().map_or_else(Cell::none, Cell::code);
    let rows = changes.iter().map(|change| {
        vec![Cell::text(&change.how), Cell::code(&change.what), side(&change.before), side(&change.after)]
    });
    let grid = Grid::new("change-list", "Changes", &["How", "What", "Before", "Now"], rows, space);
    Section::new("changes", "Against the last bundle", changes.len())
        .says(format!("Compared with {}.", bundles.join(", ")))
        .grid(grid, "Nothing has changed.")
}
