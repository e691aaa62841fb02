//! Reports on the screen: tables and sentences for people, one JSON document with `--json`.

mod import;
mod inspect;
mod verify;

use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use carnet::diagnosis::Code;
use carnet::missing::MissingReport;
use carnet::pack::{Outcome, PackReport};
use carnet::report::{OmissionReport, SignerReport};
use carnet::sign::SignReport;
use carnet::stream::hash::Kernel;
use carnet::sums::{SumFunction, SumsReport};
use carnet::unpack::UnpackReport;
use comfy_table::{CellAlignment, Table};
use indicatif::HumanBytes;
use schemars::JsonSchema;
use serde::Serialize;

use super::advice;
use super::args::Screen;
use super::run::Trouble;

pub(crate) use import::import;
pub(crate) use inspect::inspect;
pub(crate) use verify::verify;

/// What `keygen` says.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Keys {
    /// The id of the key: the SHA-256 of the public key's SPKI.
    pub(crate) key: String,
    /// The file of the private key.
    pub(crate) private_key: String,
    /// The file of the public key.
    pub(crate) public_key: String,
    /// Whether the private key is encrypted.
    pub(crate) encrypted: bool,
}

/// What every command says with `--json` when it ends without a report.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ErrorReport {
    /// What went wrong.
    pub(crate) error: ErrorDetail,
}

/// What went wrong.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ErrorDetail {
    /// A stable word.
    #[schemars(with = "String")]
    pub(crate) code: Code,
    /// A sentence.
    pub(crate) message: String,
    /// The next step.
    pub(crate) hint: Option<String>,
}

/// Set when what was asked for could not be written.
static OUTPUT_LOST: AtomicBool = AtomicBool::new(false);

/// Whether something that was asked for could not be written to stdout.
pub(crate) fn output_lost() -> bool {
    OUTPUT_LOST.load(Ordering::Relaxed)
}

/// Bytes to stdout; a reader that has gone away is no failure, a full disk is.
pub(crate) fn bytes(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            super::progress::say(&format!("error[{}]: stdout cannot be written: {error}", Code::OutputLost));
            OUTPUT_LOST.store(true, Ordering::Relaxed);
        }
        _ => {}
    }
}

pub(crate) fn text(text: &str) {
    bytes(text.as_bytes());
}

pub(crate) fn json(report: &impl Serialize) {
    let mut out = serde_json::to_string_pretty(report).expect("a report serialises");
    out.push('\n');
    text(&out);
}

