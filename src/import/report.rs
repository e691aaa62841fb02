//! What an import says when it is done, or had to stop.

use schemars::JsonSchema;
use serde::Serialize;

use super::ImportError;
use crate::diagnosis::{Advice, Code, Diagnose as _, Diagnosis};
use crate::format::Sum;
use crate::format::statement::Crossing;
use crate::oci::{Digest, MediaType, RefName};
use crate::report::{OmissionReport, SignerReport};

/// What importing says.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ImportReport {
    /// The bundle's id.
    pub bundle: Sum,
    /// Name, stream, sequence and label.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// Where everything went.
    pub to: String,
    /// Whether nothing was pushed: the rest says what would be.
    pub dry_run: bool,
    /// Who released it.
    pub released_by: Vec<SignerReport>,
    /// The artifacts.
    pub artifacts: Vec<DeliveryReport>,
    /// The signatures, SBOMs and others that refer to them, in each repository.
    pub referrers: Vec<DeliveryReport>,
    /// Blobs.
    pub blobs: Traffic,
    /// Manifests and indexes.
    pub manifests: Traffic,
    /// Tags that list what refers to a manifest, where the registry does not itself: those that were written.
    pub referrer_lists: Vec<String>,
    /// What the bundle does not carry although it is reachable.
    pub omitted: Vec<OmissionReport>,
    /// What ended the work early.
    pub ended_by: Option<Problem>,
}

impl ImportReport {
    /// How many artifacts and referrers failed.
    pub fn failed(&self) -> usize {
        let all = self.artifacts.iter().chain(&self.referrers);
        all.filter(|delivery| delivery.outcome == Outcome::Failed).count()
    }

    /// Gives every problem its hint, in the words of the program.
    pub fn add_hints(&mut self, words: &dyn Fn(&Diagnosis) -> String) {
        let all = self.artifacts.iter_mut().chain(&mut self.referrers);
        let problems = all.filter_map(|delivery| delivery.error.as_mut()).chain(&mut self.ended_by);
        for problem in problems {
            let diagnosis = Diagnosis { code: problem.code, advice: problem.advice.clone() };
            problem.hint = Some(words(&diagnosis));
        }
    }
}

/// What became of an artifact or a referrer in a repository.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DeliveryReport {
    /// Its name in the bundle.
    pub name: Option<RefName>,
    /// What it refers to.
    pub subject: Option<Digest>,
    /// Its repository in the registry.
    pub repository: String,
    /// Its tag there.
    pub tag: Option<String>,
    /// The digest of its manifest or index.
    pub digest: Digest,
    /// The type of that.
    pub media_type: MediaType,
    /// What became of it.
    pub outcome: Outcome,
    /// What the tag pointed at before, if at something else.
    pub previous: Option<Digest>,
    /// The tag that keeps it.
    pub backup: Option<String>,
    /// Why it failed.
    pub error: Option<Problem>,
}

/// What became of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Its tag is new.
    Created,
    /// Its tag pointed at something else.
    Replaced,
    /// Its tag pointed at it already.
    Unchanged,
    /// It can be had by its digest: it has no tag.
    PushedByDigest,
    /// A list of referrers under a tag: what it lists was pushed, the registry's own list tells of it.
    Listed,
    /// It is not there.
    Failed,
    /// The work ended before its turn came.
    Pending,
}

impl Outcome {
    /// The word of reports.
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

/// How much went which way; in a dry run, would go. Each blob counts once for each repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Traffic {
    /// Sent from the chunk files.
    pub sent: u64,
    /// Bytes of that.
    pub sent_bytes: u64,
    /// Taken over from another repository of the registry.
    pub mounted: u64,
    /// Bytes of that.
    pub mounted_bytes: u64,
    /// There already.
    pub present: u64,
    /// Bytes of that.
    pub present_bytes: u64,
}

/// Why something failed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Problem {
    /// A stable word.
    #[schemars(with = "String")]
    pub code: Code,
    /// A sentence.
    pub message: String,
    /// The next step.
    pub hint: Option<String>,
    /// What beside the code decides the next step.
    #[serde(skip)]
    pub advice: Option<Advice>,
}

impl Problem {
    /// The problem of what this referrer refers to.
    pub(super) fn of_referrer(self, referrer: &Digest) -> Problem {
        let message = format!("{referrer} refers to it, and failed: {}", self.message);
        Problem { message, ..self }
    }
}

impl From<&ImportError> for Problem {
    fn from(error: &ImportError) -> Self {
        let Diagnosis { code, advice } = error.diagnosis();
        Problem { code, message: error.to_string(), hint: None, advice }
    }
}
