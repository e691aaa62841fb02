//! The forms of the report of an audit.

use carnet::audit::AuditReport;
use carnet::bom::{write_cyclonedx, write_spdx};
use carnet::content::deflate::zlib_stream;
use carnet::difference::DifferenceReport;
use carnet::format::Sum;
use clap::ValueEnum;

use super::file_rows::FileRows;
use super::html::{FileSource, Page, page};
use super::inventory::inventory;
use super::{difference, record, sarif, text};

/// A form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    Html,
    Csv,
    Findings,
    Sarif,
    #[value(name = "cyclonedx")]
    CycloneDx,
    Spdx,
    Record,
    Files,
}

fn json(report: &AuditReport) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(report).expect("a report serialises");
    text.push(b'\n');
    text
}

/// Returns the report in a form.
pub(crate) fn rendered(
    format: Format,
    report: &AuditReport,
    rows: &FileRows,
    differences: Option<&DifferenceReport>,
    all: bool,
) -> Vec<u8> {
    match format {
        Format::Text => {
            let changes = differences.map(|report| difference::section(report, all)).unwrap_or_default();
            (text::text(report, all) + &changes).into_bytes()
        }
        Format::Json => json(report),
        Format::Html => {
            let mut files = rows.iter();
            let changes = differences.map(|report| difference::page_changes(report, all));
            let page = page(Page {
                report,
                json: Some(Sum::of(&json(report))),
                changes: changes.as_ref().map(|(names, changes)| (names.clone(), changes.as_slice())),
                files: Some(FileSource { rows: &mut files, left_out: rows.left_out() }),
                deflate: zlib_stream,
            });
            page.into_bytes()
        }
        Format::Csv => super::csv::packages(report).into_bytes(),
        Format::Findings => super::csv::findings(report).into_bytes(),
        Format::Sarif => {
            let mut text = serde_json::to_vec_pretty(&sarif::document(report)).expect("a report serialises");
            text.push(b'\n');
            text
        }
        Format::CycloneDx => write_cyclonedx(&inventory(report)),
        Format::Spdx => write_spdx(&inventory(report)),
        Format::Record => record::text(report, Some(Sum::of(&json(report)))).into_bytes(),
        // They were written while the audit ran.
        Format::Files => Vec::new(),
    }
}
