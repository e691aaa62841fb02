//! Holds what a pipeline would move against its policies.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use crate::audit::{Denial, Judgement, NamedSum};
use crate::diagnosis::{Code, Diagnose, Diagnosis, count};
use crate::environment::Environment;
use crate::format::Sum;
use crate::gate::{GateError, Moving, RuleFileError, RuleFiles, Rules, judged};
use crate::runs::{
    Ledger, REASONS_MAX, RunCheck, RunDenial, RunJudgement, RunRecord, RunRuleFile, RunStatus, RunsError,
};

/// How many of the last runs are asked which bundles were denied.
const RUNS_READ: usize = 200;

/// Longest text in a record, in characters.
const TEXT_CHARS_MAX: usize = 500;

/// What content must be to move: read once for a run.
pub(super) struct Policy {
    rules: Rules,
    stamp: String,
}

/// Why content may not move.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// A file of rules cannot be used.
    #[error(transparent)]
    Rules(#[from] RuleFileError),
    /// There is no judgement.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// A policy denies it: the rules that were broken, in words.
    #[error("{0}")]
    Denied(String),
}

impl Diagnose for Refused {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Refused::Rules(error) => error.diagnosis(),
            Refused::Gate(error) => error.diagnosis(),
            Refused::Denied(_) => Code::DeniedByPolicy.into(),
        }
    }
}

impl Policy {
    /// Reads the files, if there is a policy.
    ///
    /// # Errors
    /// [`Refused`] with the first file that cannot be used.
    pub(super) fn read(files: &RuleFiles) -> Result<Option<Policy>, Refused> {
        if !files.is_asked() {
            return Ok(None);
        }
        // If a file changes now, the stamp is an old one, and the content is judged once more than it must be.
        let stamp = files.stamp().to_string();
        Ok(Some(Policy { rules: files.read()?, stamp }))
    }

    /// A sum that changes when one of the files does.
    pub(super) fn stamp(&self) -> &str {
        &self.stamp
    }

    /// Judges what would move.
    ///
    /// # Errors
    /// [`Refused`] if the audit reached no result, or if the content is damaged.
    pub(super) fn judge(
        &self,
        moving: &Moving<'_>,
        environment: &Environment<'_>,
    ) -> Result<RunJudgement, Refused> {
        let judgement = judged(&self.rules, moving, environment)?;
        Ok(self.recorded(judgement.as_ref()))
    }

    fn recorded(&self, judgement: Option<&Judgement>) -> RunJudgement {
        let denials = judgement.map_or(&[][..], |judgement| &judgement.denials);
        let policies = self.rules.policies.iter().map(|policy| &policy.file);
        let files = policies.chain(self.rules.ignores.iter().map(|ignores| &ignores.file));
        let file = |file: &NamedSum| RunRuleFile { name: file.name.clone(), sha256: file.sha256.to_string() };
        let denial = |denial: &Denial| RunDenial {
            rule: short(&denial.rule),
            place: short(&denial.place),
            text: short(&denial.text),
        };
        RunJudgement {
            allowed: judgement.is_some_and(|judgement| judgement.allowed),
            files: files.map(file).collect(),
            stamp: self.stamp.clone(),
            reasons: denials.len() as u64,
            denials: denials.iter().take(REASONS_MAX).map(denial).collect(),
        }
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Writes into a record what the policy says.
pub(super) fn note(record: &mut RunRecord, judgement: &RunJudgement) {
    let result = if judgement.allowed {
        "the content was audited and allowed".to_owned()
    } else {
        format!("the content was audited and denied for {}", count(judgement.reasons, "reason", "reasons"))
    };
    let check =
        |file: &RunRuleFile| RunCheck { check: format!("policy {}", file.name), result: result.clone() };
    record.checks.extend(judgement.files.first().map(check));
    record.judgement = Some(judgement.clone());
}

/// What is said of a denial: the rules that were broken.
pub(super) fn denied(judgement: &RunJudgement) -> Refused {
    let mut by_rule: BTreeMap<&str, u64> = BTreeMap::new();
    for denial in &judgement.denials {
        *by_rule.entry(&denial.rule).or_default() += 1;
    }
    let rules: Vec<String> = by_rule.iter().map(|(rule, number)| format!("{rule} ({number})")).collect();
    let mut message = format!(
        "the policy objects: {}: {}",
        count(judgement.reasons, "reason", "reasons"),
        rules.join(", ")
    );
    if judgement.reasons > judgement.denials.len() as u64 {
        message += " among the first";
    }
    if let Some(first) = judgement.denials.first() {
        message += &format!("; the first: {}: {} ({})", first.rule, first.text, first.place);
    }
    Refused::Denied(message)
}

/// What a record says of a denial by the same files of rules.
pub(super) fn denied_before<'a>(record: &'a RunRecord, stamp: &str) -> Option<&'a RunJudgement> {
    let judgement = record.judgement.as_ref()?;
    let is_denied = record.status == RunStatus::Failed && !judgement.allowed;
    (is_denied && judgement.stamp == stamp).then_some(judgement)
}

/// Returns the bundles that a pipeline denied by these files of rules when it last tried them, each with what the run said.
///
/// # Errors
/// If the `ledger` cannot be read.
pub(super) fn bundles_denied_before(
    ledger: &Path,
    pipeline: &str,
    stamp: Option<&str>,
) -> Result<HashMap<Sum, String>, RunsError> {
    let Some(stamp) = stamp else { return Ok(HashMap::new()) };
    let is_ours = |record: &RunRecord| record.pipeline == pipeline && record.catalog_digest.is_some();
    let (mut seen, mut denied) = (HashSet::new(), HashMap::new());
    for record in &Ledger::newest(ledger, RUNS_READ, &is_ours)? {
        let Some(bundle) = record.catalog_digest.as_ref().and_then(|id| id.parse::<Sum>().ok()) else {
            continue;
        };
        if seen.insert(bundle) && denied_before(record, stamp).is_some() {
            denied.insert(bundle, record.pipeline_run_error_message.clone().unwrap_or_default());
        }
    }
    Ok(denied)
}
