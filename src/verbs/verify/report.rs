//! The report of `verify`: a verdict per file and per bundle.

use std::collections::BTreeSet;

use serde::Serialize;

use super::damage::{Damage, is_intact};
use super::protection::ProtectionReport;
use super::volumes::{Labels, LackingVolume};
use crate::arrival::{Bundle, Contradiction, Control, Finding, NotAChunk, Opened, Standing, UnreadableFile};
use crate::diagnosis::{Code, Failure};
use crate::format::statement::{Class, Crossing, Kind};
use crate::format::{Sum, Timestamp};
use crate::logbook::StreamReport;
use crate::trust::{RefusalReason, Refused};
use crate::verbs::report::{LeftOutReport, OmissionReport, OriginReport, ReleaseFileReport, SignerReport};

/// The verdict on a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ChunkVerdict {
    /// Signed by a trusted packer, and every byte is as signed.
    Accepted,
    /// Every byte is as its statement says; no trust policy was given, so signatures were not checked.
    Intact,
    /// Bytes differ from those that were signed.
    Damaged,
    /// Not signed by a key that the trust policy accepts for this bundle.
    Untrusted,
    /// Validly signed, but not the chunk that the control chunk lists under this number.
    Forked,
    /// One copy too many; its signature was accepted, or its length is right.
    #[serde(rename = "passed-over")]
    PassedOver,
    /// It cannot be read, or a part of it cannot.
    Unreadable,
    /// Not recognised as a chunk.
    #[serde(rename = "not-a-chunk")]
    NotAChunk,
}

/// The verdict on a bundle. The variants are ordered by severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum BundleVerdict {
    /// Every chunk is present and accepted, and the bundle is released.
    Complete,
    /// Every chunk is present and intact; no trust policy was given, so signatures were not checked.
    Unverified,
    /// Some chunks arrived, but cannot be read. All others are present and accepted.
    Unreadable,
    /// Chunks are missing, damaged or unreadable, and the parity files that arrived suffice to recover them.
    Recoverable,
    /// Its manifests reference something that the bundle neither contains nor lists as omitted: the packer is
    /// dishonest or faulty.
    Unsound,
    /// Chunks are missing or damaged.
    Incomplete,
    /// It has expired.
    Expired,
    /// Fewer releasers signed it than the trust policy requires.
    Unreleased,
    /// Some chunks are not signed by a trusted key, and without them the bundle is incomplete.
    Untrusted,
    /// Two different chunks with the same number are validly signed.
    Forked,
}

impl BundleVerdict {
    /// Returns the error code of a failure; `None` if the bundle is complete.
    fn code(self) -> Option<Code> {
        match self {
            BundleVerdict::Complete | BundleVerdict::Unverified => None,
            BundleVerdict::Unreadable => Some(Code::ChunkUnreadable),
            BundleVerdict::Recoverable => Some(Code::BundleRecoverable),
            BundleVerdict::Unsound => Some(Code::BundleUnsound),
            BundleVerdict::Incomplete => Some(Code::BundleIncomplete),
            BundleVerdict::Expired => Some(Code::BundleExpired),
            BundleVerdict::Unreleased | BundleVerdict::Untrusted => Some(Code::BundleUntrusted),
            BundleVerdict::Forked => Some(Code::BundleForked),
        }
    }
}

/// The release of a bundle.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ReleaseReport {
    /// The holders and keys whose release signatures count.
    pub by: Vec<SignerReport>,
    /// How many releasers the trust policy requires.
    pub threshold: u32,
    /// Release signatures that do not count, each with the reason.
    pub refused: Vec<Refused>,
}

/// The result for a file.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct FileReport {
    /// The path of the file.
    pub file: String,
    /// The chunk number; absent if the file is not a chunk.
    pub number: Option<u32>,
    /// The kind of the chunk: control, data or parity.
    pub kind: Option<Kind>,
    /// The class of the blobs in the chunk.
    pub class: Option<Class>,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The verdict on the file.
    pub verdict: ChunkVerdict,
    /// The holders and keys whose packer signatures were accepted.
    pub packers: Vec<SignerReport>,
    /// The problems that were found in the file.
    pub problems: Vec<Finding>,
}

