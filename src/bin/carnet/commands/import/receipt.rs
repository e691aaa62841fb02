//! The receipt as text, for the transfer log.

use std::fmt::{Result, Write as _};

use carnet::diagnosis::count;
use carnet::import::{DeliveryReport, Problem, Receipt, Traffic};
use carnet::oci::RefName;

use crate::plain::plain;
use crate::tables::count_of;

/// Renders the receipt as text.
pub(super) fn text(receipt: &Receipt) -> String {
    let mut out = String::new();
    write(receipt, &mut out).expect("writing to a string cannot fail");
    out
}

fn write(receipt: &Receipt, out: &mut String) -> Result {
    head(receipt, out)?;
    let required = count(receipt.release_threshold.into(), "release signature", "release signatures");
    writeln!(out, "\nVERIFIED WITH ({required} required)")?;
    for key in &receipt.verified_with {
        writeln!(out, "  {}  {}  ({})", key.key, plain(&key.holder), key.roles.join(", "))?;
    }
    tags(receipt, out)?;
    untagged(receipt, out)?;
    writeln!(out, "\nMOVED")?;
    let import = &receipt.import;
    for (label, traffic) in [("blobs", &import.blobs), ("manifests", &import.manifests)] {
        let Traffic { sent, sent_bytes, mounted, present, .. } = traffic;
        writeln!(
            out,
            "  {label:<11} {sent} sent ({sent_bytes} bytes), {mounted} mounted, {present} already present"
        )?;
    }
    if !import.removed_from_lists.is_empty() {
        writeln!(out, "\nREMOVED FROM LISTS OF REFERRERS (the registry no longer has it)")?;
    }
    for removed in &import.removed_from_lists {
        writeln!(out, "  {}\n              was: {}", plain(&removed.list), removed.digest)?;
    }
    if import.referrers_left_out {
        writeln!(out, "\nREFERRERS\n  left out on request")?;
    }
    if !import.omitted.is_empty() {
        writeln!(out, "\nNOT CARRIED")?;
    }
    for omitted in &import.omitted {
        let platform = omitted.platform.as_ref().map(|platform| format!(" ({})", plain(platform)));
        writeln!(out, "  {}{}  {}", omitted.reason.word(), platform.unwrap_or_default(), omitted.digest)?;
    }
    writeln!(out, "\nCHUNK FILES")?;
    for chunk in &receipt.chunks {
        let file = plain(&chunk.file);
        writeln!(out, "  {:>5}  {}  {} bytes  {file}", chunk.number, chunk.sums, chunk.bytes)?;
    }
    Ok(())
}

fn head(receipt: &Receipt, out: &mut String) -> Result {
    let Receipt { build, import, .. } = receipt;
    let crossing = &import.crossing;
    writeln!(out, "IMPORT RECEIPT")?;
    writeln!(out, "bundle      {}", crossing.name)?;
    writeln!(out, "id          {}", import.bundle)?;
    match (&crossing.stream, crossing.sequence) {
        (Some(stream), Some(number)) => writeln!(out, "stream      {stream}, number {number}")?,
        (Some(stream), None) => writeln!(out, "stream      {stream}")?,
        (None, _) => {}
    }
    if let Some(label) = &crossing.label {
        writeln!(out, "label       {label}")?;
    }
    writeln!(out, "to          {}", plain(&import.to))?;
    writeln!(out, "started     {}", receipt.started)?;
    writeln!(out, "finished    {}", receipt.finished)?;
    writeln!(out, "program     {} {} ({})", build.program, build.version, build.target)?;
    writeln!(out, "outcome     {}", outcome(receipt))
}

fn outcome(receipt: &Receipt) -> String {
    match (&receipt.import.ended_by, receipt.import.failed()) {
        (Some(problem), _) => format!("ENDED EARLY: {}: {}", problem.code, plain(&problem.message)),
        (None, 0) => "complete".to_owned(),
        (None, failed) => format!("INCOMPLETE: {} failed", count_of(failed, "artifact", "artifacts")),
    }
}

fn tags(receipt: &Receipt, out: &mut String) -> Result {
    writeln!(out, "\nTAGS")?;
    for (word, tags) in [
        ("created", &receipt.tags.created),
        ("replaced", &receipt.tags.replaced),
        ("skipped", &receipt.tags.skipped),
        ("FAILED", &receipt.tags.failed),
        ("not reached", &receipt.tags.pending),
    ] {
        for tag in tags {
            writeln!(out, "  {word:<11} {}", tag.tag)?;
            writeln!(out, "              is: {}", tag.digest)?;
            name(tag.name.as_ref(), out)?;
            if let Some(previous) = &tag.previous {
                let backup = tag.backup.as_ref().map(|backup| format!(", kept as {backup}"));
                writeln!(out, "              before: {previous}{}", backup.unwrap_or_default())?;
            }
            error(tag.error.as_ref(), out)?;
        }
    }
    Ok(())
}

fn untagged(receipt: &Receipt, out: &mut String) -> Result {
    let all = receipt.import.artifacts.iter().chain(&receipt.import.referrers);
    let untagged: Vec<&DeliveryReport> = all.filter(|delivery| delivery.tag.is_none()).collect();
    if !untagged.is_empty() {
        writeln!(out, "\nWITHOUT A TAG")?;
    }
    for delivery in untagged {
        writeln!(out, "  {:<11} {}", delivery.outcome.word(), delivery.repository)?;
        writeln!(out, "              is: {}", delivery.digest)?;
        name(delivery.name.as_ref(), out)?;
        if let Some(subject) = &delivery.subject {
            writeln!(out, "              refers to: {subject}")?;
        }
        error(delivery.error.as_ref(), out)?;
    }
    Ok(())
}

fn name(name: Option<&RefName>, out: &mut String) -> Result {
    name.map_or(Ok(()), |name| writeln!(out, "              in the bundle: {}", plain(name.as_str())))
}

fn error(error: Option<&Problem>, out: &mut String) -> Result {
    error.map_or(Ok(()), |error| writeln!(out, "              {}: {}", error.code, plain(&error.message)))
}
