//! `--push-nondistributable-to`: the layers that must not be passed on, into a registry of one's own.

use std::path::{Path, PathBuf};

use carnet::arrival::Bundle;
use carnet::artifacts::RegistryDestination;
use carnet::diagnosis::Failure;
use carnet::environment::Environment;
use carnet::import::{ImportRequest, OnFailure, TagPolicy};
use carnet::pack::PackReport;
use carnet::registry::{Registries, Settings};
use carnet::trust::{KeyFile, Signer as _, TrustPolicy};
use carnet::verify::VerifyRequest;

use crate::trouble::Trouble;

/// Pushes the non-distributable layers of the bundle that was just packed, from its chunk files.
pub(super) fn push(
    report: &PackReport,
    folder: &Path,
    key: &KeyFile,
    to: &RegistryDestination,
    settings: Settings,
    environment: &Environment<'_>,
) -> Result<(), Trouble> {
    let paths: Vec<PathBuf> = report.chunks.iter().map(|chunk| folder.join(&chunk.file)).collect();
    // The bundle is ours: whoever packed it may read it.
    let policy = TrustPolicy::single_key(key.public_key().clone(), "packer")?;
    let request = VerifyRequest { paths: &paths, policy: Some(&policy) };
    let (bundles, _) = carnet::verify::open(&request, environment)?;
    let ours = bundles.iter().find(|bundle| bundle.id == report.bundle);
    let released = ours.and_then(Bundle::released).ok_or_else(|| {
        Trouble::new(Failure::Damaged, "no-such-bundle", "the bundle that was packed cannot be read again")
    })?;
    let connections = settings.connections;
    let registries = Registries::new(settings);
    let request = ImportRequest {
        bundle: &released,
        registry: registries.registry(&to.host)?,
        to,
        artifacts: &[],
        rename: &[],
        tags: TagPolicy { overwrite: false, backup: None },
        on_failure: OnFailure::Stop,
        dry_run: false,
        connections,
    };
    carnet::import::push_nondistributable(&request, environment)?;
    Ok(())
}
