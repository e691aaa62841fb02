//! What `-o FORMAT[=FILE]` asks for, and writing it.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use carnet::audit::{AuditReport, FileLine};
use carnet::bom::{write_cyclonedx, write_spdx};
use carnet::content::deflate::zlib_stream;
use carnet::diagnosis::Code;
use carnet::format::Sum;
use carnet::medium::{ChunkStore as _, Folder};
use clap::builder::{OsStringValueParser, TypedValueParser};

use super::html::{FileRow, Page, page};
use super::inventory::inventory;
use super::{record, sarif, text};
use crate::command_error::CommandError;

/// A form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
    Html,
    Csv,
    Findings,
    Sarif,
    CycloneDx,
    Spdx,
    Record,
    Files,
}

/// The forms by the words of the command line.
const FORMATS: [(&str, Format); 10] = [
    ("text", Format::Text),
    ("json", Format::Json),
    ("html", Format::Html),
    ("csv", Format::Csv),
    ("findings", Format::Findings),
    ("sarif", Format::Sarif),
    ("cyclonedx", Format::CycloneDx),
    ("spdx", Format::Spdx),
    ("record", Format::Record),
    ("files", Format::Files),
];

/// A format, and the file that it goes to.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    /// The form.
    pub(crate) format: Format,
    /// The file; absent for stdout.
    pub(crate) file: Option<PathBuf>,
}

/// Splits `FORMAT` or `FORMAT=FILE`. A format that is no text is none.
pub(crate) fn form_and_file(text: &OsStr) -> (Option<&str>, Option<PathBuf>) {
    let bytes = text.as_bytes();
    match bytes.iter().position(|byte| *byte == b'=') {
        Some(at) => {
            (str::from_utf8(&bytes[..at]).ok(), Some(PathBuf::from(OsStr::from_bytes(&bytes[at + 1..]))))
        }
        None => (text.to_str(), None),
    }
}

/// Parses `FORMAT` or `FORMAT=FILE`.
pub(crate) fn output() -> impl TypedValueParser<Value = Output> {
    OsStringValueParser::new().try_map(|text| {
        let (word, file) = form_and_file(&text);
        let format = FORMATS.iter().find(|(name, _)| Some(*name) == word).map(|(_, format)| *format);
        let names = || FORMATS.map(|(name, _)| name).join(", ");
        let format =
            format.ok_or_else(|| format!("expected {}, with =FILE if it goes to a file", names()))?;
        Ok::<_, String>(Output { format, file })
    })
}

fn json(report: &AuditReport) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(report).expect("a report serialises");
    text.push(b'\n');
    text
}

/// Returns the report in a form.
pub(crate) fn rendered(format: Format, report: &AuditReport, rows: &[FileLine], all: bool) -> Vec<u8> {
    match format {
        Format::Text => text::text(report, all).into_bytes(),
        Format::Json => json(report),
        Format::Html => {
            let mut rows = rows.iter().filter_map(|line| {
                Some(FileRow {
                    image: line.image,
                    path: line.path.clone(),
                    kind: ["folder", "symlink", "hardlink", "device", "fifo"]
                        .into_iter()
                        .find(|kind| *kind == line.kind)
                        .unwrap_or("file"),
                    mode: line.mode,
                    uid: line.uid.into(),
                    gid: line.gid.into(),
                    size: line.size,
                    target: line.target.clone(),
                    layer: line.layer?,
                })
            });
            let page = page(Page {
                report,
                json: Some(Sum::of(&json(report))),
                changes: None,
                files: Some(&mut rows),
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

/// Writes a file, which appears when it is whole. A device or a pipe, such as `/dev/stdout`, gets the bytes as it is.
pub(crate) fn write(file: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    if std::fs::metadata(file).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        let written =
            std::fs::OpenOptions::new().write(true).open(file).and_then(|mut open| open.write_all(bytes));
        return written.map_err(CommandError::system);
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = file
        .file_name()
        .and_then(OsStr::to_str)
        .ok_or_else(|| CommandError::new(Code::BadPlace, format!("{} has no file name", file.display())))?;
    Ok(Folder::new(folder).put_beside(name, bytes)?)
}
