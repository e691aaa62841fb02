//! Collects chunk files, and opens the bundle that `unpack` and `import` work on.

use std::sync::Arc;

use carnet::arrival::{Bundle, OpenRequest, open};
use carnet::environment::Environment;
use carnet::medium::{ChunkFile, ChunkPlace, ChunkStore as _, collect};
use carnet::observe::Event;
use carnet::trust::TrustPolicy;

use super::command_error::CommandError;
use super::memory::{Passage, Recall, candidates};
use super::stores::Stores;

/// Returns the files that the places name, and notes what was passed over in folders.
pub(crate) fn chunk_files(
    places: &[ChunkPlace],
    stores: &Stores<'_>,
) -> Result<Vec<Arc<dyn ChunkFile>>, CommandError> {
    let paths = places.iter().filter_map(|place| match place {
        ChunkPlace::Path(path) => Some(path.clone()),
        ChunkPlace::Store(_) => None,
    });
    let collected = collect(&paths.collect::<Vec<_>>())?;
    for passed_over in &collected.passed_over {
        stores.environment.monitor.tell(Event::Note { text: passed_over.to_string() });
    }
    let mut files = collected.files;
    for place in places {
        if let ChunkPlace::Store(location) = place {
            files.extend(stores.bucket(location)?.files()?);
        }
    }
    Ok(files)
}

/// Opens the chunk files in the places, selects one bundle, by name or id if `wanted` is given, and judges it by what is
/// remembered of its stream. Also returns the others, which may carry what it leaves out.
pub(crate) fn select_bundle(
    places: &[ChunkPlace],
    stores: &Stores<'_>,
    policy: Option<&TrustPolicy>,
    wanted: Option<&str>,
    recall: &Recall,
    environment: &Environment<'_>,
) -> Result<(Bundle, Vec<Bundle>, Passage), CommandError> {
    let request = OpenRequest { files: &chunk_files(places, stores)?, policy };
    let arrivals = open(&request, environment)?;
    let arrived = policy.map(|policy| candidates(&arrivals, policy)).unwrap_or_default();
    let (bundle, others) = arrivals.select_beside(wanted)?;
    let passage = match policy {
        Some(policy) => recall.judge(&bundle, &arrived, policy, environment)?,
        None => Passage::default(),
    };
    Ok((bundle, others, passage))
}
