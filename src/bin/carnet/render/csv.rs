//! Tables for spreadsheets (RFC 4180): the packages, and the findings.

use carnet::audit::AuditReport;
use carnet::oci::Digest;

use super::words;
use crate::plain::plain;

/// The packages, one in a row.
pub(crate) fn packages(report: &AuditReport) -> String {
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
    written(&header, rows)
}

/// The findings, one in a row.
pub(crate) fn findings(report: &AuditReport) -> String {
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
    written(&header, rows)
}

pub(super) fn written(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    // Writing to memory does not fail, and all rows have the length of the header.
    let _ = writer.write_record(header);
    for row in rows {
        let _ = writer.write_record(row.iter().map(|cell| harmless(cell)));
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
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

    #[test]
    fn each_package_and_finding_is_a_row() {
        let report = report();
        for (text, column, cell) in [(packages(&report), 1, "'=<script>"), (findings(&report), 1, "secret")] {
            let mut reader = ::csv::Reader::from_reader(text.as_bytes());
            let rows: Vec<_> = reader.records().map(|row| row.unwrap()).collect();
            assert!(rows[0][column].starts_with(cell), "{rows:?}");
            assert!(!text.contains('\u{202e}'), "{text}");
        }
        assert_eq!(findings(&report).lines().count(), 3);
    }

    #[test]
    fn no_cell_is_a_formula() {
        let row = ["=1+1", "+1", "-1", "@x", "a=b", "say \"x\", y", "two\nlines"].map(str::to_owned).to_vec();
        let text = written(&["a", "b", "c", "d", "e", "f", "g"], std::iter::once(row));
        assert_eq!(text, "a,b,c,d,e,f,g\r\n'=1+1,'+1,'-1,'@x,a=b,\"say \"\"x\"\", y\",two\\nlines\r\n");
    }
}
