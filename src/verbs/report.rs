//! Report types that several verbs share.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::arrival::{Bundle, Control, Finding, ReleaseFile, Standing, UnreadableFile};
use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis, count};
use crate::format::plan::{Artifact, BundleMark, Elsewhere, Origin, Plan, PlannedOmission};
use crate::format::statement::Crossing;
use crate::format::{BundleName, StreamName, Sum, Timestamp};
use crate::oci::graph::Reason;
use crate::oci::{Digest, MediaType, RefName};
use crate::trust::Accepted;

/// An artifact of the bundle.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ArtifactReport {
    /// The name of the artifact, as in its reference; absent if it has none.
    pub name: Option<RefName>,
    /// The digest of the artifact's manifest or index.
    pub digest: Digest,
    /// The media type of the manifest or index.
    pub media_type: MediaType,
}

impl ArtifactReport {
    /// Returns the artifacts of a plan.
    #[doc(hidden)]
    pub fn all(plan: &Plan) -> Vec<ArtifactReport> {
        let report = |artifact: &Artifact| ArtifactReport {
            name: artifact.name.clone(),
            digest: artifact.digest,
            media_type: artifact.media_type.clone(),
        };
        plan.artifacts.iter().map(report).collect()
    }
}

/// What every report says of a bundle whose contents are known.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct BundleReport {
    /// The id of the bundle.
    pub bundle: Sum,
    /// The name, stream, sequence and label of the bundle.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// Whether the control chunk has an accepted signature of a trusted packer.
    pub verified: bool,
    /// The holders and keys whose packer signatures were accepted.
    pub packed_by: Vec<SignerReport>,
    /// Whether enough releasers signed it; absent if no trust policy was given.
    pub released: Option<bool>,
    /// The holders and keys whose release signatures count.
    pub released_by: Vec<SignerReport>,
    /// When the control chunk was sealed.
    pub created: Timestamp,
    /// When the bundle expires; absent if it does not.
    pub expires: Option<Timestamp>,
}

impl BundleReport {
    /// Describes a bundle; `None` if its control chunk is not there, or is not good.
    #[doc(hidden)]
    pub fn of(bundle: &Bundle) -> Option<BundleReport> {
        let plan = &bundle.contents()?.plan;
        let good = bundle.good();
        let control = good.get(&0)?;
        let released_by = match &bundle.release {
            Some(Ok(release)) => SignerReport::all(release.releasers()),
            Some(Err(unreleased)) => SignerReport::all(&unreleased.releasers),
            None => Vec::new(),
        };
        Some(BundleReport {
            bundle: bundle.id,
            crossing: plan.crossing.clone(),
            verified: control.accepted.is_some(),
            packed_by: control.accepted.as_ref().map(|c| SignerReport::all(c.packers())).unwrap_or_default(),
            released: bundle.release.as_ref().map(Result::is_ok),
            released_by,
            created: control.statement.created,
            expires: control.statement.expires,
        })
    }
}

/// A manifest or blob that the artifacts reference but the bundle omits.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct OmissionReport {
    /// The digest of the omitted manifest or blob.
    pub digest: Digest,
    /// The media type in its descriptor.
    pub media_type: MediaType,
    /// The size in its descriptor, in bytes.
    pub size: u64,
    /// The reason for the omission.
    pub reason: Reason,
    /// The digest of the manifest or index that references it.
    pub parent: Digest,
    /// The platform in its descriptor, if any.
    pub platform: Option<String>,
}

impl OmissionReport {
    /// Returns the omissions of a plan.
    #[doc(hidden)]
    pub fn all(plan: &Plan) -> Vec<OmissionReport> {
        let report = |omitted: &PlannedOmission| OmissionReport {
            digest: omitted.digest,
            media_type: omitted.media_type.clone(),
            size: omitted.size,
            reason: omitted.reason,
            parent: omitted.parent,
            platform: omitted.platform.as_ref().map(ToString::to_string),
        };
        plan.omitted.iter().map(report).collect()
    }
}

