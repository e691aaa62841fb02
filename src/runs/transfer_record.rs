//! What a security officer files about a transfer.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::files::{lines, read, record_path};
use super::{ChainEvent, RunRecord, RunStatus, RunsError};
use crate::format::Sum;
use crate::trust::PublicKey;

/// What a security officer files about a transfer: the record of the run, and what vouches for it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferRecord {
    /// The SHA-256 of the file of the record.
    pub record_sha256: String,
    /// The number of its line in the chain.
    pub chain_line: u64,
    /// When the line was signed.
    pub chain_time: String,
    /// The beginning of the id of the key that signed the line.
    pub chain_key: String,
    /// Whether the signature of the line is right.
    pub chain_signature: SignatureCheck,
    /// The record.
    pub run: RunRecord,
}

/// The result of checking a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureCheck {
    /// One of the given keys made it.
    Valid,
    /// None of the given keys made it.
    Wrong,
    /// No key was given.
    NotChecked,
}

impl SignatureCheck {
    /// Returns the words for people.
    pub const fn words(self) -> &'static str {
        match self {
            SignatureCheck::Valid => "valid",
            SignatureCheck::Wrong => "WRONG: none of the given keys made it",
            SignatureCheck::NotChecked => "not checked",
        }
    }
}

impl TransferRecord {
    /// Returns the transfer record of a run that ended. `keys` are those that may sign the chain; without any, the
    /// signature is not checked. Only the line of this run is checked, not the whole chain. Needs no lock.
    ///
    /// # Errors
    /// [`RunsError::StillRunning`], and [`RunsError::Damaged`] if the record is not the one that the chain names.
    pub fn of(folder: &Path, name: &str, keys: &[PublicKey]) -> Result<TransferRecord, RunsError> {
        let (run, bytes) = read(folder, name)?;
        if run.status == RunStatus::Running {
            return Err(RunsError::StillRunning { name: name.to_owned() });
        }
        let sum = Sum::of(&bytes).to_string();
        let line = lines(folder)?
            .into_iter()
            .find(|line| line.run == name && line.event == ChainEvent::Finished && line.record == sum)
            .ok_or_else(|| RunsError::Damaged {
                path: record_path(folder, name).display().to_string(),
                problem: "it is not the record that the chain names".to_owned(),
            })?;
        let chain_signature = match keys {
            [] => SignatureCheck::NotChecked,
            keys if keys.iter().any(|key| line.is_signed_by(key)) => SignatureCheck::Valid,
            _ => SignatureCheck::Wrong,
        };
        Ok(TransferRecord {
            record_sha256: sum,
            chain_line: line.seq,
            chain_time: line.time,
            chain_key: line.key,
            chain_signature,
            run,
        })
    }

    /// Returns what identifies the transfer, as names and values for people.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let run = &self.run;
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        let mut facts = vec![
            ("run", run.name.clone()),
            ("pipeline", format!("{} ({})", run.pipeline, run.pipeline_type.word())),
            ("status", run.status.word().to_owned()),
            ("started", run.start_time.clone()),
            ("finished", text(&run.finish_time)),
            ("source", run.source.uri.clone()),
            ("target", run.target.uri.clone()),
            ("bundle", text(&run.bundle_name)),
            ("bundle id", text(&run.catalog_digest)),
        ];
        if let Some(stream) = &run.stream {
            facts.push(("stream", stream.clone()));
        }
        if let Some(sequence) = run.sequence {
            facts.push(("sequence", sequence.to_string()));
        }
        if let Some(message) = &run.pipeline_run_error_message {
            facts.push(("message", message.clone()));
        }
        facts.extend([
            ("options", if run.options.is_empty() { "none".to_owned() } else { run.options.join(" ") }),
            (
                "trust file",
                run.policy_sha256.as_ref().map_or("none".to_owned(), |sum| format!("SHA-256 {sum}")),
            ),
            ("host", text(&run.host)),
            ("carnet", run.carnet_version.clone()),
            ("record", format!("SHA-256 {}", self.record_sha256)),
            ("chain", format!("line {}, {}, key {}", self.chain_line, self.chain_time, self.chain_key)),
            ("signature", self.chain_signature.words().to_owned()),
        ]);
        facts
    }

    /// Returns the rows of a table: the kind of thing, its name, a value, bytes, and sums.
    pub fn rows(&self) -> Vec<Vec<String>> {
        let row = |cells: [&str; 6]| cells.map(str::to_owned).to_vec();
        let mut rows = vec![row(["section", "name", "value", "bytes", "digest", "md5"])];
        rows.extend(self.facts().iter().map(|(name, value)| row(["run", name, value, "", "", ""])));
        for artifact in self.run.artifacts() {
            let digest = artifact.digest.as_deref().unwrap_or_default();
            let outcome = match &artifact.error {
                Some(error) => format!("{}: {error}", artifact.outcome),
                None => artifact.outcome.clone(),
            };
            rows.push(row(["artifact", &artifact.name, &outcome, "", digest, ""]));
        }
        for file in &self.run.files {
            let sha256 = file.sha256.as_ref().map(|sum| format!("sha256:{sum}")).unwrap_or_default();
            let md5 = file.md5.as_deref().unwrap_or_default();
            rows.push(row(["file", &file.name, "", &file.bytes.to_string(), &sha256, md5]));
        }
        for signer in &self.run.signers {
            rows.push(row(["signer", &signer.holder, &signer.role, "", &signer.key, ""]));
        }
        rows.extend(
            self.run.checks.iter().map(|check| row(["check", &check.check, &check.result, "", "", ""])),
        );
        let kept = self.run.files_kept.iter();
        rows.extend(kept.map(|(file, reason)| row(["file kept", file, reason, "", "", ""])));
        rows.extend(self.run.fields.iter().map(|(name, value)| row(["field", name, value, "", "", ""])));
        rows
    }
}
