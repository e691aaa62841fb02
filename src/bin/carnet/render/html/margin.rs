//! The margin of each page on paper: which report it belongs to. A style of its own, because it differs from page to page.

use std::fmt::Write as _;

use carnet::audit::AuditReport;
use carnet::format::Sum;

use crate::plain::plain;

/// The most characters of a title in the margin. Beside it is the sum, which has 64.
const TITLE: usize = 48;

/// The style that writes the title, and the id of the bundle or the sum of the report, above each page.
pub(super) fn style(title: &str, report: &AuditReport, json: Option<&Sum>) -> String {
    let title = plain(title);
    let mut left: String = title.chars().take(TITLE).collect();
    if left.len() < title.len() {
        left.push('…');
    }
    let right = match (report.bundles.as_slice(), json) {
        ([bundle], _) => format!("Id {}", bundle.summary.bundle),
        (_, Some(sum)) => format!("Report {sum}"),
        (_, None) => String::new(),
    };
    let font = "font:9px system-ui,sans-serif";
    format!(
        "@media print{{@page{{@top-left{{content:\"{}\";{font}}}@top-right{{content:\"{}\";{font}}}}}}}",
        quoted(&left),
        quoted(&right)
    )
}

/// A text between the quotation marks of a style: what is neither letter, number nor space is written as its number, so that
/// nothing ends the text or the element.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_alphanumeric() || character == ' ' {
            out.push(character);
        } else {
            // Writing to a string does not fail. The space ends the number.
            let _ = write!(out, "\\{:x} ", u32::from(character));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_the_text_of_a_style() {
        assert_eq!(quoted("a 1"), "a 1");
        assert_eq!(quoted("\"}</style>é…"), "\\22 \\7d \\3c \\2f style\\3e \\e9 \\2026 ");
    }
}
