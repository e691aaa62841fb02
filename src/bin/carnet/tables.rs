//! Tables and lines that the texts of several commands share.

use carnet::oci::RefName;
use carnet::report::{ArtifactReport, OmissionReport, SignerReport};
use comfy_table::{CellAlignment, Table};
use indicatif::HumanBytes;

use super::plain::plain;

/// An aligned table without lines; `right` are the columns of numbers.
pub(crate) fn table(header: &[&str], right: &[usize], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(header.to_vec());
    for row in rows {
        table.add_row(row.iter().map(|cell| plain(cell)));
    }
    for &column in right {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<String> = table.lines().map(|line| format!(" {}\n", line.trim_end())).collect();
    lines.concat()
}

/// The names of those who signed.
pub(crate) fn holders(signers: &[SignerReport]) -> String {
    let holders: Vec<_> = signers.iter().map(|signer| plain(&signer.holder)).collect();
    if holders.is_empty() { "nobody".to_owned() } else { holders.join(", ") }
}

/// An artifact's name, or a dash.
pub(crate) fn name(name: Option<&RefName>) -> String {
    name.map_or("-".into(), |name| plain(name.as_str())).into_owned()
}

/// Artifacts, one a line.
pub(crate) fn artifacts(artifacts: &[ArtifactReport]) -> String {
    let line =
        |artifact: &ArtifactReport| format!("  {}  {}\n", name(artifact.name.as_ref()), artifact.digest);
    artifacts.iter().map(line).collect()
}

/// What a bundle does not carry.
pub(crate) fn omissions(omitted: &[OmissionReport]) -> String {
    if omitted.is_empty() {
        return String::new();
    }
    let row = |omitted: &OmissionReport| {
        let reason = match omitted.platform.as_deref() {
            Some(platform) => format!("{} ({platform})", omitted.reason.word()),
            None => omitted.reason.word().to_owned(),
        };
        vec![
            reason,
            HumanBytes(omitted.size).to_string(),
            omitted.media_type.to_string(),
            omitted.digest.to_string(),
        ]
    };
    let rows = omitted.iter().map(row).collect();
    format!("NOT CARRIED ({}):\n{}", omitted.len(), table(&["why", "size", "type", "digest"], &[1], rows))
}
