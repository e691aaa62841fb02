//! What verifying says: a verdict per file and per bundle.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Damage, is_intact};
use crate::arrival::{Bundle, Control, Finding, NotAChunk, Opened, Standing};
use crate::diagnosis::Failure;
use crate::format::Sum;
use crate::format::statement::{Class, Crossing, Kind};
use crate::trust::Refused;
use crate::verbs::report::{OmissionReport, SignerReport};

/// What is said of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChunkVerdict {
    /// Signed by a trusted packer, every byte as signed.
    Accepted,
    /// Every byte as its statement says; nobody was asked whether to trust that.
    Intact,
    /// Bytes differ from what was signed.
    Damaged,
    /// Not signed by anyone trusted for this.
    Untrusted,
    /// Validly signed, but not what the control chunk names under this number.
    Forked,
    /// Accepted, or intact by its length; of a kind that this version passes over.
    #[serde(rename = "passed-over")]
    PassedOver,
    /// No chunk at all.
    Unreadable,
}

/// What is said of a bundle; the order is that of gravity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BundleVerdict {
    /// Everything is there, accepted and released.
    Complete,
    /// Everything is there and intact; nobody was asked whether to trust it.
    Unverified,
    /// Its manifests point at what is neither carried nor said to be left out: the packer lies or erred.
    Unsound,
    /// Chunks are missing or damaged.
    Incomplete,
    /// Too few people released it.
    Unreleased,
    /// Chunks of it are not signed by anyone trusted, and the rest is not complete.
    Untrusted,
    /// Two different chunks were validly signed under one number.
    Forked,
}

/// Whether a bundle is released.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ReleaseReport {
    /// Who released it.
    pub by: Vec<SignerReport>,
    /// How many must.
    pub threshold: u32,
    /// Signatures that do not count, and why.
    pub refused: Vec<String>,
}

/// What is said of a file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileReport {
    /// The file.
    pub file: String,
    /// The number of its chunk.
    pub number: Option<u32>,
    /// Control or data.
    pub kind: Option<Kind>,
    /// What its blobs are.
    pub class: Option<Class>,
    /// Its size in bytes.
    pub bytes: u64,
    /// What is said of it.
    pub verdict: ChunkVerdict,
    /// Who packed it.
    pub packers: Vec<SignerReport>,
    /// What is wrong with it.
    pub problems: Vec<Finding>,
}

/// What is said of a bundle.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BundleReport {
    /// Its id.
    pub bundle: Sum,
    /// Name, stream, sequence and label, as its files say.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// What is said of it.
    pub verdict: BundleVerdict,
    /// What is wrong with its control chunk.
    pub control_problem: Option<String>,
    /// Whether it is released; absent if nobody was asked or there is no control chunk.
    pub release: Option<ReleaseReport>,
    /// The highest chunk number.
    pub last: u32,
    /// The chunks that must be sent again.
    pub missing: Vec<u32>,
    /// What its manifests say and its plan does not.
    pub unsound: Vec<String>,
    /// What the bundle does not carry although it is reachable.
    pub omitted: Vec<OmissionReport>,
    /// Its files, by number.
    pub files: Vec<FileReport>,
}

/// What verifying says.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct VerifyReport {
    /// Whether a trust policy was asked.
    pub verified: bool,
    /// The bundles, by id.
    pub bundles: Vec<BundleReport>,
    /// Files that are no chunks.
    pub others: Vec<FileReport>,
}

impl VerifyReport {
    pub(super) fn new(bundles: Vec<BundleReport>, others: &[NotAChunk], verified: bool) -> VerifyReport {
        let other = |other: &NotAChunk| FileReport {
            file: other.file.name().to_owned(),
            number: None,
            kind: None,
            class: None,
            bytes: other.file.bytes(),
            verdict: ChunkVerdict::Unreadable,
            packers: Vec::new(),
            problems: vec![(&other.error).into()],
        };
        VerifyReport { verified, bundles, others: others.iter().map(other).collect() }
    }

    /// The kind of failure that the gravest verdict is; `None` if all is well.
    pub fn failure(&self) -> Option<Failure> {
        let worst = self.bundles.iter().map(|bundle| bundle.verdict).max()?;
        match worst {
            BundleVerdict::Complete | BundleVerdict::Unverified => None,
            BundleVerdict::Incomplete | BundleVerdict::Unsound => Some(Failure::Damaged),
            BundleVerdict::Unreleased | BundleVerdict::Untrusted | BundleVerdict::Forked => {
                Some(Failure::Untrusted)
            }
        }
    }
}

