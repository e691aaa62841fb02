//! The one bundle that `unpack` and `import` mean.

use std::path::PathBuf;

use carnet::arrival::Bundle;
use carnet::diagnosis::Failure;
use carnet::environment::Environment;
use carnet::verify::VerifyRequest;

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
    let request = VerifyRequest { paths, policy: policy.as_ref() };
    let (mut bundles, _) = carnet::verify::open(&request, environment)?;
    if let Some(wanted) = wanted {
        bundles.retain(|bundle| {
            let id = bundle.id.to_string();
            bundle.name().as_str() == wanted || (wanted.len() >= 8 && id.starts_with(wanted))
        });
    }
    // A stranger's files beside ours must not stop ours.
    let trusted = |bundle: &Bundle| bundle.files.iter().any(|opened| opened.accepted.is_some());
    if bundles.iter().any(trusted) {
        bundles.retain(trusted);
    }
    if bundles.len() > 1 {
        let ids: Vec<String> = bundles.iter().map(|bundle| bundle.id.to_string()).collect();
        let message = format!("several bundles arrived: {}", ids.join(", "));
        let hint = Some("name one with --bundle".to_owned());
        return Err(Trouble { hint, ..Trouble::new(Failure::Usage, "several-bundles", message) });
    }
    bundles.pop().ok_or_else(|| {
        let message = format!("no bundle {:?} arrived", wanted.unwrap_or_default());
        Trouble::new(Failure::Damaged, "no-such-bundle", message)
    })
}
