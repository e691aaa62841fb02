//! Opens the bundle that `unpack` and `import` work on.

use std::path::PathBuf;

use carnet::arrival::{Bundle, OpenRequest, open};
use carnet::environment::Environment;
use carnet::medium::collect;

use super::command_error::CommandError;
use super::trust::TrustArgs;

/// Opens the chunk files among the paths and selects one bundle, by name or id if `wanted` is given.
pub(crate) fn select_bundle(
    paths: &[PathBuf],
    trust: &TrustArgs,
    wanted: Option<&str>,
    environment: &Environment<'_>,
) -> Result<Bundle, CommandError> {
    let policy = trust.policy()?;
    let request = OpenRequest { files: &collect(paths)?, policy: policy.as_ref() };
    Ok(open(&request, environment)?.select(wanted)?)
}
