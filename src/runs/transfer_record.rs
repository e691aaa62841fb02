//! What a security officer files about a transfer.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::files::{lines, read, record_path};
use super::people::{is_person, people};
use super::{ChainEvent, Person, RunRecord, RunStatus, RunsError};
use crate::format::Sum;
use crate::trust::PublicKey;

/// What a security officer files about a transfer: what was done, what vouches for it, and who signs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferRecord {
    /// What vouches for the record of a run of a station; absent for work by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainProof>,
    /// The two people who sign it.
    pub people: [Person; 2],
    /// What was done.
    pub run: RunRecord,
}

/// The line of the chain that vouches for the record of a run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChainProof {
    /// The SHA-256 of the file of the record.
    pub record_sha256: String,
    /// The number of its line in the chain.
    pub line: u64,
    /// When the line was signed.
    pub time: String,
    /// The beginning of the id of the key that signed the line.
    pub key: String,
    /// Whether the signature of the line is right.
    pub signature: SignatureCheck,
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
        let signature = match keys {
            [] => SignatureCheck::NotChecked,
            keys if keys.iter().any(|key| line.is_signed_by(key)) => SignatureCheck::Valid,
            _ => SignatureCheck::Wrong,
        };
        let chain =
            ChainProof { record_sha256: sum, line: line.seq, time: line.time, key: line.key, signature };
        Ok(TransferRecord { chain: Some(chain), people: people(&run.fields), run })
    }

    /// Returns the transfer record of work that was done by hand. Nothing but the two people vouches for it.
    pub fn by_hand(run: RunRecord) -> TransferRecord {
        TransferRecord { chain: None, people: people(&run.fields), run }
    }

    /// The fields that the operator gave, without the names of the two people.
    pub fn fields(&self) -> impl Iterator<Item = (&String, &String)> {
        self.run.fields.iter().filter(|(name, _)| !is_person(name))
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
        ]);
        match &self.chain {
            Some(ChainProof { record_sha256, line, time, key, signature }) => facts.extend([
                ("record", format!("SHA-256 {record_sha256}")),
                ("chain", format!("line {line}, {time}, key {key}")),
                ("signature", signature.words().to_owned()),
            ]),
            None => facts.push(("chain", "none: this was done by hand, without a station".to_owned())),
        }
        facts
    }

    /// Returns the rows of a table: the kind of thing, its name, a value, bytes, and sums. The rows of the people have
    /// cells to fill in.
    pub fn rows(&self) -> Vec<Vec<String>> {
        let row = |cells: [&str; 6]| -> Vec<String> {
            cells.iter().chain(&[""]).map(|cell| (*cell).to_owned()).collect()
        };
        let header = ["section", "name", "value", "bytes", "digest", "md5", "statement"];
        let mut rows: Vec<Vec<String>> = vec![header.map(str::to_owned).to_vec()];
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
            let number = file.chunk.map(|number| format!("chunk {number}")).unwrap_or_default();
            let statement = file.statement_sha256.as_ref().map(|sum| format!("sha256:{sum}"));
            let mut cells = row(["file", &file.name, &number, &file.bytes.to_string(), &sha256, md5]);
            cells[6] = statement.unwrap_or_default();
            rows.push(cells);
        }
        for signer in &self.run.signers {
            rows.push(row(["signer", &signer.holder, &signer.role, "", &signer.key, ""]));
        }
        rows.extend(
            self.run.checks.iter().map(|check| row(["check", &check.check, &check.result, "", "", ""])),
        );
        if let Some(judgement) = &self.run.judgement {
            for file in &judgement.files {
                rows.push(row(["policy file", &file.name, "", "", &format!("sha256:{}", file.sha256), ""]));
            }
            for denial in &judgement.denials {
                rows.push(row([
                    "denied",
                    &denial.rule,
                    &format!("{}: {}", denial.place, denial.text),
                    "",
                    "",
                    "",
                ]));
            }
        }
        let kept = self.run.files_kept.iter();
        rows.extend(kept.map(|(file, reason)| row(["file kept", file, reason, "", "", ""])));
        rows.extend(self.fields().map(|(name, value)| row(["field", name, value, "", "", ""])));
        for Person { role, name } in &self.people {
            let name = name.as_deref().unwrap_or_default();
            for (line, value) in [("name", name), ("date", ""), ("signature", "")] {
                rows.push(row(["person", &format!("{role}: {line}"), value, "", "", ""]));
            }
        }
        rows
    }
}
