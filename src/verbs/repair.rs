//! Writes lost and damaged chunks of a bundle again, from its parity files and everything that arrived.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::arrival::{Arrivals, Bundle, Finding, OpenError, OpenRequest, Opened, Standing, open, read_head};
use crate::diagnosis::{Code, Diagnose, Diagnosis, Failure};
use crate::environment::Environment;
use crate::erasure::{RebuildError, Restored, Restoring, Survey};
use crate::format::statement::Crossing;
use crate::format::{BundleName, Sum};
use crate::medium::{ChunkFile, ChunkStore, FileNames, MediumError, Replace};
use crate::observe::Phase;
use crate::trust::TrustPolicy;

/// A request to repair a bundle.
pub struct RepairRequest<'a> {
    /// The files that arrived, in any order and under any names.
    pub files: &'a [Arc<dyn ChunkFile>],
    /// Who may have packed the bundle. Each repaired chunk must be accepted by it.
    pub policy: &'a TrustPolicy,
    /// The bundle, by name or by the beginning of its id, if there are several.
    pub bundle: Option<&'a str>,
    /// Where the repaired chunks go.
    pub store: &'a dyn ChunkStore,
    /// Whether damaged files there are replaced, each by the repaired chunk of its name.
    pub in_place: bool,
}

/// A bundle cannot be repaired.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The files cannot be opened as bundles.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No parity file of the bundle arrived, or none is accepted.
    #[error("bundle {name} ({bundle}) has no parity file that is signed by a trusted packer")]
    NoParity {
        /// The name of the bundle.
        name: BundleName,
        /// The id of the bundle.
        bundle: Sum,
    },
    /// A chunk cannot be read or written.
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
    /// The place for the chunks cannot be used.
    #[error(transparent)]
    Medium(#[from] MediumError),
}

impl Diagnose for RepairError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            RepairError::Open(error) => error.diagnosis(),
            RepairError::NoParity { .. } => Code::NoParity.into(),
            RepairError::Rebuild(error) => error.diagnosis(),
            RepairError::Medium(error) => error.diagnosis(),
        }
    }
}

/// A chunk that was repaired.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RepairedChunk {
    /// The number of the chunk.
    pub number: u32,
    /// The path of the file.
    pub file: String,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// How many signatures it has. A control chunk has the release signatures that its parity keeps.
    pub signatures: usize,
}

/// Chunks of which too much is lost.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BeyondRepair {
    /// The numbers of the chunks that are lost or damaged.
    pub chunks: Vec<u32>,
    /// How many more files are needed: these chunks, or parity files of their group.
    pub needed: u32,
}

/// A chunk whose parity gives other bytes than its statement says.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RefutedChunk {
    /// The number of the chunk.
    pub number: u32,
    /// What is wrong with what was computed.
    pub problem: String,
}

/// A parity file with a problem.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ParityProblem {
    /// The path of the file.
    pub file: String,
    /// What is wrong with it. If only a part is damaged, the rest of it was used.
    pub problem: String,
}

/// The report of `repair`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RepairReport {
    /// The id of the bundle.
    pub bundle: Sum,
    /// The name, stream, sequence and label of the bundle.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// How many chunks the bundle has.
    pub chunks: u32,
    /// The chunks that were repaired, by number.
    pub repaired: Vec<RepairedChunk>,
    /// The numbers of the chunks that are still missing or damaged.
    pub missing: Vec<u32>,
    /// Why: groups of which too much is lost.
    pub beyond: Vec<BeyondRepair>,
    /// Why: chunks that were computed and did not match their statements. The parity is wrong; they were not kept.
    pub refuted: Vec<RefutedChunk>,
    /// Parity files that are damaged, that do not fit the bundle, or that are not signed by a trusted packer.
    pub parity_problems: Vec<ParityProblem>,
}

impl RepairReport {
    /// Returns the kind of failure if chunks are still missing.
    pub fn failure(&self) -> Option<Failure> {
        (!self.missing.is_empty()).then(|| Code::BundleIncomplete.failure())
    }
}

