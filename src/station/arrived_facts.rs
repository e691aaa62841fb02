//! What a record says of a bundle that arrived, and of its import: by a run of a pipeline, or by hand.

use std::sync::Arc;

use crate::arrival::{Bundle, Opened};
use crate::environment::Environment;
use crate::format::Sum;
use crate::import::{DeliveryReport, ImportReport, Outcome};
use crate::medium::ChunkFile;
use crate::runs::{ArtifactOutcome, RunCheck, RunFile, RunRecord, RunSigner};
use crate::sums::{SumFunction, sums};
use crate::trust::{AcceptedChunk, Release};

/// How the content of a bundle is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proven {
    /// Every byte was hashed before the import began.
    Before,
    /// Each digest is proven while its content is pushed.
    Meanwhile,
}

/// Writes into a record what arrived, what was checked, and who signed.
pub fn note_arrived(record: &mut RunRecord, bundle: &Bundle, proven: Proven) {
    record.catalog_digest = Some(bundle.id.to_string());
    let crossing = bundle.contents().map(|contents| &contents.plan.crossing);
    record.bundle_name = crossing.map(|crossing| crossing.name.to_string());
    record.stream = crossing.and_then(|crossing| crossing.stream.as_ref()).map(ToString::to_string);
    record.sequence = crossing.and_then(|crossing| crossing.sequence);
    record.files = accepted(bundle)
        .map(|opened| RunFile {
            name: opened.file.name().to_owned(),
            chunk: Some(opened.statement.number),
            bytes: opened.file.bytes(),
            statement_sha256: Some(Sum::of(&opened.statement.render()).to_string()),
            sha256: None,
            md5: None,
        })
        .collect();
    record.bytes = record.files.iter().map(|file| file.bytes).sum();
    record.signers = signers(bundle);
    record.checks = checks(bundle, proven);
}

/// Writes the sums of the whole files into a record, by which a guard knows them. Each file is read once for it. Without
/// `functions`, it is SHA-256, and only if no file waits for a network: those of folders were just read.
pub fn note_file_sums(
    record: &mut RunRecord,
    bundle: &Bundle,
    functions: Option<&[SumFunction]>,
    environment: &Environment<'_>,
) {
    let files: Vec<Arc<dyn ChunkFile>> = accepted(bundle).map(|opened| Arc::clone(&opened.file)).collect();
    let functions = match functions {
        Some(functions) => functions,
        None if files.iter().any(|file| file.waits()) => &[],
        None => &[SumFunction::Sha256],
    };
    if functions.is_empty() {
        return;
    }
    // A record without sums is better than none. A file that cannot be read fails the import itself.
    let report = match sums(&files, functions, environment) {
        Ok(report) if report.files.len() == record.files.len() => report,
        _ => return,
    };
    for (file, found) in record.files.iter_mut().zip(report.files) {
        for sum in found.sums {
            match sum.function {
                SumFunction::Sha256 => file.sha256 = Some(sum.hex),
                SumFunction::Md5 => file.md5 = Some(sum.hex),
            }
        }
    }
}

/// Writes into a record what became of each artifact and referrer.
pub fn note_imported(record: &mut RunRecord, report: &ImportReport) {
    let outcome = |delivery: &DeliveryReport| {
        let tag = delivery.tag.as_ref().map(|tag| format!(":{tag}"));
        let name = match tag {
            Some(tag) => format!("{}{tag}", delivery.repository),
            None => format!("{}@{}", delivery.repository, delivery.digest),
        };
        ArtifactOutcome {
            name,
            digest: Some(delivery.digest.to_string()),
            subject: delivery.subject.map(|subject| subject.to_string()),
            outcome: match delivery.outcome {
                Outcome::Failed => "failed".to_owned(),
                outcome => outcome.word().to_owned(),
            },
            error: delivery.error.as_ref().map(|error| error.message.clone()),
        }
    };
    record.imported_artifacts = report.artifacts.iter().chain(&report.referrers).map(outcome).collect();
}

/// The files that count, in their order.
fn accepted(bundle: &Bundle) -> impl Iterator<Item = &Opened> {
    bundle.files.iter().filter(|opened| opened.accepted.is_some())
}

/// Who packed the chunks and released the bundle.
fn signers(bundle: &Bundle) -> Vec<RunSigner> {
    let chunks = bundle.files.iter().filter_map(|opened| opened.accepted.as_ref());
    let packers = chunks.flat_map(AcceptedChunk::packers).map(|packer| ("packed", packer));
    let release = bundle.release.as_ref().and_then(|release| release.as_ref().ok());
    let releasers = release.into_iter().flat_map(Release::releasers).map(|holder| ("released", holder));
    let mut found: Vec<RunSigner> = Vec::new();
    for (role, by) in packers.chain(releasers) {
        let signer =
            RunSigner { role: role.to_owned(), holder: by.holder.clone(), key: by.key_id.to_string() };
        if !found.contains(&signer) {
            found.push(signer);
        }
    }
    found
}

/// What was checked before the import, and what the import proves.
fn checks(bundle: &Bundle, proven: Proven) -> Vec<RunCheck> {
    let check = |check: &str, result: String| RunCheck { check: check.to_owned(), result };
    let chunks = accepted(bundle).count();
    let mut checks = vec![check("signatures of the chunk files", format!("{chunks} accepted"))];
    if let Some(Ok(release)) = &bundle.release {
        let (found, threshold) = (release.releasers().len(), release.threshold());
        checks.push(check("release", format!("{found} of {threshold} required")));
    }
    checks.push(check("chunks that are missing", "none".to_owned()));
    let (what, result) = match proven {
        Proven::Before => ("every byte", "intact before the import began"),
        Proven::Meanwhile => ("everything that is pushed", "proven by its digest while it is pushed"),
    };
    checks.push(check(what, result.to_owned()));
    checks
}