/// An earlier bundle that carries what this one leaves out.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct LeftOutReport {
    /// The id of the earlier bundle.
    pub bundle: Sum,
    /// Its name.
    pub name: BundleName,
    /// Its stream; absent if it has none.
    pub stream: Option<StreamName>,
    /// Its number in the stream; absent if it has none.
    pub sequence: Option<u64>,
    /// How many blobs are left out because it carries them.
    pub blobs: u64,
    /// The total size of these blobs, in bytes.
    pub bytes: u64,
}

impl Diagnose for BaseMissing {
    fn diagnosis(&self) -> Diagnosis {
        Code::BaseMissing.with(self.advice.clone())
    }
}

impl LeftOutReport {
    /// Returns the earlier bundles that a plan names.
    #[doc(hidden)]
    pub fn all(plan: &Plan) -> Vec<LeftOutReport> {
        LeftOutReport::of(plan, plan.elsewhere.iter())
    }

    /// Returns the earlier bundles that carry these blobs, which are left out of the bundle with this plan.
    #[doc(hidden)]
    pub fn of<'a>(plan: &Plan, blobs: impl Iterator<Item = &'a Elsewhere>) -> Vec<LeftOutReport> {
        let mut sums: BTreeMap<Sum, (u64, u64)> = BTreeMap::new();
        for blob in blobs {
            let (count, bytes) = sums.entry(blob.base).or_default();
            *count += 1;
            // Nobody has checked what a plan says of the sizes.
            *bytes = bytes.saturating_add(blob.size);
        }
        let report = |base: &BundleMark| {
            let &(blobs, bytes) = sums.get(&base.bundle)?;
            let BundleMark { bundle, name, stream, sequence } = base.clone();
            Some(LeftOutReport { bundle, name, stream, sequence, blobs, bytes })
        };
        plan.bases.iter().filter_map(report).collect()
    }
}

/// A bundle that this one was made of.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct OriginReport {
    /// The id of the bundle.
    pub bundle: Sum,
    /// Its name.
    pub name: BundleName,
    /// Its stream; absent if it has none.
    pub stream: Option<StreamName>,
    /// Its number in the stream; absent if it has none.
    pub sequence: Option<u64>,
    /// When its control chunk was sealed.
    pub created: Timestamp,
    /// The beginnings of the ids of the keys that signed its control chunk, as it says. Nothing depends on them.
    pub signed_by: Vec<String>,
}

impl OriginReport {
    /// Returns the bundles that the bundle with this plan was made of.
    #[doc(hidden)]
    pub fn all(plan: &Plan) -> Vec<OriginReport> {
        let report = |origin: &Origin| {
            let BundleMark { bundle, name, stream, sequence } = origin.mark.clone();
            let signed_by = origin.signatures.iter().map(|signature| hex::encode(signature.key)).collect();
            OriginReport { bundle, name, stream, sequence, created: origin.statement.created, signed_by }
        };
        plan.origins.iter().map(report).collect()
    }
}

/// A target that lacks what a delta leaves out.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{to} lacks what the delta leaves out: {}", absent_text(absent))]
pub struct BaseMissing {
    /// The target.
    pub to: String,
    /// The earlier bundles that carry what is absent, with the number and size of the blobs that are.
    pub absent: Vec<LeftOutReport>,
    /// One of the blobs.
    pub first: Digest,
    /// What changes the next step.
    pub advice: Option<Advice>,
}

/// How many earlier bundles a message names.
const BASES_MAX: usize = 8;

fn absent_text(absent: &[LeftOutReport]) -> String {
    let more = absent.len().saturating_sub(BASES_MAX);
    let mut named: Vec<String> = absent.iter().take(BASES_MAX).map(base_text).collect();
    if more > 0 {
        named.push(format!("and what {} carried", count(more as u64, "other bundle", "other bundles")));
    }
    named.join("; ")
}