/// Repairs a bundle. A lost chunk is written whole, accepted by its own signature and compared with its statement before
/// it gets its name. Into a damaged chunk in its place, only damaged blocks are written, after the chunk was proven with
/// them. A chunk that is good is not touched. Running it again is safe, also after a run that was killed.
///
/// # Errors
/// [`RepairError`]. Chunks that were repaired before stay. That too much is lost is no error, but in the report.
pub fn repair(
    request: &RepairRequest<'_>,
    environment: &Environment<'_>,
) -> Result<RepairReport, RepairError> {
    let open_request = OpenRequest { files: request.files, policy: Some(request.policy) };
    let Arrivals { bundles, others } = open(&open_request, environment)?;
    let bundle = Arrivals { bundles, others: Vec::new() }.select(request.bundle)?;
    if !bundle.parity.iter().any(|opened| opened.accepted.is_some()) {
        return Err(RepairError::NoParity { name: bundle.name().clone(), bundle: bundle.id });
    }
    let replace = if request.in_place { Replace::EachByItself } else { Replace::Never };
    let sink = request.store.hold(&FileNames::chunks(bundle.name()), &bundle.id, replace)?;
    sink.clear()?;
    let clear_way = |there: &Arc<dyn ChunkFile>, survey: &Survey| {
        let exists = || MediumError::Exists { path: there.name().to_owned() };
        if !request.in_place {
            return Err(exists());
        }
        let of_bundle = bundle.files.iter().map(|opened| opened.file.name());
        let with_blocks = survey.shards.iter().flat_map(|found| &found.places).map(|place| place.file.name());
        if of_bundle.chain(with_blocks).any(|name| name == there.name()) {
            return Ok(());
        }
        // A file of another bundle is not ours; one that is no chunk at all is kept, out of the way.
        if read_head(there.as_ref()).is_ok() {
            return Err(exists());
        }
        match there.set_aside("not a chunk; it had the name of a chunk that was repaired") {
            Ok(Some(_)) => Ok(()),
            // It stays, so nothing may take its place.
            Ok(None) => Err(exists()),
            Err(source) => Err(MediumError::Io { what: "move", path: there.name().to_owned(), source }),
        }
    };
    let restoring = Restoring {
        bundle: &bundle,
        others: &others,
        policy: request.policy,
        sink: sink.as_ref(),
        in_place: request.in_place,
        clear_way: &clear_way,
        environment,
    };
    let Restored { chunks, lost, refuted, still_bad, problems } =
        environment.monitor.phase(Phase::Repair, 0, || {
            let restored = restoring.run()?;
            // A store may still be receiving them.
            sink.publish(bundle.last())?;
            Ok::<Restored, RebuildError>(restored)
        })?;
    let repaired = chunks.into_iter().map(|chunk| RepairedChunk {
        number: chunk.number,
        file: chunk.file,
        bytes: chunk.bytes,
        signatures: chunk.signatures,
    });
    let crossing = bundle.contents().map(|contents| &contents.plan.crossing);
    let crossing = crossing.or(bundle.all_files().next().map(|opened| &opened.statement.crossing));
    Ok(RepairReport {
        bundle: bundle.id,
        crossing: crossing.expect("a bundle has a file").clone(),
        chunks: bundle.last() + 1,
        repaired: repaired.collect(),
        missing: still_bad.into_iter().collect(),
        beyond: lost
            .into_iter()
            .map(|group| BeyondRepair { chunks: group.lost, needed: group.needed })
            .collect(),
        refuted: refuted.into_iter().map(|(number, problem)| RefutedChunk { number, problem }).collect(),
        parity_problems: parity_problems(&bundle, &problems),
    })
}

/// Returns what is wrong with the parity files of a bundle: what opening it found, and what reading their groups did.
fn parity_problems(bundle: &Bundle, read: &[(usize, Finding)]) -> Vec<ParityProblem> {
    let problem = |opened: &Opened, finding: &Finding| ParityProblem {
        file: opened.file.name().to_owned(),
        problem: finding.to_string(),
    };
    let opened = bundle.parity.iter().filter_map(|opened| match &opened.standing {
        Standing::Untrusted(reason) => Some(problem(opened, &reason.into())),
        Standing::Damaged(finding) => Some(problem(opened, finding)),
        Standing::Good(_) | Standing::Forked | Standing::PassedOver => None,
    });
    let mut problems: Vec<ParityProblem> = opened.collect();
    problems.extend(read.iter().map(|(at, finding)| problem(&bundle.parity[*at], finding)));
    problems
}
