//! Tables as CSV (RFC 4180), which spreadsheets open.

use super::RunRecord;

/// Returns rows as CSV. No cell becomes a formula, and each row is one line.
pub fn csv_text(rows: &[Vec<String>]) -> String {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.iter().map(|text| cell(text))).expect("a vector takes every row");
    }
    let bytes = writer.into_inner().expect("a vector takes every row");
    String::from_utf8(bytes).expect("the cells are text")
}

/// A spreadsheet computes cells that begin with these characters. The text may come from an attacker, so a quote goes
/// before it.
fn cell(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) {
        format!("'{text}")
    } else {
        text
    }
}

/// The name of a column, and what is in it.
type Column = (&'static str, fn(&RunRecord) -> String);

/// The columns of a table of runs.
const COLUMNS: &[Column] = &[
    ("name", |run| run.name.clone()),
    ("pipeline", |run| run.pipeline.clone()),
    ("pipelineType", |run| run.pipeline_type.word().to_owned()),
    ("status", |run| run.status.word().to_owned()),
    ("percentage", |run| run.progress.percentage.clone()),
    ("startTime", |run| run.start_time.clone()),
    ("finishTime", |run| run.finish_time.clone().unwrap_or_default()),
    ("sourceType", |run| run.source.kind.clone()),
    ("source", |run| run.source.uri.clone()),
    ("targetType", |run| run.target.kind.clone()),
    ("target", |run| run.target.uri.clone()),
    ("catalogDigest", |run| run.catalog_digest.clone().unwrap_or_default()),
    ("bundleName", |run| run.bundle_name.clone().unwrap_or_default()),
    ("stream", |run| run.stream.clone().unwrap_or_default()),
    ("sequence", |run| run.sequence.map(|number| number.to_string()).unwrap_or_default()),
    ("bytes", |run| run.bytes.to_string()),
    ("files", |run| run.files.len().to_string()),
    ("artifacts", |run| run.artifacts().count().to_string()),
    ("failedArtifacts", |run| {
        run.artifacts().filter(|artifact| artifact.error.is_some()).count().to_string()
    }),
    ("filesKept", |run| run.files_kept.len().to_string()),
    ("errorCode", |run| run.error_code.clone().unwrap_or_default()),
    ("pipelineRunErrorMessage", |run| run.pipeline_run_error_message.clone().unwrap_or_default()),
    ("options", |run| run.options.join(" ")),
    ("forceUpdateTag", |run| run.force_update_tag.to_string()),
    ("fields", |run| {
        run.fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }),
    ("host", |run| run.host.clone().unwrap_or_default()),
    ("carnetVersion", |run| run.carnet_version.clone()),
    ("previous", |run| run.previous.clone().unwrap_or_default()),
];

/// Returns a table of runs: a row of names, and a row for each run.
pub fn run_rows(records: &[RunRecord]) -> Vec<Vec<String>> {
    let header = COLUMNS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let row = |record: &RunRecord| COLUMNS.iter().map(|(_, value)| value(record)).collect();
    std::iter::once(header).chain(records.iter().map(row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_no_formulas_and_no_lines() {
        let row = |cells: &[&str]| cells.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>();
        let text =
            csv_text(&[row(&["=1+1", "+a", "-a", "@a", " =a", "a=b"]), row(&["a,b", "a\"b", "a\r\nb"])]);
        assert_eq!(text, "'=1+1,'+a,'-a,'@a,' =a,a=b\n\"a,b\",\"a\"\"b\",a  b\n");
    }
}
