//! The report as text for a terminal: what the first screen of the page says, and the lists of its sections.

use carnet::audit::{AuditReport, AuditedBundle, Finding, PolicyWarning};
use carnet::diagnosis::count;

use super::guard_text::guard_table;
use super::words::{self, short, size};
use crate::plain::plain;
use crate::tables::{heading, name, omissions, table};

/// The findings that are printed, unless all are asked for.
const FINDINGS: usize = 20;
/// The rows of other lists that are printed, unless all are asked for.
const ROWS: usize = 20;

/// Renders the report. With `all`, it lists every finding, package and layer.
pub(crate) fn text(report: &AuditReport, all: bool) -> String {
    let mut out = String::new();
    for bundle in &report.bundles {
        out += &bundle_text(bundle);
    }
    for source in &report.sources {
        out += &format!("source {}\n", plain(source));
    }
    out += &verdict(report);
    out += &coverage(report);
    out += &totals(report);
    out += &findings(report, all);
    out += &artifacts(report);
    out += &images(report);
    out += &layers(report, all);
    out += &packages(report, all);
    out += &signatures(report);
    out += &boms(report);
    out += &advisories(report, all);
    out += &guard(report);
    out += &omissions(&report.omitted);
    out += &basis(report);
    out
}

fn bundle_text(bundle: &AuditedBundle) -> String {
    format!("{}{}\n", heading(&bundle.summary), words::completeness(bundle))
}

fn verdict(report: &AuditReport) -> String {
    let mut out = format!("\n{}: {}\n", words::verdict(report).to_uppercase(), words::verdict_reason(report));
    for denial in report.policy.iter().flat_map(|policy| &policy.denials) {
        out += &format!("  {}: {} ({})\n", plain(&denial.rule), plain(&denial.text), plain(&denial.place));
    }
    for warning in report.policy.iter().flat_map(|policy| &policy.warnings) {
        let PolicyWarning { rule, place, text } = warning;
        out += &format!("  warning: {}: {} ({})\n", plain(rule), plain(text), plain(place));
    }
    for ignored in report.policy.iter().flat_map(|policy| &policy.ignored) {
        let what = format!("{} ({})", ignored.rule, ignored.place);
        out += &format!("  ignored until {}: {}: {}\n", ignored.until, plain(&what), plain(&ignored.reason));
    }
    for flaw in report.policy.iter().flat_map(|policy| &policy.not_counted) {
        out += &format!("  not counted: {} ({})\n", plain(&flaw.text), plain(&flaw.place));
    }
    out
}

fn coverage(report: &AuditReport) -> String {
    let coverage = &report.coverage;
    let mut out = format!("\n{}\n", words::coverage(coverage));
    for blob in coverage.opaque.iter().chain(&coverage.unread) {
        out += &format!("  {}: {}\n", short(&blob.digest), plain(&blob.why));
    }
    for hit in &coverage.limits_hit {
        out += &format!("  {}: {}\n", plain(&hit.limit), plain(&hit.place));
    }
    for layer in &report.layers {
        for archives in layer.archives.iter().filter(|archives| archives.unopened > 0) {
            let number = count(archives.unopened, "archive", "archives");
            let digest = short(&layer.digest);
            out += &format!("  {digest}: {number} not opened, in files of the form {}\n", archives.form);
        }
    }
    out + words::advisory_basis(report) + "\n"
}

fn totals(report: &AuditReport) -> String {
    let totals = &report.totals;
    format!(
        "\n{}, {}, {}, {}, {}, {}\n{} carried, {} expanded\n",
        count(totals.artifacts, "artifact", "artifacts"),
        count(totals.referrers, "referrer", "referrers"),
        count(totals.images, "image", "images"),
        count(totals.layers, "layer", "layers"),
        count(totals.entries, "file", "files"),
        count(totals.packages, "package", "packages"),
        size(totals.bytes),
        size(totals.expanded)
    )
}

/// A list with its title; nothing if it is empty. `more` is said below it if rows were left out.
fn list(title: &str, number: usize, header: &[&str], right: &[usize], rows: Vec<Vec<String>>) -> String {
    if number == 0 {
        return String::new();
    }
    let left = number - rows.len();
    let mut out = format!("\n{title} ({number}):\n{}", table(header, right, rows));
    if left > 0 {
        out += &format!("  (and {left} more: -v lists them)\n");
    }
    out
}