/// An aligned table without lines; `right` are the columns of numbers.
pub(crate) fn table(header: &[&str], right: &[usize], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(header.to_vec());
    for row in rows {
        table.add_row(row);
    }
    for &column in right {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<String> = table.lines().map(|line| format!(" {}\n", line.trim_end())).collect();
    lines.concat()
}

/// An error, and the next step.
pub(crate) fn trouble(trouble: &Trouble, screen: Screen) {
    let code = trouble.diagnosis.code;
    let hint = advice::hint(&trouble.diagnosis);
    if screen.json {
        json(&ErrorReport {
            error: ErrorDetail { code, message: trouble.message.clone(), hint: Some(hint.clone()) },
        });
    }
    super::progress::say(&format!("error[{code}]: {}", trouble.message));
    super::progress::say(&format!("  hint: {hint}"));
}

pub(crate) fn keygen(keys: &Keys, screen: Screen) {
    if screen.json {
        json(keys);
    } else if !screen.quiet {
        text(&format!(
            "key id       {}\nprivate key  {}{}\npublic key   {}\n",
            keys.key,
            keys.private_key,
            if keys.encrypted { " (encrypted)" } else { "" },
            keys.public_key
        ));
    }
}

/// What `version` says.
#[derive(Serialize, JsonSchema)]
pub(crate) struct VersionReport {
    /// The version of the program.
    pub(crate) version: String,
    /// What hashes.
    pub(crate) hash: String,
    /// What else could hash on this machine.
    pub(crate) hash_available: Vec<String>,
}

pub(crate) fn version(screen: Screen) {
    let report = VersionReport {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        hash: Kernel::chosen().to_string(),
        hash_available: Kernel::available().map(|kernel| kernel.to_string()).collect(),
    };
    if screen.json {
        return json(&report);
    }
    let mut out = format!("carnet {}\n", report.version);
    if screen.verbose > 0 {
        out += &format!("hash   {} (of {})\n", report.hash, report.hash_available.join(", "));
    }
    text(&out);
}

/// Who signed, by name.
fn holders(signers: &[SignerReport]) -> String {
    let holders: Vec<&str> = signers.iter().map(|signer| signer.holder.as_str()).collect();
    if holders.is_empty() { "nobody".to_owned() } else { holders.join(", ") }
}

fn omissions(omitted: &[OmissionReport]) -> String {
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

pub(crate) fn pack(report: &PackReport, folder: &Path, screen: Screen) {
    if screen.json {
        return json(report);
    }
    for warning in &report.warnings {
        super::progress::say(&format!("warning: {warning}"));
    }
    for failure in &report.failures {
        super::progress::say(&format!("failed: {}: {}", failure.artifact, failure.error));
    }
    if screen.quiet {
        return;
    }
    let mut out = String::new();
    let done = match report.outcome {
        Outcome::Planned => "would be packed (nothing was written)",
        Outcome::Packed => "packed",
        Outcome::Unchanged => "is there already, whole and the same; nothing was changed",
    };
    out += &format!("bundle {} {done}\n", report.crossing.name);
    out += &format!("id     {}\n", report.bundle);
    out += &format!(
        "holds  {} artifact(s), {} referrer(s), {} blob(s), {}\n",
        report.artifacts.len(),
        report.referrers,
        report.blobs,
        HumanBytes(report.payload_bytes)
    );
    if report.nondistributable_blobs > 0 {
        out += &format!(
            "       of those {} non-distributable layer(s), {}, in the first chunks\n",
            report.nondistributable_blobs,
            HumanBytes(report.nondistributable_bytes)
        );
    }
    if let Some(place) = &report.nondistributable_pushed_to {
        out += &format!("pushed non-distributable layers to {place}\n");
    }
    let folder = folder.display().to_string().escape_debug().to_string();
    out += &format!("files  {} in {folder}, {}\n", report.chunks.len(), HumanBytes(report.file_bytes()));
    if report.outcome == Outcome::Planned || screen.verbose > 0 || report.chunks.len() <= 20 {
        let row = |chunk: &carnet::pack::ChunkReport| {
            vec![
                chunk.file.clone(),
                chunk.class.to_string(),
                chunk.entries.to_string(),
                chunk.bytes.to_string(),
            ]
        };
        let rows = report.chunks.iter().map(row).collect();
        out += &table(&["file", "class", "blobs", "bytes"], &[2, 3], rows);
    }
    out += &omissions(&report.omitted);
    text(&out);
}

pub(crate) fn sign(report: &SignReport, screen: Screen) {
    if screen.json {
        return json(report);
    }
    if screen.quiet {
        return;
    }
    let mut out = String::new();
    for bundle in &report.bundles {
        let done = if bundle.already_signed { "was signed by this key before" } else { "signed" };
        out += &format!("bundle {} {done}: {} artifact(s)\n", bundle.crossing.name, bundle.artifacts.len());
        out += &format!("id     {}\nkey    {}\n", bundle.bundle, bundle.key);
        out += &format!("file   {} ({} signature(s) now)\n", bundle.file, bundle.signatures);
        for artifact in &bundle.artifacts {
            let name = artifact.name.as_ref().map_or("-", carnet::oci::RefName::as_str);
            out += &format!("  {name}  {}\n", artifact.digest);
        }
        out += &omissions(&bundle.omitted);
    }
    text(&out);
}

pub(crate) fn missing(report: &MissingReport, screen: Screen) {
    if screen.json {
        return json(report);
    }
    text(&report.bundles.iter().map(|bundle| format!("{bundle}\n")).collect::<String>());
}

pub(crate) fn unpack(report: &UnpackReport, screen: Screen) {
    if screen.json {
        return json(report);
    }
    if screen.quiet {
        return;
    }
    let mut out = format!("bundle {} unpacked to {}\n", report.crossing.name, report.to);
    out += &format!("id     {}\n", report.bundle);
    out += &format!("released by {}\n", holders(&report.released_by));
    out += &format!(
        "wrote  {} blob(s), {}; {} were there already\n",
        report.blobs_written,
        HumanBytes(report.bytes_written),
        report.blobs_present
    );
    for artifact in &report.artifacts {
        let name = artifact.name.as_ref().map_or("-", carnet::oci::RefName::as_str);
        out += &format!("  {name}  {}\n", artifact.digest);
    }
    if report.referrers > 0 {
        out += &format!("  and {} referrer(s)\n", report.referrers);
    }
    out += &omissions(&report.omitted);
    text(&out);
}

pub(crate) fn sums(report: &SumsReport, functions: &[SumFunction], screen: Screen) {
    if screen.json {
        return json(report);
    }
    for &function in functions {
        text(&report.lines(function));
    }
}