/// A chunk that arrived, but cannot be read.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct UnreadableChunk {
    /// The number of the chunk. If not even its head can be read, the number is that in the file name.
    pub number: u32,
    /// The path of the file.
    pub file: String,
    /// The error message of the system.
    pub reason: String,
}

/// The result for a bundle.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct BundleReport {
    /// The id of the bundle.
    pub bundle: Sum,
    /// The name, stream, sequence and label of the bundle, as its files state them.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// The verdict on the bundle.
    pub verdict: BundleVerdict,
    /// The verdict on the bundle in its stream; absent if nothing is remembered, it has no stream, or is not released.
    pub in_stream: Option<StreamReport>,
    /// The problem with its control chunk, if there is one.
    pub control_problem: Option<String>,
    /// The release of the bundle; absent without a trust policy or without a control chunk.
    pub release: Option<ReleaseReport>,
    /// The highest chunk number of the bundle.
    pub last: u32,
    /// When its control chunk was sealed, or another chunk if that one is not there; absent if none is good.
    pub sealed: Option<Timestamp>,
    /// When it expired; absent if it has not.
    pub expired: Option<Timestamp>,
    /// The numbers of the chunks that must be sent again: they are missing or damaged.
    pub missing: Vec<u32>,
    /// The volumes that lack chunks or parity files, according to labels that arrived. Labels are not signed.
    pub volumes: Vec<LackingVolume>,
    /// The numbers of the chunks that arrived, but cannot be read.
    pub unreadable: Vec<UnreadableChunk>,
    /// Contradictions between its manifests and its plan.
    pub unsound: Vec<Contradiction>,
    /// Manifests and blobs that the artifacts reference but the bundle omits.
    pub omitted: Vec<OmissionReport>,
    /// The earlier bundles that carry what this one leaves out; none unless it is a delta.
    pub left_out: Vec<LeftOutReport>,
    /// The bundles that this one was made of; none if it was packed from sources.
    pub origins: Vec<OriginReport>,
    /// What its parity files allow to lose; absent if there are none.
    pub protection: Option<ProtectionReport>,
    /// The release files of the bundle.
    pub releases: Vec<ReleaseFileReport>,
    /// The files of the bundle: by chunk number, then the parity files, by their own numbers.
    pub files: Vec<FileReport>,
}

/// The report of `verify`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct VerifyReport {
    /// Whether signatures were checked against a trust policy.
    pub verified: bool,
    /// The bundles that were found, by id.
    pub bundles: Vec<BundleReport>,
    /// Files that are not chunks, or whose heads cannot be read, without the labels of volumes of these bundles.
    pub others: Vec<FileReport>,
}

impl VerifyReport {
    pub(super) fn new(
        bundles: Vec<BundleReport>,
        others: &[NotAChunk],
        labels: &Labels,
        verified: bool,
    ) -> VerifyReport {
        let ids: BTreeSet<Sum> = bundles.iter().map(|bundle| bundle.bundle).collect();
        let is_file = |(at, _): &(usize, _)| !labels.is_label(*at, &ids);
        let other = |(_, other): (usize, &NotAChunk)| FileReport {
            file: other.file.name().to_owned(),
            number: None,
            kind: None,
            class: None,
            bytes: other.file.bytes(),
            verdict: match other.unreadable() {
                Some(_) => ChunkVerdict::Unreadable,
                None => ChunkVerdict::NotAChunk,
            },
            packers: Vec::new(),
            problems: vec![(&other.error).into()],
        };
        VerifyReport {
            verified,
            bundles,
            others: others.iter().enumerate().filter(is_file).map(other).collect(),
        }
    }

    /// Returns the kind of failure of the most severe verdict; `None` if no bundle failed.
    pub fn failure(&self) -> Option<Failure> {
        let worst = self.bundles.iter().filter_map(|bundle| bundle.code().map(|code| (bundle.verdict, code)));
        let worst = worst.max_by_key(|(verdict, _)| *verdict);
        let is_refused = self.bundles.iter().any(|bundle| bundle.stream_code().is_some());
        match worst {
            // What is missing or damaged can be sent again.
            Some((verdict, _)) if is_refused && verdict < BundleVerdict::Expired => Some(Failure::Untrusted),
            Some((_, code)) => Some(code.failure()),
            None => is_refused.then_some(Failure::Untrusted),
        }
    }
}

