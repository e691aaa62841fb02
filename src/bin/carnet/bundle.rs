//! The one bundle that `unpack` and `import` mean.

use std::path::PathBuf;

use carnet::arrival::{Bundle, OpenRequest, open};
use carnet::environment::Environment;
use carnet::medium::collect;

use super::trouble::Trouble;
use super::trust::TrustArgs;

/// The one bundle among the paths that is meant.
pub(crate) fn one_bundle(
    paths: &[PathBuf],
    trust: &TrustArgs,
    wanted: Option<&str>,
    environment: &Environment<'_>,
) -> Result<Bundle, Trouble> {
    let policy = trust.policy()?;
    let request = OpenRequest { files: &collect(paths)?, policy: policy.as_ref() };
    Ok(open(&request, environment)?.select(wanted)?)
}
