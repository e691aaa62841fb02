//! The transfer record as text, for paper.

use carnet::runs::{Person, TransferRecord};

use super::plain::plain;

/// Maximum length of a line, in characters. It fits on A4 and Letter in 10 points.
const COLUMNS: usize = 100;

/// Length of a line to write on, in characters.
const BLANK: usize = 36;

/// The transfer record as text.
pub(crate) fn text(record: &TransferRecord) -> String {
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
        let number = file.chunk.map(|number| format!("chunk {number}: ")).unwrap_or_default();
        line(&mut out, "  ", &format!("{number}{}  {} bytes", file.name, file.bytes));
        if let Some(sum) = &file.statement_sha256 {
            line(&mut out, "      statement sha256 ", sum);
        }
        if let Some(sum) = &file.sha256 {
            line(&mut out, "      file sha256      ", sum);
        }
        if let Some(sum) = &file.md5 {
            line(&mut out, "      file md5         ", sum);
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
    if let Some(judgement) = &run.judgement {
        section(&mut out, "POLICY FILES", judgement.files.len());
        for file in &judgement.files {
            line(&mut out, "  ", &file.name);
            line(&mut out, "      sha256 ", &file.sha256);
        }
        if judgement.reasons > 0 {
            let shown = judgement.denials.len() as u64;
            let first =
                if judgement.reasons > shown { format!("; the first {shown}") } else { String::new() };
            out += &format!("\nREASONS TO DENY ({}{first})\n", judgement.reasons);
        }
        for denial in &judgement.denials {
            line(&mut out, "  ", &format!("{}: {}: {}", denial.rule, denial.place, denial.text));
        }
    }
    if !run.files_kept.is_empty() {
        section(&mut out, "SOURCE FILES THAT WERE NOT DELETED", run.files_kept.len());
        for (file, reason) in &run.files_kept {
            line(&mut out, "  ", &format!("{file}: {reason}"));
        }
    }
    section(&mut out, "FIELDS", record.fields().count());
    for (name, value) in record.fields() {
        line(&mut out, "  ", &format!("{name}: {value}"));
    }
    out += &format!("\n{}\n", "=".repeat(COLUMNS));
    people(&mut out, &record.people);
    out
}

/// The lines on which two people sign, side by side. A name that is known is printed on its line, and in full below if
/// it is too long for that.
fn people(out: &mut String, [left, right]: &[Person; 2]) {
    let blank = "_".repeat(BLANK);
    let name = |person: &Person| {
        let name = person.name.as_ref().map(|name| plain(name).into_owned()).unwrap_or_default();
        if name.is_empty() || name.chars().count() > BLANK { blank.clone() } else { name }
    };
    *out += &format!("\n{:<50}{}\n", left.role, right.role);
    let (names, lines) = ((name(left), name(right)), (blank.clone(), blank.clone()));
    for (label, (left, right)) in [("Name", &names), ("Date", &lines), ("Signature", &lines)] {
        *out += &format!("\n{label:<10}{left:<40}{label:<10}{right}\n");
    }
    for person in [left, right] {
        if let Some(name) = person.name.as_ref().filter(|name| plain(name).chars().count() > BLANK) {
            line(out, &format!("\n{}: ", person.role), name);
        }
    }
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