impl BundleReport {
    /// The error code of a failure; `None` if the bundle is complete.
    pub fn code(&self) -> Option<Code> {
        let code = self.verdict.code()?;
        let lacks = |refused: &Refused| refused.reason == RefusalReason::AlgorithmMissing;
        let mut findings = self.files.iter().flat_map(|file| &file.problems);
        let in_files = findings
            .any(|finding| matches!(finding, Finding::NotSigned { refused } if refused.iter().any(lacks)));
        let mut findings = self.files.iter().flat_map(|file| &file.problems);
        let lacks_profile = findings.any(|finding| matches!(finding, Finding::NoProfile { .. }));
        let in_release = self.release.as_ref().is_some_and(|release| release.refused.iter().any(lacks));
        Some(match self.verdict {
            BundleVerdict::Untrusted if in_files => Code::SignatureDowngrade,
            BundleVerdict::Untrusted if lacks_profile => Code::ProfileMissing,
            BundleVerdict::Unreleased if in_release => Code::SignatureDowngrade,
            _ => code,
        })
    }

    /// The code of the reason for which the stream refuses the bundle.
    pub fn stream_code(&self) -> Option<Code> {
        self.in_stream.as_ref().and_then(StreamReport::code)
    }

    /// Reports on a bundle after its payload was hashed.
    pub(super) fn new(
        bundle: &Bundle,
        damage: &Damage,
        protection: Option<ProtectionReport>,
        labels: &Labels,
    ) -> BundleReport {
        let files: Vec<FileReport> = bundle
            .all_files()
            .enumerate()
            .map(|(index, opened)| file_report(opened, damage.get(&index)))
            .collect();
        let good =
            bundle.files.iter().enumerate().filter(|(index, opened)| is_intact(opened, damage.get(index)));
        let intact: BTreeSet<u32> = good.map(|(_, opened)| opened.statement.number).collect();
        let parity = bundle.parity.iter().zip(bundle.files.len()..);
        let good_parity = parity.filter(|(opened, index)| is_intact(opened, damage.get(index)));
        let good_parity = good_parity.map(|(opened, _)| opened.statement.number).collect();
        let last = bundle.last();
        let annexed = |number: u32| match &bundle.control {
            Control::Broken(crate::arrival::ContentsError::AnnexMissing { missing, .. }) => {
                missing.contains(&number)
            }
            _ => false,
        };
        let absent = (0..=last).filter(|&number| annexed(number) || !intact.contains(&number));
        let (mut missing, mut unreadable) = (Vec::new(), Vec::new());
        for number in absent {
            match unreadable_file(bundle, damage, number) {
                Some(UnreadableFile { file, reason }) => {
                    unreadable.push(UnreadableChunk { number, file, reason });
                }
                None => missing.push(number),
            }
        }
        let release = bundle.release.as_ref().map(|release| match release {
            Ok(release) => ReleaseReport {
                by: SignerReport::all(release.releasers()),
                threshold: release.threshold().into(),
                refused: release.refused().to_vec(),
            },
            Err(unreleased) => ReleaseReport {
                by: SignerReport::all(&unreleased.releasers),
                threshold: unreleased.threshold.into(),
                refused: unreleased.refused.clone(),
            },
        });
        let unsound = bundle.unsound();
        let first = bundle.all_files().next().map(|opened| opened.statement.crossing.clone());
        let crossing = bundle.contents().map(|contents| contents.plan.crossing.clone()).or(first);
        BundleReport {
            bundle: bundle.id,
            crossing: crossing.expect("a bundle has a file"),
            verdict: verdict(bundle, &files, &missing, &unreadable, &unsound, protection.as_ref()),
            in_stream: None,
            unsound,
            control_problem: match &bundle.control {
                Control::Read(_) => None,
                Control::Absent => Some("no accepted control chunk was found".to_owned()),
                Control::Broken(error) => Some(error.to_string()),
                Control::Forked => Some("two control chunks differ".to_owned()),
            },
            release,
            last,
            sealed: bundle.good().values().next().map(|opened| opened.statement.created),
            expired: bundle.expired(),
            volumes: labels.lacking(bundle.id, last, &missing, &good_parity),
            missing,
            unreadable,
            omitted: bundle.contents().map(|c| OmissionReport::all(&c.plan)).unwrap_or_default(),
            left_out: bundle.contents().map(|c| LeftOutReport::all(&c.plan)).unwrap_or_default(),
            origins: bundle.contents().map(|c| OriginReport::all(&c.plan)).unwrap_or_default(),
            protection,
            releases: ReleaseFileReport::all(bundle),
            files,
        }
    }
}