fn base_text(base: &LeftOutReport) -> String {
    let number = base.sequence.map(|number| format!(", number {number}")).unwrap_or_default();
    let stream = base.stream.as_ref().map(|stream| format!(", stream {stream}{number}")).unwrap_or_default();
    let blobs = count(base.blobs, "blob", "blobs");
    format!("{blobs} of {} bytes of bundle {} ({}{stream})", base.bytes, base.name, base.bundle)
}

/// A release that arrived as a file of its own.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ReleaseFileReport {
    /// The path of the file.
    pub file: String,
    /// How many signatures it has.
    pub signatures: usize,
    /// Why they do not count; absent if they do, or if no trust policy was given.
    pub problem: Option<Finding>,
}

impl ReleaseFileReport {
    /// Returns the release files of a bundle.
    #[doc(hidden)]
    pub fn all(bundle: &Bundle) -> Vec<ReleaseFileReport> {
        let report = |release: &ReleaseFile| ReleaseFileReport {
            file: release.file.name().to_owned(),
            signatures: release.head.signatures.len(),
            problem: release.problem.clone(),
        };
        bundle.releases.iter().map(report).collect()
    }
}

/// A holder and the key that signed.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct SignerReport {
    /// The holder of the key, as named in the trust policy.
    pub holder: String,
    /// The id of the key.
    pub key: String,
    /// The ids of further keys of the holder that signed, if the trust policy wants two signatures of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further_keys: Vec<String>,
}

impl SignerReport {
    /// Converts accepted signers to their report form.
    #[doc(hidden)]
    pub fn all(accepted: &[Accepted]) -> Vec<SignerReport> {
        let report = |a: &Accepted| SignerReport {
            holder: a.holder.clone(),
            key: a.key_id.to_string(),
            further_keys: a.further_keys.iter().map(ToString::to_string).collect(),
        };
        accepted.iter().map(report).collect()
    }
}

/// A bundle whose contents cannot be shown.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct UnknownBundle {
    /// The id of the bundle.
    pub bundle: Sum,
    /// The reason why its contents cannot be shown.
    pub problem: String,
    /// Whether the reason is that no trusted packer signed its control chunk.
    pub untrusted: bool,
    /// Whether the reason is that its control chunk arrived, but cannot be read.
    pub unreadable: bool,
}

impl UnknownBundle {
    /// Returns why the contents of this bundle cannot be shown.
    #[doc(hidden)]
    pub fn of(bundle: &Bundle) -> UnknownBundle {
        let control = || bundle.files.iter().filter(|opened| opened.statement.is_control());
        let refused = control().find_map(|opened| match &opened.standing {
            Standing::Untrusted(reason) => Some(reason.to_string()),
            _ => None,
        });
        let damaged = control().find_map(|opened| match &opened.standing {
            Standing::Damaged(finding) => Some(format!("{}: {finding}", opened.file.name())),
            _ => None,
        });
        let untrusted = refused.is_some() && damaged.is_none();
        if let Some(UnreadableFile { file, reason }) = bundle.unreadable_file(0) {
            let problem = format!("its control chunk cannot be read: {file}: {reason}");
            return UnknownBundle { bundle: bundle.id, problem, untrusted: false, unreadable: true };
        }
        let problem = match &bundle.control {
            Control::Broken(error) => error.to_string(),
            Control::Forked => "two control chunks differ".to_owned(),
            Control::Absent | Control::Read(_) => match (damaged, refused) {
                (Some(problem), _) => problem,
                (None, Some(reason)) => format!("its control chunk is not trusted: {reason}"),
                (None, None) => "its control chunk (NAME_00000.tar) is missing".to_owned(),
            },
        };
        UnknownBundle { bundle: bundle.id, problem, untrusted, unreadable: false }
    }
}
