//! Collects chunk files, and opens the bundle that `unpack` and `import` work on.

use std::sync::Arc;

use carnet::arrival::{Bundle, OpenRequest, open};
use carnet::medium::{ChunkFile, ChunkPlace, ChunkStore as _, collect};
use carnet::observe::Event;
use carnet::trust::TrustPolicy;

use super::command_error::CommandError;
use super::stores::Stores;
use super::trust::TrustArgs;

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

/// Opens the chunk files in the places and selects one bundle, by name or id if `wanted` is given. Also returns the
/// others, which may carry what it leaves out.
pub(crate) fn select_bundle(
    places: &[ChunkPlace],
    stores: &Stores<'_>,
    trust: &TrustArgs,
    wanted: Option<&str>,
) -> Result<(Bundle, Vec<Bundle>), CommandError> {
    select_accepted(places, stores, trust.policy()?.as_ref(), wanted)
}

/// [`select_bundle`] with a policy that was loaded.
pub(crate) fn select_accepted(
    places: &[ChunkPlace],
    stores: &Stores<'_>,
    policy: Option<&TrustPolicy>,
    wanted: Option<&str>,
) -> Result<(Bundle, Vec<Bundle>), CommandError> {
    let request = OpenRequest { files: &chunk_files(places, stores)?, policy };
    Ok(open(&request, stores.environment)?.select_beside(wanted)?)
}
