//! The text output of `import`.

use carnet::import::{DeliveryReport, ImportReport, Traffic};

use crate::byte_count::HumanBytes;
use crate::plain::plain;
use crate::screen::{Screen, say};
use crate::tables::{count_of, holders, omissions, table};

/// Prints failures to stderr, then the report to stdout.
pub(super) fn show(report: &ImportReport, screen: &Screen) {
    if !screen.json {
        failures(report);
    }
    screen.report(report, || text(report, screen));
}

fn failures(report: &ImportReport) {
    for delivery in report.artifacts.iter().chain(&report.referrers) {
        if let Some(error) = &delivery.error {
            let name =
                delivery.name.as_ref().map_or_else(|| delivery.digest.to_string(), ToString::to_string);
            say(&format!("failed: {name} as {}: {} ({})", reference(delivery), error.message, error.code));
            if let Some(hint) = &error.hint {
                say(&format!("  hint: {hint}"));
            }
        }
    }
}

fn text(report: &ImportReport, screen: &Screen) -> String {
    let all = report.artifacts.len() + report.referrers.len();
    let outcome = match report.failed() {
        _ if report.dry_run => "would be imported into",
        _ if report.ended_by.is_some() => "was partly imported into",
        0 => "imported into",
        failed if failed == all => "was not imported into",
        _ => "was partly imported into",
    };
    let nothing = if report.dry_run { " (nothing was pushed)" } else { "" };
    let mut out = format!("bundle {} {outcome} {}{nothing}\n", report.crossing.name, plain(&report.to));
    out += &format!("id     {}\n", report.bundle);
    out += &format!("released by {}\n", holders(&report.released_by));
    out += &traffic("blobs", &report.blobs);
    out += &traffic("manifests", &report.manifests);
    out += &format!("ARTIFACTS ({}):\n{}", report.artifacts.len(), deliveries(&report.artifacts));
    if report.dry_run || screen.verbose {
        if !report.referrers.is_empty() {
            out += &format!("REFERRERS ({}):\n{}", report.referrers.len(), deliveries(&report.referrers));
        }
        for list in &report.referrer_lists {
            out += &format!(
                "the registry does not support the referrers API; referrers are listed in {}\n",
                plain(list)
            );
        }
    } else if !report.referrers.is_empty() {
        out += &format!("  and {}\n", count_of(report.referrers.len(), "referrer", "referrers"));
    }
    for removed in &report.removed_from_lists {
        out += &format!(
            "removed from {}: {}, which the registry no longer has\n",
            plain(&removed.list),
            removed.digest
        );
    }
    if report.referrers_left_out {
        out += "referrers in the bundle were left out (--no-referrers)\n";
    }
    out += &omissions(&report.omitted);
    out
}

/// One line: how many blobs or manifests were sent, mounted, or already present.
fn traffic(label: &str, traffic: &Traffic) -> String {
    format!(
        "{label:<10} {} sent, {}; {} mounted, {} already present\n",
        traffic.sent,
        HumanBytes(traffic.sent_bytes),
        traffic.mounted,
        traffic.present
    )
}

/// The reference in the registry: the repository with the tag, or with the digest.
fn reference(delivery: &DeliveryReport) -> String {
    match &delivery.tag {
        Some(tag) => format!("{}:{tag}", delivery.repository),
        None => format!("{}@{}", delivery.repository, delivery.digest),
    }
}

fn deliveries(deliveries: &[DeliveryReport]) -> String {
    let row = |delivery: &DeliveryReport| {
        let target = match &delivery.tag {
            Some(tag) => format!("{}:{tag}", delivery.repository),
            None => delivery.repository.clone(),
        };
        let previous = match (&delivery.previous, &delivery.backup) {
            (Some(previous), Some(backup)) => format!("{previous}, kept as {backup}"),
            (Some(previous), None) => previous.to_string(),
            (None, _) => "-".to_owned(),
        };
        vec![delivery.outcome.word().to_owned(), target, delivery.digest.to_string(), previous]
    };
    table(&["outcome", "target", "digest", "previous"], &[], deliveries.iter().map(row).collect())
}
