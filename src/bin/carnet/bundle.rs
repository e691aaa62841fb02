//! Collects chunk files, and opens the bundle that `unpack` and `import` work on.

use std::path::PathBuf;
use std::sync::Arc;

use carnet::arrival::{Bundle, OpenRequest, open};
use carnet::environment::Environment;
use carnet::medium::{ChunkFile, collect};
use carnet::observe::Event;

use super::command_error::CommandError;
use super::trust::TrustArgs;

/// Returns the files that the paths name, and notes what was passed over in folders.
pub(crate) fn chunk_files(
    paths: &[PathBuf],
    environment: &Environment<'_>,
) -> Result<Vec<Arc<dyn ChunkFile>>, CommandError> {
    let collected = collect(paths)?;
    for passed_over in &collected.passed_over {
        environment.monitor.tell(Event::Note { text: passed_over.to_string() });
    }
    Ok(collected.files)
}

/// Opens the chunk files among the paths and selects one bundle, by name or id if `wanted` is given.
pub(crate) fn select_bundle(
    paths: &[PathBuf],
    trust: &TrustArgs,
    wanted: Option<&str>,
    environment: &Environment<'_>,
) -> Result<Bundle, CommandError> {
    let policy = trust.policy()?;
    let request = OpenRequest { files: &chunk_files(paths, environment)?, policy: policy.as_ref() };
    Ok(open(&request, environment)?.select(wanted)?)
}
