//! The transfer record as text, for paper.

use carnet::runs::TransferRecord;

use crate::plain::plain;

/// Maximum length of a line, in characters. It fits on A4 and Letter in 10 points.
const COLUMNS: usize = 100;

/// The transfer record as text.
pub(super) fn text(record: &TransferRecord) -> String {
    let run = &record.run;
    let mut out = format!("TRANSFER RECORD\n{}\n\n", "=".repeat(COLUMNS));
    for (name, value) in record.facts() {
        line(&mut out, &format!("{name:<12}"), &value);
    }
    section(&mut out, "ARTIFACTS", run.artifacts().count());
    for artifact in run.artifacts() {
        line(&mut out, "  ", &artifact.name);
        line(&mut out, "      ", artifact.digest.as_deref().unwrap_or("no digest"));
        let error = artifact.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        line(&mut out, "      ", &format!("{}{error}", artifact.outcome));
    }
    section(&mut out, "FILES", run.files.len());
    for file in &run.files {
        line(&mut out, "  ", &format!("{}  {} bytes", file.name, file.bytes));
        if let Some(sum) = &file.sha256 {
            line(&mut out, "      sha256 ", sum);
        }
        if let Some(sum) = &file.md5 {
            line(&mut out, "      md5    ", sum);
        }
    }
    out += &format!("  {} bytes in all\n", run.bytes);
    section(&mut out, "SIGNATURES", run.signers.len());
    for signer in &run.signers {
        line(&mut out, "  ", &format!("{:<9} {}", signer.role, signer.holder));
        line(&mut out, "      key ", &signer.key);
    }
    section(&mut out, "CHECKS", run.checks.len());
    for check in &run.checks {
        line(&mut out, "  ", &format!("{}: {}", check.check, check.result));
    }
    if !run.files_kept.is_empty() {
        section(&mut out, "SOURCE FILES THAT WERE NOT DELETED", run.files_kept.len());
        for (file, reason) in &run.files_kept {
            line(&mut out, "  ", &format!("{file}: {reason}"));
        }
    }
    section(&mut out, "FIELDS", run.fields.len());
    for (name, value) in &run.fields {
        line(&mut out, "  ", &format!("{name}: {value}"));
    }
    out += &format!("\n{}\n", "=".repeat(COLUMNS));
    let blank = "_".repeat(36);
    for (left, right) in [("Transferred by", "Approved by"), ("Name", "Name"), ("Date", "Date")] {
        out += &if left == "Name" || left == "Date" {
            format!("\n{left:<10}{blank:<40}{right:<10}{blank}\n")
        } else {
            format!("\n{left:<50}{right}\n")
        };
    }
    out += &format!("\n{:<10}{blank:<40}{:<10}{blank}\n", "Signature", "Signature");
    out
}

fn section(out: &mut String, title: &str, count: usize) {
    *out += &format!("\n{title} ({count})\n");
}

/// Writes a label and a value, and breaks the value where the line is full.
fn line(out: &mut String, label: &str, value: &str) {
    let room = COLUMNS - label.chars().count();
    let escaped: Vec<char> = plain(value).chars().collect();
    let mut label = label.to_owned();
    let mut parts = escaped.chunks(room).map(|part| part.iter().collect::<String>());
    let first = parts.next().unwrap_or_default();
    *out += format!("{label}{first}").trim_end();
    out.push('\n');
    label = " ".repeat(label.chars().count());
    for part in parts {
        *out += &format!("{label}{part}\n");
    }
}