fn limit(most: usize, all: bool) -> usize {
    if all { usize::MAX } else { most }
}

fn findings(report: &AuditReport, all: bool) -> String {
    let row = |finding: &Finding| {
        let place = match (&finding.path, &finding.layer, &finding.artifact) {
            (Some(path), ..) => path.clone(),
            (None, Some(layer), _) => format!("layer {}", short(layer)),
            (None, None, Some(artifact)) => format!("artifact {}", short(artifact)),
            (None, None, None) => "-".to_owned(),
        };
        vec![finding.severity.to_string(), finding.rule.to_string(), place, finding.text.clone()]
    };
    let rows = report.findings.iter().take(limit(FINDINGS, all)).map(row).collect();
    let header = ["severity", "rule", "place", "finding"];
    let mut out = list("FINDINGS", report.findings.len(), &header, &[], rows);
    if report.findings.is_empty() {
        out += "\nNo findings.\n";
    }
    out
}

fn artifacts(report: &AuditReport) -> String {
    let rows = report.artifacts.iter().map(|artifact| {
        let platforms = artifact.manifests.iter().filter(|manifest| manifest.carried);
        let platforms: Vec<&str> = platforms.filter_map(|manifest| manifest.platform.as_deref()).collect();
        vec![
            name(artifact.name.as_ref()),
            artifact.digest.to_string(),
            if platforms.is_empty() { "-".to_owned() } else { platforms.join(" ") },
            artifact.referrers.len().to_string(),
        ]
    });
    let header = ["name", "digest", "platforms", "referrers"];
    list("ARTIFACTS", report.artifacts.len(), &header, &[3], rows.collect())
}

fn images(report: &AuditReport) -> String {
    let rows = report.images.iter().map(|image| {
        vec![
            name(image.names.first()),
            image.platform.clone(),
            image.system.clone().unwrap_or_else(|| "-".to_owned()),
            if image.config.user.is_empty() { "root".to_owned() } else { image.config.user.clone() },
            image.layers.len().to_string(),
            image.entries.to_string(),
            size(image.bytes),
            image.packages.to_string(),
        ]
    });
    let header = ["name", "platform", "system", "user", "layers", "files", "size", "packages"];
    list("IMAGES", report.images.len(), &header, &[4, 5, 6, 7], rows.collect())
}

fn layers(report: &AuditReport, all: bool) -> String {
    let rows = report.layers.iter().take(limit(ROWS, all)).map(|layer| {
        let entries = layer.entries.values().fold(0_u64, |sum, number| sum.saturating_add(*number));
        vec![
            layer.digest.to_string(),
            layer.encoding.clone(),
            size(layer.bytes),
            size(layer.expanded),
            entries.to_string(),
            match (layer.carried, layer.read) {
                (false, _) => "NOT CARRIED".to_owned(),
                (true, false) => "NOT READ TO ITS END".to_owned(),
                (true, true) => "read".to_owned(),
            },
        ]
    });
    let header = ["digest", "form", "size", "expanded", "entries", "state"];
    list("LAYERS", report.layers.len(), &header, &[2, 3, 4], rows.collect())
}

fn packages(report: &AuditReport, all: bool) -> String {
    let rows = report.packages.iter().take(limit(ROWS, all)).map(|package| {
        let what = &package.package;
        vec![
            words::kind(what.kind).to_owned(),
            what.name.clone(),
            what.version.clone(),
            if package.images.is_empty() {
                format!("{} (hidden)", short(&package.layer))
            } else {
                short(&package.layer)
            },
            if what.licences.is_empty() { "-".to_owned() } else { what.licences.join(", ") },
        ]
    });
    let header = ["type", "name", "version", "layer", "licences"];
    list("PACKAGES", report.packages.len(), &header, &[], rows.collect())
}

