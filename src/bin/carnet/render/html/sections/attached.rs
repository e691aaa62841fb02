//! What is attached to artifacts: signatures, SBOMs, attestations.

use carnet::audit::{AuditReport, AuditedBom, SignatureStatus};
use carnet::diagnosis::count;

use super::{Names, Section};
use crate::render::html::grid::{Cell, Grid};
use crate::render::html::island::Space;
use crate::render::words;

pub(super) fn signatures(report: &AuditReport, space: &mut Space) -> Section {
    let rows = report.signatures.iter().map(|signature| {
        let class = match signature.status {
            SignatureStatus::Valid => "good",
            SignatureStatus::Invalid => "high",
            SignatureStatus::Unverifiable => "medium",
        };
        vec![
            Cell::word(class, words::status(signature.status)),
            Cell::text(&signature.kind),
            Cell::short(&signature.of).to(format!("a-{}", signature.of.hex())),
            Cell::option(words::signer(signature).as_deref()),
            Cell::option(signature.why.as_deref()),
            Cell::short(&signature.digest),
        ]
    });
    let titles = ["Result", "System", "Of", "By", "Why", "Signature"];
    let grid = Grid::new("signature-list", "Signatures", &titles, rows, space);
    Section::new("signatures", "Signatures", report.signatures.len())
        .says("Signatures in the cargo, checked with the keys that were given. Those of the bundle are at the top of the page.")
        .grid(grid, "No signature of an artifact travels.")
}

pub(super) fn boms(report: &AuditReport, names: &Names, space: &mut Space) -> Section {
    let mut differences = Vec::new();
    let mut rows = Vec::new();
    for bom in &report.boms {
        let of = names.get(&bom.of).cloned().unwrap_or_else(|| words::short(&bom.of));
        let listed = bom.only_there.len() + bom.only_here.len() + bom.version_differs.len();
        let differs = bom.not_listed.saturating_add(listed as u64);
        let result = match (bom.compared, differs) {
            (false, _) => Cell::word("medium", "not compared"),
            (true, 0) => Cell::word("good", "agrees"),
            (true, _) => Cell::word("high", "DIFFERS").with(&count(differs, "package", "packages")),
        };
        rows.push(vec![
            result,
            Cell::text(&of),
            Cell::text(&bom.format).with(bom.created.as_deref().unwrap_or("")),
            Cell::text(&bom.made_by.join(", ")),
            Cell::number(bom.packages),
            Cell::short(&bom.digest),
        ]);
        differences.extend(difference_rows(bom, &of));
    }
    let titles = ["Result", "Image", "Format", "Made by", "Packages#", "SBOM"];
    let grid = Grid::new("bom-list", "SBOMs", &titles, rows, space);
    let titles = ["Difference", "Package", "In the SBOM", "In the image", "SBOM"];
    let differences = Grid::new("bom-difference-list", "SBOMs against contents", &titles, differences, space);
    let section =
        Section::new("boms", "SBOMs against contents", report.boms.len()).grid(grid, "No SBOM travels.");
    if differences.all == 0 { section } else { section.grid(differences, "") }
}

fn difference_rows(bom: &AuditedBom, of: &str) -> Vec<Vec<Cell>> {
    let sbom = || Cell::short(&bom.digest).with(of);
    let mut rows = Vec::new();
    for purl in &bom.only_here {
        let words = Cell::word("medium", "not in the SBOM");
        rows.push(vec![words, Cell::code(purl), Cell::none(), Cell::text("yes"), sbom()]);
    }
    for purl in &bom.only_there {
        let words = Cell::word("low", "not in the image");
        rows.push(vec![words, Cell::code(purl), Cell::text("yes"), Cell::none(), sbom()]);
    }
    for differs in &bom.version_differs {
        rows.push(vec![
            Cell::word("medium", "other version"),
            Cell::code(&differs.purl),
            Cell::code(&differs.there),
            Cell::code(&differs.here),
            sbom(),
        ]);
    }
    if bom.not_listed > 0 {
        let words = Cell::word("medium", "not listed");
        let more = Cell::text(&count(bom.not_listed, "more package", "more packages"));
        rows.push(vec![words, more, Cell::none(), Cell::none(), sbom()]);
    }
    rows
}

pub(super) fn statements(report: &AuditReport, space: &mut Space) -> Section {
    let rows = report.statements.iter().map(|statement| {
        let holds = if statement.subject_holds {
            Cell::word("good", "what it is attached to")
        } else {
            Cell::word("high", "SOMETHING ELSE")
        };
        vec![
            Cell::code(&statement.predicate),
            holds,
            Cell::short(&statement.of).to(format!("a-{}", statement.of.hex())),
            statement.builder.as_deref().map_or_else(Cell::none, Cell::code),
            Cell::option(statement.signed_by.as_deref()),
            Cell::short(&statement.digest),
        ]
    });
    let titles = ["Predicate", "Is about", "Attached to", "Builder", "Signed by", "Attestation"];
    let grid = Grid::new("statement-list", "Attestations", &titles, rows, space);
    Section::new("statements", "Attestations", report.statements.len()).grid(grid, "No attestation travels.")
}