impl BundleReport {
    /// The verdict on a bundle whose payload was hashed.
    pub fn new(bundle: &Bundle, damage: &Damage) -> BundleReport {
        let files: Vec<FileReport> = bundle
            .files
            .iter()
            .enumerate()
            .map(|(place, opened)| file_report(opened, damage.get(&place)))
            .collect();
        let good =
            bundle.files.iter().enumerate().filter(|(place, opened)| is_intact(opened, damage.get(place)));
        let intact: BTreeSet<u32> = good.map(|(_, opened)| opened.statement.number).collect();
        let last = bundle.last();
        let annexed = |number: u32| match &bundle.control {
            Control::Broken(crate::arrival::ContentsError::AnnexMissing { missing, .. }) => {
                missing.contains(&number)
            }
            _ => false,
        };
        let missing: Vec<u32> =
            (0..=last).filter(|&number| annexed(number) || !intact.contains(&number)).collect();
        let release = bundle.release.as_ref().map(|release| match release {
            Ok(release) => ReleaseReport {
                by: SignerReport::all(release.releasers()),
                threshold: release.threshold().into(),
                refused: refused_text(release.refused()),
            },
            Err(unreleased) => ReleaseReport {
                by: SignerReport::all(&unreleased.releasers),
                threshold: unreleased.threshold.into(),
                refused: refused_text(&unreleased.refused),
            },
        });
        let unsound = bundle.unsound();
        let first = bundle.files.first().map(|opened| opened.statement.crossing.clone());
        let crossing = bundle.contents().map(|contents| contents.plan.crossing.clone()).or(first);
        BundleReport {
            bundle: bundle.id,
            crossing: crossing.expect("a bundle has a file"),
            verdict: verdict(bundle, &files, &missing, &unsound),
            unsound,
            control_problem: match &bundle.control {
                Control::Read(_) => None,
                Control::Absent => Some("no accepted control chunk arrived".to_owned()),
                Control::Broken(error) => Some(error.to_string()),
                Control::Forked => Some("two control chunks differ".to_owned()),
            },
            release,
            last,
            missing,
            omitted: bundle.contents().map(|c| OmissionReport::all(&c.plan)).unwrap_or_default(),
            files,
        }
    }
}

fn refused_text(refused: &[Refused]) -> Vec<String> {
    refused.iter().map(|refused| format!("{}: {}", refused.short, refused.reason)).collect()
}

fn verdict(bundle: &Bundle, files: &[FileReport], missing: &[u32], unsound: &[String]) -> BundleVerdict {
    let untrusted = files.iter().any(|file| file.verdict == ChunkVerdict::Untrusted);
    let asked = bundle.files.iter().any(|opened| opened.accepted.is_some()) || untrusted;
    if bundle.is_forked() {
        BundleVerdict::Forked
    } else if untrusted && !missing.is_empty() {
        BundleVerdict::Untrusted
    } else if matches!(bundle.release, Some(Err(_))) {
        BundleVerdict::Unreleased
    } else if !missing.is_empty() || bundle.contents().is_none() {
        BundleVerdict::Incomplete
    } else if !unsound.is_empty() {
        BundleVerdict::Unsound
    } else if asked {
        BundleVerdict::Complete
    } else {
        BundleVerdict::Unverified
    }
}

fn file_report(opened: &Opened, damage: Option<&Vec<Finding>>) -> FileReport {
    let (verdict, problems) = match (&opened.standing, damage) {
        (Standing::Untrusted(reason), _) => {
            (ChunkVerdict::Untrusted, vec![Finding::Untrusted { reason: reason.to_string() }])
        }
        (Standing::Forked, _) => (ChunkVerdict::Forked, vec![Finding::Forked]),
        (Standing::PassedOver, _) => (ChunkVerdict::PassedOver, Vec::new()),
        (Standing::Damaged(problem), _) => (ChunkVerdict::Damaged, vec![problem.clone()]),
        (Standing::Good(_), Some(problems)) => (ChunkVerdict::Damaged, problems.clone()),
        (Standing::Good(_), None) if opened.accepted.is_some() => (ChunkVerdict::Accepted, Vec::new()),
        (Standing::Good(_), None) => (ChunkVerdict::Intact, Vec::new()),
    };
    let statement = &opened.statement;
    FileReport {
        file: opened.file.name().to_owned(),
        number: Some(statement.number),
        kind: Some(statement.kind),
        class: statement.class,
        bytes: opened.file.bytes(),
        verdict,
        packers: opened.accepted.as_ref().map(|chunk| SignerReport::all(chunk.packers())).unwrap_or_default(),
        problems,
    }
}