fn signatures(report: &AuditReport) -> String {
    let rows = report.signatures.iter().map(|signature| {
        vec![
            words::status(signature.status).to_owned(),
            signature.kind.clone(),
            short(&signature.of),
            words::signer(signature).unwrap_or_else(|| "-".to_owned()),
            signature.why.clone().unwrap_or_default(),
        ]
    });
    let header = ["result", "system", "of", "by", "why"];
    list("SIGNATURES", report.signatures.len(), &header, &[], rows.collect())
}

fn boms(report: &AuditReport) -> String {
    let rows = report.boms.iter().map(|bom| {
        vec![
            if bom.compared { "compared" } else { "not compared" }.to_owned(),
            bom.format.clone(),
            short(&bom.of),
            bom.packages.to_string(),
            bom.only_there.len().to_string(),
            bom.only_here.len().to_string(),
            bom.version_differs.len().to_string(),
            bom.not_listed.to_string(),
        ]
    });
    let header =
        ["state", "format", "of", "packages", "only in SBOM", "only in image", "other version", "not listed"];
    list("SBOMS", report.boms.len(), &header, &[3, 4, 5, 6, 7], rows.collect())
}

fn advisories(report: &AuditReport, all: bool) -> String {
    let rows = report.advisories.iter().take(limit(ROWS, all)).map(|advisory| {
        vec![
            advisory.severity.to_string(),
            advisory.id.clone(),
            advisory.package.clone(),
            advisory.fixed.clone().unwrap_or_else(|| "-".to_owned()),
            advisory.vex.clone().unwrap_or_default(),
        ]
    });
    let header = ["severity", "id", "package", "fixed in", "vex"];
    list("ADVISORIES", report.advisories.len(), &header, &[], rows.collect())
}

fn guard(report: &AuditReport) -> String {
    let Some(guard) = &report.guard else { return String::new() };
    format!("\nGUARD {} ({}):\n{}", plain(&guard.profile), guard.files.len(), guard_table(guard))
}

fn basis(report: &AuditReport) -> String {
    let basis = &report.basis;
    let mut out = format!("\nas of {}, by {}\n", basis.at, plain(&basis.build));
    let mut file = |what: &str, name: &str, sum: &carnet::format::Sum, more: &str| {
        out += &format!("{what} {}{more}, SHA-256 {sum}\n", plain(name));
    };
    for (what, files) in [
        ("policy", &basis.policies),
        ("ignore", &basis.ignores),
        ("vex", &basis.vex),
        ("secret rules", &basis.secret_rules),
        ("key", &basis.keys),
    ] {
        for named in files {
            file(what, &named.name, &named.sha256, "");
        }
    }
    for database in &basis.advisories {
        let newest = database
            .newest
            .as_ref()
            .map_or_else(String::new, |newest| format!(", newest of {}", plain(newest)));
        let more = format!(", {}{newest}", count(database.records, "record", "records"));
        file("advisories", &database.name, &database.sha256, &more);
    }
    if let Some(guard) = &basis.guard {
        file("guard", &guard.name, &guard.sha256, "");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::example::{package, report};

    #[test]
    fn the_text_says_what_matters_and_nothing_moves_the_screen() {
        let text = text(&report(), false);
        for words in [
            "bundle example\n",
            "stream weekly, number 3",
            "NOT RELEASED; signed by no one",
            "INCOMPLETE: of 4 chunks, 1 missing or damaged: 2",
            "DENIED: The policy objects: 1 reason.",
            "1 of 2 layers read to the end",
            "No advisory database was given: known flaws were not looked up.",
            "FINDINGS (2):",
            "policy policy.toml, SHA-256 ",
        ] {
            assert!(text.contains(words), "no {words:?} in {text}");
        }
        assert!(!text.chars().any(|c| c.is_control() && c != '\n') && !text.contains('\u{202e}'), "{text}");
        assert!(!text.contains("\nnext"), "a name ends a line: {text}");
    }

    #[test]
    fn long_lists_are_cut_unless_all_is_asked_for() {
        let mut report = report();
        report.packages = (0..30).map(|number| package(&format!("p{number}"))).collect();
        let (short, long) = (text(&report, false), text(&report, true));
        assert!(short.contains("(and 10 more: -v lists them)") && !short.contains("p29"), "{short}");
        assert!(long.contains("p29") && !long.contains("more: -v"), "{long}");
    }
}
