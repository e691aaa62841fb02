//! The record of a run. Its names are those of Azure Container Registry Transfer where that has one.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RunJudgement;

/// The record of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    /// The name of the run. Names sort by the time at which the runs started.
    pub name: String,
    /// The name of the pipeline.
    pub pipeline: String,
    /// Whether the pipeline exports or imports.
    pub pipeline_type: PipelineType,
    /// The state of the run. It only moves forward.
    pub status: RunStatus,
    /// How far the run has come.
    pub progress: Progress,
    /// When the run started.
    pub start_time: String,
    /// When the run ended; absent while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_time: Option<String>,
    /// Where the artifacts or chunk files come from.
    pub source: Place,
    /// Where they go.
    pub target: Place,
    /// The id of the bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalog_digest: Option<String>,
    /// A digest of everything that would be packed, whatever the name of the bundle: two runs with the same one pack the
    /// same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_digest: Option<String>,
    /// The name of the bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle_name: Option<String>,
    /// The stream of the bundle, and its number in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The number of the bundle in its stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// What became of each artifact that was exported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exported_artifacts: Vec<ArtifactOutcome>,
    /// What became of each artifact that was imported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imported_artifacts: Vec<ArtifactOutcome>,
    /// What started the run, unless it was started by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// The options of the pipeline.
    #[serde(default)]
    pub options: Vec<String>,
    /// Whether the run was to do the same again.
    #[serde(default)]
    pub force_update_tag: bool,
    /// Why the run failed or did nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_run_error_message: Option<String>,
    /// The code of that error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// The size of the chunk files, in bytes.
    #[serde(default)]
    pub bytes: u64,
    /// The chunk files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<RunFile>,
    /// The source files of the bundle that stayed, each with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files_kept: BTreeMap<String, String>,
    /// By what access the object store of the chunk files was used, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_access: Option<String>,
    /// Fields that the operator gave.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// Who packed and released the bundle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<RunSigner>,
    /// The SHA-256 of the trust file that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_sha256: Option<String>,
    /// What a policy said of the content, if the pipeline has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<RunJudgement>,
    /// What was checked, and with what result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<RunCheck>,
    /// The name of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The version of carnet.
    pub carnet_version: String,
    /// The digest of the line of the chain before this run's, once the run has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

/// Whether a pipeline exports or imports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PipelineType {
    /// It packs artifacts and writes chunk files.
    Export,
    /// It imports bundles into a registry.
    Import,
}

impl PipelineType {
    /// Returns the word in records.
    pub const fn word(self) -> &'static str {
        match self {
            PipelineType::Export => "export",
            PipelineType::Import => "import",
        }
    }
}

/// The state of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum RunStatus {
    /// It runs.
    Running,
    /// It did everything.
    Succeeded,
    /// It did not do everything.
    Failed,
    /// There was nothing to do.
    Skipped,
    /// It was found dead when the station started again.
    Interrupted,
}

impl RunStatus {
    /// Returns the word in records.
    pub const fn word(self) -> &'static str {
        match self {
            RunStatus::Running => "Running",
            RunStatus::Succeeded => "Succeeded",
            RunStatus::Failed => "Failed",
            RunStatus::Skipped => "Skipped",
            RunStatus::Interrupted => "Interrupted",
        }
    }
}

/// How far a run has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// A whole number from `0` to `100`.
    pub percentage: String,
}

/// A source or target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The kind of place: `Registry`, `Folder`, `S3Bucket` or `AzureStorageBlobContainer`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The place, without secrets.
    pub uri: String,
}

/// What became of an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArtifactOutcome {
    /// The name of the artifact, or its digest if it has none.
    pub name: String,
    /// The digest of its manifest or index, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The digest of its subject, if it is a referrer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What became of it, e.g. `created`, `unchanged` or `failed`.
    pub outcome: String,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What started a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trigger {
    /// The arrival of chunk files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_trigger: Option<SourceTrigger>,
    /// The schedule of the pipeline, e.g. `1h`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
}

/// The arrival that started a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceTrigger {
    /// When the bundle was found to be complete.
    pub timestamp: String,
}

/// A signature on a bundle that counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunSigner {
    /// What the signature says: `packed` or `released`.
    pub role: String,
    /// The holder of the key, as the trust file names them; empty if no trust file is used.
    pub holder: String,
    /// The id of the key.
    pub key: String,
}

/// A check, and its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunCheck {
    /// What was checked.
    pub check: String,
    /// The result.
    pub result: String,
}

/// A chunk file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunFile {
    /// The name or path of the file.
    pub name: String,
    /// The number of the chunk; 0 for the control chunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk: Option<u32>,
    /// The size in bytes.
    pub bytes: u64,
    /// The SHA-256 of the signed statement in the chunk. The statement names the sum of everything else in the chunk, so
    /// two files with the same statement have the same content, whatever signatures were added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement_sha256: Option<String>,
    /// The SHA-256 sum of the whole file, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The MD5 sum of the whole file, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
}

impl RunRecord {
    /// Returns the record of a run that begins. The ledger sets its name, its times and its state.
    pub fn new(pipeline: &str, pipeline_type: PipelineType, source: Place, target: Place) -> RunRecord {
        RunRecord {
            name: String::new(),
            pipeline: pipeline.to_owned(),
            pipeline_type,
            status: RunStatus::Running,
            progress: Progress::default(),
            start_time: String::new(),
            finish_time: None,
            source,
            target,
            catalog_digest: None,
            content_digest: None,
            bundle_name: None,
            stream: None,
            sequence: None,
            exported_artifacts: Vec::new(),
            imported_artifacts: Vec::new(),
            trigger: None,
            options: Vec::new(),
            force_update_tag: false,
            pipeline_run_error_message: None,
            error_code: None,
            bytes: 0,
            files: Vec::new(),
            files_kept: BTreeMap::new(),
            store_access: None,
            fields: BTreeMap::new(),
            signers: Vec::new(),
            policy_sha256: None,
            judgement: None,
            checks: Vec::new(),
            host: None,
            carnet_version: env!("CARGO_PKG_VERSION").to_owned(),
            previous: None,
        }
    }

    /// The artifacts that were exported or imported.
    pub fn artifacts(&self) -> impl Iterator<Item = &ArtifactOutcome> {
        self.exported_artifacts.iter().chain(&self.imported_artifacts)
    }

    /// Returns the bytes that are written for the record.
    pub(super) fn render(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a record serialises");
        bytes.push(b'\n');
        bytes
    }
}
