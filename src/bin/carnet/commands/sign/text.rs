//! What is signed, and what was signed, as text.

use std::path::Path;

use carnet::format::statement::{Crossing, Statement};
use carnet::format::{Sum, Timestamp};
use carnet::sign::{BundleToSign, DetachedReport, SignReport};

use crate::plain::{plain, plain_path};
use crate::tables::{artifacts, count_of, holders, left_out, omissions, origins};

/// What will be signed.
pub(super) fn to_sign(bundle: &BundleToSign) -> String {
    let carried = count_of(bundle.artifacts.len(), "artifact", "artifacts");
    let mut out = format!("bundle {}: {carried}\n", bundle.crossing.name);
    out += &facts(&bundle.bundle, &bundle.crossing, bundle.chunks, bundle.created, bundle.expires);
    if bundle.packed_by.is_empty() {
        out += "packed by unknown: no trust file was given\n";
    } else {
        out += &format!("packed by {}\n", holders(&bundle.packed_by));
    }
    out + &content(bundle)
}

/// What will be signed where the bundle is not.
pub(super) fn statement(statement: &Statement) -> String {
    let Statement { bundle, crossing, last, created, expires, .. } = statement;
    let facts = facts(bundle, crossing, last + 1, *created, *expires);
    format!("bundle {}: what it carries is not in the statement\n{facts}", crossing.name)
}

/// The outcome for each control chunk.
pub(super) fn signed(report: &SignReport) -> String {
    let mut out = String::new();
    for signed in &report.bundles {
        let bundle = &signed.content;
        let outcome = if signed.already_signed { "is already signed by this key" } else { "signed" };
        let carried = count_of(bundle.artifacts.len(), "artifact", "artifacts");
        out += &format!("bundle {} {outcome}: {carried}\n", bundle.crossing.name);
        out += &format!("id     {}\nkey    {}\n", bundle.bundle, signed.key);
        if let Some(second) = &signed.second_key {
            out += &format!("key    {second}\n");
        }
        let signatures = count_of(signed.signatures, "signature", "signatures");
        out += &match &signed.release_file {
            Some(name) => format!("release file {}, with {signatures}\n", plain(name)),
            None => format!("file   {}, now with {signatures}\n", plain(&bundle.file)),
        };
        if !signed.waits_for.is_empty() {
            let algorithms = signed.waits_for.join(" and ");
            out +=
                &format!("it does not count yet: the trust file wants a signature with {algorithms}, too\n");
        }
        if !bundle.packed_by.is_empty() {
            out += &format!("packed by {}\n", holders(&bundle.packed_by));
        }
        out += &content(bundle);
    }
    out
}

/// The outcome of a signature without the bundle.
pub(super) fn detached(report: &DetachedReport, file: &Path) -> String {
    let facts = facts(&report.bundle, &report.crossing, report.chunks, report.created, report.expires);
    let name = &report.crossing.name;
    format!(
        "statement of bundle {name} signed\n{facts}key    {}\nsignature written to {}\n",
        report.key,
        plain_path(file)
    )
}

fn facts(
    bundle: &Sum,
    crossing: &Crossing,
    chunks: u32,
    created: Timestamp,
    expires: Option<Timestamp>,
) -> String {
    let mut out = format!("id     {bundle}\n");
    if let Some(stream) = &crossing.stream {
        let number = crossing.sequence.map_or_else(String::new, |number| format!(", number {number}"));
        out += &format!("stream {stream}{number}\n");
    }
    if let Some(label) = &crossing.label {
        out += &format!("label  {label}\n");
    }
    out += &format!("sealed {created}, {}\n", count_of(chunks as usize, "chunk", "chunks"));
    if let Some(expires) = expires {
        out += &format!("until  {expires}\n");
    }
    out
}

fn content(bundle: &BundleToSign) -> String {
    artifacts(&bundle.artifacts)
        + &omissions(&bundle.omitted)
        + &left_out(&bundle.left_out)
        + &origins(&bundle.origins)
}
