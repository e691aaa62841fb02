//! The transfer record of an audit: one screen for paper, with lines for two signatures.

use carnet::audit::AuditReport;

use super::words;
use crate::plain::plain;
use crate::tables::holders;

/// Maximum length of a line, in characters. It fits on A4 and Letter in 10 points.
const COLUMNS: usize = 100;
/// The width of the names of facts.
const LABEL: usize = 12;
/// The bundles and sources, and the reasons of a denial, that the record names one by one.
const LINES: usize = 4;

/// The facts of the record, one in a line.
pub(super) fn facts(report: &AuditReport) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut fact = |name: &str, value: String| out.push((name.to_owned(), value));
    for bundle in report.bundles.iter().take(LINES) {
        fact("Bundle", bundle.summary.crossing.name.to_string());
        fact("Id", bundle.summary.bundle.to_string());
        if let Some(label) = &bundle.summary.crossing.label {
            fact("Label", label.to_string());
        }
        fact(
            "Packed by",
            if bundle.summary.verified {
                holders(&bundle.summary.packed_by)
            } else {
                "NOT VERIFIED".to_owned()
            },
        );
        let released = match bundle.summary.released {
            Some(true) => holders(&bundle.summary.released_by),
            Some(false) => "NOT RELEASED".to_owned(),
            None => "not checked".to_owned(),
        };
        fact("Released by", released);
        fact("Chunks", words::completeness(bundle));
    }
    for source in report.sources.iter().take(LINES) {
        fact("Source", source.clone());
    }
    let more = report.bundles.len().saturating_sub(LINES) + report.sources.len().saturating_sub(LINES);
    if more > 0 {
        fact("And", format!("{more} more"));
    }
    fact("Verdict", format!("{}. {}", words::verdict(report).to_uppercase(), words::verdict_reason(report)));
    if let Some(judgement) = &report.policy {
        for denial in judgement.denials.iter().take(LINES) {
            fact("", format!("{}: {}", denial.rule, denial.text));
        }
        if judgement.denials.len() > LINES {
            fact("", format!("and {} more", judgement.denials.len() - LINES));
        }
    }
    for policy in report.basis.policies.iter().take(LINES) {
        fact("Policy", format!("{}, SHA-256 {}", policy.name, policy.sha256));
    }
    fact("Examined", words::coverage(&report.coverage));
    let totals = &report.totals;
    let contents = [
        words::counted(totals.artifacts, "artifact", "artifacts"),
        words::counted(totals.images, "image", "images"),
        words::counted(totals.layers, "layer", "layers"),
        words::counted(totals.entries, "file", "files"),
        words::counted(totals.packages, "package", "packages"),
        words::counted(words::length(&report.boms), "SBOM", "SBOMs"),
    ];
    fact("Contents", contents.join(", "));
    fact("Signatures", words::signatures(report));
    for key in report.basis.keys.iter().take(LINES) {
        fact("", format!("checked with {}, SHA-256 {}", key.name, key.sha256));
    }
    fact(
        "Size",
        format!(
            "{} bytes carried, {} bytes expanded",
            words::number(totals.bytes),
            words::number(totals.expanded)
        ),
    );
    let findings =
        words::SEVERITIES.map(|severity| format!("{} {severity}", words::findings_of(report, severity)));
    fact("Findings", findings.join(", "));
    let advisories = if report.coverage.has_advisories {
        words::counted(words::length(&report.advisories), "advisory concerns", "advisories concern")
            + " the packages"
    } else {
        "not looked up: no database was given".to_owned()
    };
    fact("Known flaws", advisories);
    fact("Audited", format!("by {}, as of {}", report.basis.build, report.basis.at));
    out
}

/// The record as text. `json` is the SHA-256 of the report as JSON.
pub(crate) fn text(report: &AuditReport, json: Option<carnet::format::Sum>) -> String {
    let mut out = format!("AUDIT RECORD\n{}\n\n", "=".repeat(COLUMNS));
    for (name, value) in facts(report) {
        line(&mut out, &name, &value);
    }
    if let Some(sum) = json {
        line(&mut out, "Report", &format!("SHA-256 {sum}"));
    }
    out += &format!("\n{}\n", "=".repeat(COLUMNS));
    let blank = "_".repeat(36);
    out += &format!("\n{:<50}Approved by\n", "Audited by");
    for word in ["Name", "Date", "Signature"] {
        out += &format!("\n{word:<10}{blank:<40}{word:<10}{blank}\n");
    }
    out
}

/// Writes a label and a value, and breaks the value where the line is full: between words, or within a long one.
fn line(out: &mut String, label: &str, value: &str) {
    let room = COLUMNS - LABEL;
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in plain(value).split(' ') {
        let letters: Vec<char> = word.chars().collect();
        for (at, part) in letters.chunks(room).enumerate() {
            let space = usize::from(at == 0 && used > 0);
            if used > 0 && used + space + part.len() > room {
                lines.push(String::new());
                used = 0;
            } else if space > 0 {
                lines.last_mut().into_iter().for_each(|line| line.push(' '));
                used += 1;
            }
            lines.last_mut().into_iter().for_each(|line| line.extend(part));
            used += part.len();
        }
    }
    for (at, text) in lines.iter().enumerate() {
        *out += format!("{:LABEL$}{text}", if at == 0 { label } else { "" }).trim_end();
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::example::report;

    #[test]
    fn the_record_is_one_screen_with_two_signatures() {
        let text = text(&report(), None);
        assert!(text.lines().count() <= 45, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{text}");
        assert_eq!(text.matches("Signature ____").count(), 2, "{text}");
        for words in
            ["Verdict     DENIED.", "Released by NOT RELEASED", "1,234 files", "Known flaws not looked up"]
        {
            assert!(text.contains(words), "no {words:?} in {text}");
        }
        assert!(!text.contains('\u{202e}') && !text.contains("\nnext"), "{text}");
    }

    #[test]
    fn long_values_are_broken_and_indented() {
        let mut out = String::new();
        line(&mut out, "Name", &format!("{} {} end", "a".repeat(50), "b".repeat(100)));
        let indent = " ".repeat(12);
        let (a, b) = ("a".repeat(50), "b".repeat(88));
        assert_eq!(out, format!("Name        {a}\n{indent}{b}\n{indent}{} end\n", "b".repeat(12)));
    }
}
