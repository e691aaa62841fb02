//! What lies beside the contents: known flaws, the guard, foreign layers, and what does not travel.

use carnet::audit::AuditReport;

use super::Section;
use crate::render::html::first::place;
use crate::render::html::grid::{Cell, Grid};
use crate::render::html::island::Space;
use crate::render::words;

pub(super) fn advisories(report: &AuditReport, space: &mut Space) -> Section {
    let rows = report.advisories.iter().map(|advisory| {
        vec![
            Cell::severity(advisory.severity),
            Cell::code(&advisory.id).with(&advisory.aliases.join(", ")),
            Cell::code(&advisory.package),
            advisory.fixed.as_deref().map_or_else(Cell::none, Cell::code),
            Cell::text(&advisory.summary),
            Cell::option(advisory.vex.as_deref()),
        ]
    });
    let titles = ["Severity", "Id", "Package", "Fixed in", "Summary", "VEX"];
    let grid = Grid::new("advisory-list", "Advisories", &titles, rows, space);
    let mut section = Section::new("advisories", "Advisories", report.advisories.len());
    section.says.push(words::advisory_basis(report).to_owned());
    let kinds: Vec<&str> =
        report.coverage.kinds_without_advisories.iter().map(|kind| words::kind(*kind)).collect();
    if !kinds.is_empty() {
        section.says.push(format!("No database covers packages of these types: {}.", kinds.join(", ")));
    }
    if !report.coverage.has_advisories {
        "–".clone_into(&mut section.number);
        return section;
    }
    section.grid(grid, "The databases name no flaw of these packages.")
}

/// How many sentences on one chunk file are shown. The JSON has more.
const SENTENCES: usize = 10;

pub(super) fn guard(report: &AuditReport, space: &mut Space) -> Section {
    let Some(guard) = &report.guard else {
        let mut section = Section::new("guard", "Guard", 0).says("No profile of a guard was given.");
        "–".clone_into(&mut section.number);
        return section;
    };
    let rows = guard.files.iter().map(|file| {
        let sentences = |sentences: &[String], places: u64| {
            let shown = &sentences[..sentences.len().min(SENTENCES)];
            let left = places.saturating_sub(shown.len() as u64);
            let more = if left > 0 { format!("; and {left} more") } else { String::new() };
            shown.join("; ") + &more
        };
        let places = file.over.values().fold(0, |sum: u64, places| sum.saturating_add(*places));
        let state = if !file.problems.is_empty() {
            Cell::word("high", "OVER A LIMIT").with(&sentences(&file.problems, places))
        } else if file.not_opened_places > 0 {
            let opened = sentences(&file.not_opened, file.not_opened_places);
            let words = if file.unforeseen_places > 0 {
                "NOT FORESEEN: not all opened here"
            } else {
                "within limits, not all can be opened"
            };
            Cell::word("medium", words).with(&opened)
        } else {
            Cell::word("good", "within limits")
        };
        vec![
            Cell::code(&file.name).with(&file.media_type),
            state,
            Cell::size(file.bytes),
            Cell::size(file.expanded),
            Cell {
                text: format!("{}.{:03}", words::number(file.ratio_milli / 1_000), file.ratio_milli % 1_000),
                number: Some(file.ratio_milli),
                class: "num",
                ..Cell::default()
            },
            Cell::number(file.depth),
            Cell::number(file.entries),
        ]
    });
    let titles = ["File", "Result", "Size#", "Expanded#", "Ratio#", "Depth#", "Files#"];
    let grid = Grid::new("guard-list", "Chunk files", &titles, rows, space);
    let mut says = format!("What a guard with the profile {} will count.", guard.profile);
    for sentence in &guard.not_checked {
        says += &format!(" Not checked: {sentence}.");
    }
    Section::new("guard", "Guard", guard.files.len()).says(says).grid(grid, "There is no chunk file.")
}

pub(super) fn foreign(report: &AuditReport, space: &mut Space) -> Section {
    let rows = report.nondistributable.iter().map(|layer| {
        let carried = if layer.carried { Cell::word("medium", "carried") } else { Cell::text("not carried") };
        vec![Cell::digest(&layer.digest), carried, Cell::size(layer.bytes), Cell::code(&layer.urls.join(" "))]
    });
    let titles = ["Layer", "State", "Size#", "Where it can be had"];
    let grid = Grid::new("foreign-list", "Non-distributable layers", &titles, rows, space);
    Section::new("foreign", "Non-distributable layers", report.nondistributable.len())
        .grid(grid, "No layer has a publisher who does not let it be distributed.")
}

pub(super) fn omitted(report: &AuditReport, space: &mut Space) -> Option<Section> {
    if report.omitted.is_empty() {
        return None;
    }
    let rows = report.omitted.iter().map(|omitted| {
        vec![
            Cell::digest(&omitted.digest).with(omitted.platform.as_deref().unwrap_or("")),
            Cell::text(omitted.reason.word()),
            Cell::text(omitted.media_type.as_str()),
            Cell::size(omitted.size),
            place(Some(&omitted.parent), None, None),
        ]
    });
    let titles = ["Digest", "Reason", "Type", "Size#", "Referenced by"];
    let grid = Grid::new("omitted-list", "Not carried", &titles, rows, space);
    Some(Section::new("omitted", "Not carried", report.omitted.len()).grid(grid, ""))
}
