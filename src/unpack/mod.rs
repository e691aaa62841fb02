//! Unpacking: a released bundle becomes a layout or an archive, blob by blob, each hashed as it is
//! written and kept only if it is what its digest says.

mod copies;
mod error;
mod unloading;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use schemars::JsonSchema;
use serde::Serialize;

use crate::arrival::{Documents, ReleasedBundle};
use crate::artifacts::ArtifactSink;
use crate::environment::Environment;
use crate::format::Sum;
use crate::format::plan::PlannedBlob;
use crate::format::statement::Crossing;
use crate::observe::{Event, Phase};
use crate::oci::Descriptor;
use crate::report::{ArtifactReport, OmissionReport, SignerReport};
use crate::stream::hash::{Function, lanes};
use crate::stream::pump::pump;

use copies::{has_copies, move_one};
use unloading::Unloading;

pub use error::{UnpackError, refusal};

/// What unpacking says when it is done.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UnpackReport {
    /// The bundle's id.
    pub bundle: Sum,
    /// Name, stream, sequence and label.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// Where everything went.
    pub to: String,
    /// Who released it.
    pub released_by: Vec<SignerReport>,
    /// The artifacts that are there now.
    pub artifacts: Vec<ArtifactReport>,
    /// How many referrers came with them.
    pub referrers: usize,
    /// Blobs that were written.
    pub blobs_written: u64,
    /// Their size in bytes.
    pub bytes_written: u64,
    /// Blobs that were there already.
    pub blobs_present: u64,
    /// What the bundle does not carry although it is reachable.
    pub omitted: Vec<OmissionReport>,
}

/// Refuses a bundle of which chunks are missing that unpacking needs.
///
/// # Errors
/// [`UnpackError::Incomplete`] naming them.
pub fn check_complete(bundle: &ReleasedBundle<'_>) -> Result<(), UnpackError> {
    let missing = missing_chunks(bundle);
    if missing.is_empty() {
        return Ok(());
    }
    let plan = &bundle.contents().plan;
    let name = plan.crossing.name.to_string();
    Err(UnpackError::Incomplete { name, bundle: plan.bundle_id(), missing, last: plan.last })
}

/// Refuses a bundle whose plan does not tell what its manifests do.
///
/// # Errors
/// [`UnpackError::Unsound`] with what the manifests say.
pub fn check_sound(documents: &Documents<'_>, bundle: &ReleasedBundle<'_>) -> Result<(), UnpackError> {
    let problems = documents.unsound();
    if problems.is_empty() {
        return Ok(());
    }
    let plan = &bundle.contents().plan;
    Err(UnpackError::Unsound { name: plan.crossing.name.to_string(), bundle: plan.bundle_id(), problems })
}

/// The chunks that unpacking needs and that are not there.
fn missing_chunks(bundle: &ReleasedBundle<'_>) -> Vec<u32> {
    let contents = bundle.contents();
    let chunks: BTreeSet<u32> =
        contents.plan.blobs.iter().flat_map(|blob| blob.pieces.iter().map(|piece| piece.chunk)).collect();
    chunks.into_iter().filter(|&number| bundle.file(number).is_none()).collect()
}

/// Unpacks a released bundle into `sink`.
///
/// # Errors
/// [`UnpackError`]. Nothing that was not proven is kept, and no artifact becomes visible.
pub fn unpack(
    bundle: &ReleasedBundle<'_>,
    sink: Box<dyn ArtifactSink>,
    environment: &Environment<'_>,
) -> Result<UnpackReport, UnpackError> {
    let plan = &bundle.contents().plan;
    check_complete(bundle)?;
    check_sound(&Documents::new(plan, bundle.files()), bundle)?;
    // A name that is taken is found before anything is written, not after.
    sink.check_names(&plan.index_entries())?;
    let mut waiting = Vec::new();
    for blob in &plan.blobs {
        if !sink.contains(&descriptor(blob))? {
            waiting.push(blob);
        }
    }
    waiting.sort_by_key(|blob| (std::cmp::Reverse(blob.size), blob.digest));
    move_all(bundle, sink.as_ref(), &waiting, environment)?;
    let to = sink.name().escape_debug().to_string();
    sink.finish(&plan.index_entries())?;
    Ok(UnpackReport {
        bundle: plan.bundle_id(),
        crossing: plan.crossing.clone(),
        to,
        released_by: SignerReport::all(bundle.release().releasers()),
        artifacts: ArtifactReport::all(plan),
        referrers: plan.referrers.len(),
        blobs_written: waiting.len() as u64,
        bytes_written: waiting.iter().map(|blob| blob.size).sum(),
        blobs_present: (plan.blobs.len() - waiting.len()) as u64,
        omitted: OmissionReport::all(plan),
    })
}

fn descriptor(blob: &PlannedBlob) -> Descriptor {
    Descriptor::new(blob.media_type.clone(), blob.digest, blob.size)
}

fn move_all(
    bundle: &ReleasedBundle<'_>,
    sink: &dyn ArtifactSink,
    waiting: &[&PlannedBlob],
    environment: &Environment<'_>,
) -> Result<(), UnpackError> {
    let lengths: Vec<u64> = waiting.iter().map(|blob| blob.size).collect();
    let bytes = lengths.iter().sum();
    environment.monitor.tell(Event::Started { phase: Phase::Unpack, bytes });
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<UnpackError>> = Mutex::new(None);
    let again: Mutex<Vec<(&PlannedBlob, UnpackError)>> = Mutex::default();
    let pumped = pump(
        environment.workers,
        lanes(Function::Sha256),
        &lengths,
        &|| {
            let blob = *waiting.get(next.fetch_add(1, Ordering::Relaxed))?;
            Some(Unloading::begin(bundle, sink, blob, environment.monitor))
        },
        &|outcome| match outcome {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                if let Some(blob) = has_copies(bundle, &error) {
                    again.lock().expect("no thread panicked").push((blob, error));
                    return ControlFlow::Continue(());
                }
                failed.lock().expect("no thread panicked").get_or_insert(error);
                ControlFlow::Break(())
            }
        },
    );
    environment.monitor.tell(Event::Ended);
    if let Some(error) = failed.into_inner().expect("no thread panicked") {
        return Err(error);
    }
    pumped.map_err(UnpackError::System)?;
    if environment.workers.interrupted() {
        return Err(UnpackError::Interrupted);
    }
    for (blob, error) in again.into_inner().expect("no thread panicked") {
        let Some(segments) = bundle.good_segments(blob) else { return Err(error) };
        move_one(Unloading::of(segments, sink, blob, environment.monitor)?)?;
    }
    Ok(())
}
