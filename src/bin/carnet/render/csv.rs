//! Tables for spreadsheets (RFC 4180): the packages, and the findings.

use std::io;

use carnet::audit::AuditReport;
use carnet::oci::Digest;

use super::words;
use crate::plain::plain;

/// Writes the packages, one in a row.
pub(super) fn packages(report: &AuditReport, out: &mut dyn io::Write) -> io::Result<()> {
    let header = [
        "type",
        "name",
        "version",
        "architecture",
        "source",
        "licences",
        "purl",
        "layer",
        "path",
        "images",
        "hidden in",
    ];
    let digests = |all: &[Digest]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let rows = report.packages.iter().map(|package| {
        let what = &package.package;
        let source = what.source.as_ref();
        vec![
            words::kind(what.kind).to_owned(),
            what.name.clone(),
            what.version.clone(),
            what.architecture.clone().unwrap_or_default(),
            source.map_or_else(String::new, |source| format!("{} {}", source.name, source.version)),
            what.licences.join("; "),
            package.purl.clone(),
            package.layer.to_string(),
            package.path.to_string(),
            digests(&package.images),
            digests(&package.hidden_in),
        ]
    });
    write(&header, rows, out)
}

/// Writes the findings, one in a row.
pub(super) fn findings(report: &AuditReport, out: &mut dyn io::Write) -> io::Result<()> {
    let header = ["severity", "rule", "text", "path", "layer", "artifact", "id"];
    let words = |digest: &Option<Digest>| digest.map(|digest| digest.to_string()).unwrap_or_default();
    let rows = report.findings.iter().map(|finding| {
        vec![
            finding.severity.to_string(),
            finding.rule.to_string(),
            finding.text.clone(),
            finding.path.clone().unwrap_or_default(),
            words(&finding.layer),
            words(&finding.artifact),
            finding.id.to_string(),
        ]
    });
    write(&header, rows, out)
}

/// Writes a table.
pub(super) fn write(
    header: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(out);
    // All rows have the length of the header.
    writer.write_record(header)?;
    for row in rows {
        writer.write_record(row.iter().map(|cell| harmless(cell)))?;
    }
    writer.flush()
}

/// A cell that no spreadsheet takes for a formula: such a cell starts with an apostrophe.
fn harmless(cell: &str) -> String {
    let cell = plain(cell);
    if cell.starts_with(['=', '+', '-', '@']) { format!("'{cell}") } else { cell.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::example::report;

    fn written(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_package_and_finding_is_a_row() {
        let report = report();
        let packages = written(|out| packages(&report, out));
        let findings = written(|out| findings(&report, out));
        for (text, column, cell) in [(&packages, 1, "'=<script>"), (&findings, 1, "secret")] {
            let mut reader = ::csv::Reader::from_reader(text.as_bytes());
            let rows: Vec<_> = reader.records().map(|row| row.unwrap()).collect();
            assert!(rows[0][column].starts_with(cell), "{rows:?}");
            assert!(!text.contains('\u{202e}'), "{text}");
        }
        assert_eq!(findings.lines().count(), 3);
    }

    #[test]
    fn no_cell_is_a_formula() {
        let row = ["=1+1", "+1", "-1", "@x", "a=b", "say \"x\", y", "two\nlines"].map(str::to_owned).to_vec();
        let header = ["a", "b", "c", "d", "e", "f", "g"];
        let text = written(|out| write(&header, std::iter::once(row), out));
        assert_eq!(text, "a,b,c,d,e,f,g\r\n'=1+1,'+1,'-1,'@x,a=b,\"say \"\"x\"\", y\",two\\nlines\r\n");
    }
}
