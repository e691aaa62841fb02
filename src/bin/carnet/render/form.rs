//! The forms of the report of an audit.

use std::io;

use carnet::audit::AuditReport;
use carnet::bom::{write_cyclonedx, write_spdx};
use carnet::content::deflate::zlib_stream;
use carnet::difference::DifferenceReport;
use carnet::format::Sum;
use clap::ValueEnum;
use serde::Serialize;

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

/// Writes a report as JSON, with a line feed at its end.
pub(crate) fn write_json(report: &impl Serialize, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    out.write_all(b"\n")
}

/// The SHA-256 of the report as JSON.
fn json_sum(report: &AuditReport) -> io::Result<Sum> {
    Sum::of_written(|out| write_json(report, out))
}

/// Writes the report in a form.
///
/// # Errors
/// If `out` cannot be written to.
pub(crate) fn write(
    format: Format,
    report: &AuditReport,
    rows: &FileRows,
    differences: Option<&DifferenceReport>,
    all: bool,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        Format::Text => {
            let changes = differences.map(|report| difference::section(report, all)).unwrap_or_default();
            out.write_all((text::text(report, all) + &changes).as_bytes())
        }
        Format::Json => write_json(report, out),
        Format::Html => {
            let mut files = rows.iter();
            let changes = differences.map(|report| difference::page_changes(report, all));
            let page = page(Page {
                report,
                json: Some(json_sum(report)?),
                changes: changes.as_ref().map(|(names, changes)| (names.clone(), changes.as_slice())),
                files: Some(FileSource { rows: &mut files, left_out: rows.left_out() }),
                deflate: zlib_stream,
            });
            out.write_all(page.as_bytes())
        }
        Format::Csv => super::csv::packages(report, out),
        Format::Findings => super::csv::findings(report, out),
        Format::Sarif => write_json(&sarif::document(report), out),
        Format::CycloneDx => write_cyclonedx(&inventory(report), out),
        Format::Spdx => write_spdx(&inventory(report), out),
        Format::Record => out.write_all(record::text(report, Some(json_sum(report)?)).as_bytes()),
        // They were written while the audit ran.
        Format::Files => Ok(()),
    }
}
