//! What a record says of a bundle that was packed: by a run of a pipeline, or by hand.

use crate::diagnosis::count;
use crate::format::Timestamp;
use crate::pack::{ArtifactFailure, ChunkReport, Outcome, PackReport};
use crate::runs::{ArtifactOutcome, RunCheck, RunFile, RunRecord, RunSigner};
use crate::stream::hash::Output;
use crate::trust::{Accepted, PublicKey, ShortKeyId, TrustPolicy, accept, release};

/// Writes into a record what was packed, what was checked, and who signed. `packer` is the key that signed the chunks;
/// `policy` names the holders of keys, if there is one.
pub fn note_packed(
    record: &mut RunRecord,
    report: &PackReport,
    packer: &PublicKey,
    policy: Option<&TrustPolicy>,
    now: Timestamp,
) {
    record.catalog_digest = Some(report.bundle.to_string());
    record.bundle_name = Some(report.crossing.name.to_string());
    record.stream = report.crossing.stream.as_ref().map(ToString::to_string);
    record.sequence = report.crossing.sequence;
    record.bytes = report.file_bytes();
    record.policy_sha256 = policy.and_then(TrustPolicy::file_sum).map(ToString::to_string);
    let outcome = match report.outcome {
        Outcome::Unchanged => "already exported",
        Outcome::Packed | Outcome::Planned => "exported",
    };
    let exported = report.artifacts.iter().map(|artifact| ArtifactOutcome {
        name: artifact.name.as_ref().map_or_else(|| artifact.digest.to_string(), ToString::to_string),
        subject: None,
        digest: Some(artifact.digest.to_string()),
        outcome: outcome.to_owned(),
        error: None,
    });
    record.exported_artifacts = exported.chain(report.failures.iter().map(failed)).collect();
    record.files = report.chunks.iter().map(file).collect();
    record.checks.extend(content_checks(report));
    record.signers = signers(report, packer, policy, now, &mut record.checks);
}

/// What became of an artifact that failed.
pub(super) fn failed(failure: &ArtifactFailure) -> ArtifactOutcome {
    ArtifactOutcome {
        name: failure.artifact.clone(),
        subject: None,
        digest: None,
        outcome: "failed".to_owned(),
        error: Some(failure.error.clone()),
    }
}

fn file(chunk: &ChunkReport) -> RunFile {
    let sum = |is_md5: bool| {
        let found = chunk.file_sums.iter().find(|output| matches!(output, Output::Md5(_)) == is_md5);
        found.map(Output::hex)
    };
    RunFile {
        name: chunk.file.clone(),
        chunk: Some(chunk.number),
        bytes: chunk.bytes,
        statement_sha256: chunk.statement.map(|sum| sum.to_string()),
        sha256: sum(false),
        md5: sum(true),
    }
}

fn check(check: &str, result: impl Into<String>) -> RunCheck {
    RunCheck { check: check.to_owned(), result: result.into() }
}

/// What packing has proven about the content.
fn content_checks(report: &PackReport) -> Vec<RunCheck> {
    let proven = match report.outcome {
        Outcome::Unchanged => "proven again in the files that an earlier run wrote",
        Outcome::Packed | Outcome::Planned => "proven while it was packed",
    };
    let chunks = count(report.chunks.len() as u64, "file", "files");
    let artifacts = report.artifacts.len() as u64;
    let artifacts = match report.failures.len() as u64 {
        0 => format!("{artifacts} found, and everything that they name"),
        failed => format!("{artifacts} found; {failed} FAILED"),
    };
    let mut omitted: Vec<String> = Vec::new();
    for reason in report.omitted.iter().map(|omitted| omitted.reason.word()) {
        if !omitted.iter().any(|known| known == reason) {
            omitted.push(reason.to_owned());
        }
    }
    let left_out = match report.omitted.len() as u64 {
        0 => "nothing".to_owned(),
        number => format!("{} ({})", count(number, "blob", "blobs"), omitted.join(", ")),
    };
    vec![
        check("artifacts", artifacts),
        check("left out", left_out),
        check("digest and size of each blob", format!("{} {proven}", count(report.blobs, "blob", "blobs"))),
        check("signature of each chunk", format!("{chunks} signed, each signature proven after it was made")),
    ]
}

/// Who signed the bundle. Adds what the trust file says to the checks.
fn signers(
    report: &PackReport,
    packer: &PublicKey,
    policy: Option<&TrustPolicy>,
    now: Timestamp,
    checks: &mut Vec<RunCheck>,
) -> Vec<RunSigner> {
    let named = |role: &str, accepted: &[Accepted]| -> Vec<RunSigner> {
        let signer = |by: &Accepted| RunSigner {
            role: role.to_owned(),
            holder: by.holder.clone(),
            key: by.key_id.to_string(),
        };
        accepted.iter().map(signer).collect()
    };
    let unnamed = |role: &str, key: String| RunSigner { role: role.to_owned(), holder: String::new(), key };
    let mut signers = vec![unnamed("packed", packer.id().to_string())];
    let Some(head) = &report.control else { return signers };
    let Some(policy) = policy else {
        // Somebody may have released what an earlier run wrote. Who they are is not known here.
        let ours = packer.id().short();
        let others = head.signatures.iter().map(|signature| ShortKeyId::from(signature.key));
        let others = others.filter(|key| *key != ours);
        signers.extend(others.map(|key| unnamed("signed", key.to_string())));
        checks.push(check("release", "not judged: no trust file names the holders"));
        return signers;
    };
    match accept(policy, head.clone(), now) {
        Err((_, reason)) => {
            checks.push(check("the trust file", format!("does NOT accept the bundle: {reason}")));
        }
        Ok(accepted) => {
            checks.push(check("the trust file", "accepts the packer"));
            let (releasers, threshold) = match release(policy, &[&accepted], now) {
                Ok(release) => (release.releasers().to_vec(), release.threshold()),
                Err(unreleased) => (unreleased.releasers, unreleased.threshold),
            };
            checks.push(check("release", format!("{} of {threshold} required", releasers.len())));
            signers = named("packed", accepted.packers());
            signers.extend(named("released", &releasers));
        }
    }
    signers
}
