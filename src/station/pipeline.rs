//! Pipelines, as the station file describes them.

use std::path::PathBuf;

use super::InboxLimits;
use crate::artifacts::{RegistryDestination, SourceSpec};
use crate::format::chunk_size::ChunkSize;
use crate::format::{BundleName, Profile, StreamName, Timestamp};
use crate::gate::RuleFiles;
use crate::import::RenameRule;
use crate::medium::{Category, ChunkPlace};
use crate::storage::Encryption;
use crate::sums::SumFunction;
use crate::trust::KeyRequest;

/// An option of a pipeline, with the name that Azure Container Registry Transfer gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PipelineOption {
    /// Export: existing chunk files of the same name are replaced.
    OverwriteBlobs,
    /// Import: tags that point at something else are moved.
    OverwriteTags,
    /// Import: the chunk files are deleted when everything in them was imported.
    DeleteSourceBlobOnSuccess,
    /// If an artifact fails, the others go on.
    ContinueOnErrors,
}

impl PipelineOption {
    /// The options of an export pipeline.
    pub const EXPORT: &'static [PipelineOption] =
        &[PipelineOption::OverwriteBlobs, PipelineOption::ContinueOnErrors];

    /// The options of an import pipeline. `OverwriteBlobs` means nothing there, and is accepted.
    pub const IMPORT: &'static [PipelineOption] = &[
        PipelineOption::OverwriteTags,
        PipelineOption::DeleteSourceBlobOnSuccess,
        PipelineOption::ContinueOnErrors,
    ];

    /// Returns the name in files and records.
    pub const fn word(self) -> &'static str {
        match self {
            PipelineOption::OverwriteBlobs => "OverwriteBlobs",
            PipelineOption::OverwriteTags => "OverwriteTags",
            PipelineOption::DeleteSourceBlobOnSuccess => "DeleteSourceBlobOnSuccess",
            PipelineOption::ContinueOnErrors => "ContinueOnErrors",
        }
    }
}

/// An export pipeline: packs artifacts into a place for chunk files.
#[derive(Clone, Debug)]
pub struct ExportPipeline {
    /// The name of the pipeline.
    pub name: String,
    /// What is packed.
    pub artifacts: Vec<SourceSpec>,
    /// Where the chunk files go.
    pub to: ChunkPlace,
    /// The options.
    pub options: Vec<PipelineOption>,
    /// The maximum size of a chunk file.
    pub chunk_size: ChunkSize,
    /// The profile that the bundles keep, if any.
    pub profile: Option<Profile>,
    /// The stream of the bundles. Their numbers in it follow each other.
    pub stream: Option<StreamName>,
    /// The beginning of the names of bundles, to which the number of the run is added.
    pub bundle_name: BundleName,
    /// The key that signs the bundles.
    pub key: KeyRequest,
    /// After how many seconds the bundles expire.
    pub expires: Option<u64>,
    /// How many seconds pass between the starts of two runs; absent if runs start by hand only.
    pub schedule: Option<u64>,
    /// The fields that must be given when a run is started.
    pub required_fields: Vec<String>,
    /// The trust file that names the holders of keys in the records.
    pub trust: Option<PathBuf>,
    /// The `category` in the metadata of chunks in an object store.
    pub category: Category,
    /// The policies that content must pass before it is packed, and what they need.
    pub rules: RuleFiles,
    /// How S3 encrypts new objects; as the bucket says if absent.
    pub encryption: Option<Encryption>,
    /// A command whose output is the secret of the object store.
    pub secret_command: Option<Vec<String>>,
}

/// An import pipeline: imports the bundles that arrive in a place.
#[derive(Clone, Debug)]
pub struct ImportPipeline {
    /// The name of the pipeline.
    pub name: String,
    /// Where chunk files arrive.
    pub from: ChunkPlace,
    /// The registry.
    pub to: RegistryDestination,
    /// The trust file.
    pub trust: PathBuf,
    /// The options.
    pub options: Vec<PipelineOption>,
    /// Whether arriving bundles start runs.
    pub trigger: bool,
    /// How many seconds pass between two looks into the place.
    pub poll: u64,
    /// Files that were last modified more than this many seconds ago are passed over.
    pub max_age: Option<u64>,
    /// How many files of the place are taken up at most.
    pub max_files: Option<u64>,
    /// How many bytes the files that are taken up have at most.
    pub max_bytes: Option<u64>,
    /// After how many seconds an unfinished bundle is told.
    pub remind_after: Option<u64>,
    /// The policies that content must pass before it is imported, and what they need.
    pub rules: RuleFiles,
    /// Whether bundles are imported that are older than what was imported of their stream.
    pub allow_rollback: bool,
    /// How artifacts are renamed.
    pub rename: Vec<RenameRule>,
    /// The fields that must be given when a run is started.
    pub required_fields: Vec<String>,
    /// The sums of whole files in the records; SHA-256 of those in folders if absent.
    pub file_sums: Option<Vec<SumFunction>>,
    /// A command whose output is the secret of the object store.
    pub secret_command: Option<Vec<String>>,
}

impl ExportPipeline {
    /// Whether an option is set.
    pub fn has(&self, option: PipelineOption) -> bool {
        self.options.contains(&option)
    }
}

impl ImportPipeline {
    /// What of the place is taken up at a time.
    pub fn limits(&self, now: Timestamp) -> InboxLimits {
        let oldest = self.max_age.and_then(|age| now.seconds_before(age));
        InboxLimits { oldest, files: self.max_files, bytes: self.max_bytes }
    }

    /// Whether an option is set.
    pub fn has(&self, option: PipelineOption) -> bool {
        self.options.contains(&option)
    }
}