/// Returns a file of this chunk that cannot be read, found when the bundle was opened or when it was hashed.
fn unreadable_file(bundle: &Bundle, damage: &Damage, number: u32) -> Option<UnreadableFile> {
    let hashed = bundle.files.iter().enumerate().filter(|(_, opened)| opened.statement.number == number);
    let mut reasons = hashed.filter_map(|(index, opened)| match damage.get(&index)?.first()? {
        Finding::Unreadable { reason } => {
            Some(UnreadableFile { file: opened.file.name().to_owned(), reason: reason.clone() })
        }
        _ => None,
    });
    bundle.unreadable_file(number).or_else(|| reasons.next())
}

fn verdict(
    bundle: &Bundle,
    files: &[FileReport],
    missing: &[u32],
    unreadable: &[UnreadableChunk],
    unsound: &[Contradiction],
    protection: Option<&ProtectionReport>,
) -> BundleVerdict {
    let is_parity = |file: &FileReport| file.kind == Some(Kind::Parity);
    let untrusted = files.iter().any(|file| file.verdict == ChunkVerdict::Untrusted && !is_parity(file));
    let asked = bundle.all_files().any(|opened| opened.accepted.is_some()) || untrusted;
    let is_lost = !missing.is_empty() || !unreadable.is_empty();
    let can_recover = |protection: &ProtectionReport| {
        let unreadable = unreadable.iter().map(|chunk| chunk.number);
        missing.iter().copied().chain(unreadable).all(|number| protection.recoverable.contains(&number))
    };
    let recoverable = is_lost && protection.is_some_and(can_recover);
    if bundle.is_forked() {
        BundleVerdict::Forked
    } else if bundle.expired().is_some() {
        BundleVerdict::Expired
    } else if untrusted && !missing.is_empty() && !recoverable {
        BundleVerdict::Untrusted
    } else if matches!(bundle.release, Some(Err(_))) {
        BundleVerdict::Unreleased
    } else if recoverable {
        BundleVerdict::Recoverable
    } else if !missing.is_empty() || (bundle.contents().is_none() && unreadable.is_empty()) {
        BundleVerdict::Incomplete
    } else if !unsound.is_empty() {
        BundleVerdict::Unsound
    } else if !unreadable.is_empty() {
        BundleVerdict::Unreadable
    } else if asked {
        BundleVerdict::Complete
    } else {
        BundleVerdict::Unverified
    }
}

fn damaged(problem: &Finding) -> ChunkVerdict {
    match problem {
        Finding::Unreadable { .. } => ChunkVerdict::Unreadable,
        _ => ChunkVerdict::Damaged,
    }
}

pub(super) fn file_report(opened: &Opened, damage: Option<&Vec<Finding>>) -> FileReport {
    let (verdict, problems) = match (&opened.standing, damage) {
        (Standing::Untrusted(reason), _) => (ChunkVerdict::Untrusted, vec![reason.into()]),
        (Standing::Forked, _) => (ChunkVerdict::Forked, vec![Finding::Forked]),
        (Standing::PassedOver, _) => (ChunkVerdict::PassedOver, Vec::new()),
        (Standing::Damaged(problem), _) => (damaged(problem), vec![problem.clone()]),
        (Standing::Good(_), Some(problems)) => (damaged(&problems[0]), problems.clone()),
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
