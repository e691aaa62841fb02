//! The report of an import that finished or stopped early.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::ImportError;
use crate::diagnosis::{Advice, Code, Diagnose as _, Diagnosis};
use crate::format::Sum;
use crate::format::statement::Crossing;
use crate::logbook::StreamReport;
use crate::oci::{Digest, MediaType, RefName};
use crate::verbs::report::{LeftOutReport, OmissionReport, SignerReport};

/// The report of an import.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ImportReport {
    /// The id of the bundle.
    pub bundle: Sum,
    /// The name, stream, sequence and label of the bundle.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// The verdict on the bundle in its stream; absent if nothing is remembered, or it has no stream.
    pub in_stream: Option<StreamReport>,
    /// The destination: the registry host, and the repository prefix if one was given.
    pub to: String,
    /// Whether this was a dry run: nothing was pushed, and the report says what would be.
    pub dry_run: bool,
    /// The holders and keys that released the bundle.
    pub released_by: Vec<SignerReport>,
    /// The result for each artifact.
    pub artifacts: Vec<DeliveryReport>,
    /// The result for each signature, SBOM or other referrer, in each repository.
    pub referrers: Vec<DeliveryReport>,
    /// Numbers and sizes of the blob transfers.
    pub blobs: Traffic,
    /// Numbers and sizes of the transfers of manifests and indexes.
    pub manifests: Traffic,
    /// Whether the referrers in the bundle were left out on request.
    pub referrers_left_out: bool,
    /// The referrers lists that were written, each as host, repository and tag. They are needed where the registry
    /// lacks the referrers API.
    pub referrer_lists: Vec<String>,
    /// The manifests that were removed from these lists, because the registry no longer has them.
    pub removed_from_lists: Vec<RemovedReferrer>,
    /// Manifests and blobs that the artifacts reference but the bundle omits.
    pub omitted: Vec<OmissionReport>,
    /// The earlier bundles that carry what this one leaves out; none unless it is a delta.
    pub left_out: Vec<LeftOutReport>,
    /// The error that stopped the import early, if one did.
    pub ended_by: Option<Problem>,
}

impl ImportReport {
    /// Returns how many artifacts and referrers failed.
    pub fn failed(&self) -> usize {
        let all = self.artifacts.iter().chain(&self.referrers);
        all.filter(|delivery| delivery.outcome == Outcome::Failed).count()
    }

    /// Returns whether something failed because the registry lacks what a delta leaves out.
    pub fn lacks_base(&self) -> bool {
        let mut errors = self.artifacts.iter().chain(&self.referrers).filter_map(|one| one.error.as_ref());
        errors.any(|problem| problem.code == Code::BaseMissing)
    }

    /// Returns whether something is under a tag now that was not before, even if the rest failed.
    pub fn has_brought(&self) -> bool {
        let mut all = self.artifacts.iter().chain(&self.referrers);
        all.any(|one| matches!(one.outcome, Outcome::Created | Outcome::Replaced))
    }

    /// Sets the hint of every problem; `words` phrases it for the program.
    #[doc(hidden)]
    pub fn add_hints(&mut self, words: &dyn Fn(&Diagnosis) -> String) {
        let all = self.artifacts.iter_mut().chain(&mut self.referrers);
        let problems = all.filter_map(|delivery| delivery.error.as_mut()).chain(&mut self.ended_by);
        for problem in problems {
            let diagnosis = Diagnosis { code: problem.code, advice: problem.advice.clone() };
            problem.hint = Some(words(&diagnosis));
        }
    }
}

/// The report of one of several pieces of an import.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ImportedPiece {
    /// The id of the bundle.
    pub bundle: Sum,
    /// The name, stream, sequence and label of the bundle.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// The destination: the registry host, and the repository prefix if one was given.
    pub to: String,
    /// The number of the piece, from 0.
    pub piece: u32,
    /// The number of pieces.
    pub pieces: u32,
    /// The numbers of the chunks of the piece; none if the bundle has fewer pieces than were asked for.
    pub chunks: BTreeSet<u32>,
    /// Numbers and sizes of the blob transfers.
    pub blobs: Traffic,
    /// What failed, if the import goes on after failures.
    pub failures: Vec<Problem>,
}

/// A manifest that was removed from a referrers list, because the registry no longer has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct RemovedReferrer {
    /// The list: host, repository and tag.
    pub list: String,
    /// The digest of the manifest.
    pub digest: Digest,
}

/// The result for an artifact or referrer in one repository.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DeliveryReport {
    /// The name of the artifact in the bundle; absent if it has none.
    pub name: Option<RefName>,
    /// The digest of its subject, if it is a referrer.
    pub subject: Option<Digest>,
    /// The repository in the registry, without the host.
    pub repository: String,
    /// The tag in that repository, if it gets one.
    pub tag: Option<String>,
    /// The digest of the manifest or index.
    pub digest: Digest,
    /// The media type of the manifest or index.
    pub media_type: MediaType,
    /// The result for this artifact or referrer.
    pub outcome: Outcome,
    /// The digest that the tag pointed at before, if it differs.
    pub previous: Option<Digest>,
    /// The backup tag that keeps the previous digest, if any.
    pub backup: Option<String>,
    /// The error, if the delivery failed.
    pub error: Option<Problem>,
}

/// The result for an artifact or referrer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The tag was created.
    Created,
    /// The tag pointed at another digest and was moved.
    Replaced,
    /// The tag already pointed at this digest.
    Unchanged,
    /// Pushed without a tag; available by digest.
    PushedByDigest,
    /// A referrers list under a tag: the referrers in it were pushed, and the registry lists them itself.
    Listed,
    /// Not pushed, or not tagged, because of an error.
    Failed,
    /// Not processed, because the import stopped early.
    Pending,
}

impl Outcome {
    /// Returns the word that reports show.
    pub const fn word(self) -> &'static str {
        match self {
            Outcome::Created => "created",
            Outcome::Replaced => "replaced",
            Outcome::Unchanged => "unchanged",
            Outcome::PushedByDigest => "by digest",
            Outcome::Listed => "listed",
            Outcome::Failed => "FAILED",
            Outcome::Pending => "pending",
        }
    }
}

/// Numbers and sizes of transfers; in a dry run, of those that would be made. Each blob counts once per repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Traffic {
    /// How many were sent from the chunk files.
    pub sent: u64,
    /// Size of those sent, in bytes.
    pub sent_bytes: u64,
    /// How many were mounted from another repository of the registry.
    pub mounted: u64,
    /// Size of those mounted, in bytes.
    pub mounted_bytes: u64,
    /// How many the registry already had.
    pub present: u64,
    /// Size of those already present, in bytes.
    pub present_bytes: u64,
}

/// An error, as reports show it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Problem {
    /// The stable error code.
    #[schemars(with = "String")]
    pub code: Code,
    /// The error message, without the code.
    pub message: String,
    /// A hint on what to do next, if there is one.
    pub hint: Option<String>,
    /// Details for the hint that the code does not imply.
    #[serde(skip)]
    pub advice: Option<Advice>,
}

impl Problem {
    /// Returns the problem that a failed referrer causes for its subject.
    pub(super) fn of_referrer(self, referrer: &Digest) -> Problem {
        let message = format!("its referrer {referrer} failed: {}", self.message);
        Problem { message, ..self }
    }
}

impl From<&ImportError> for Problem {
    fn from(error: &ImportError) -> Self {
        let Diagnosis { code, advice } = error.diagnosis();
        Problem { code, message: error.to_string(), hint: None, advice }
    }
}
