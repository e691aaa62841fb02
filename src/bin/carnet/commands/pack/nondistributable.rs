//! `--push-nondistributable-to`: pushes the non-distributable layers into a registry on the low side.

use std::collections::HashSet;
use std::sync::Arc;

use carnet::arrival::{Beside, OpenRequest, open};
use carnet::artifacts::{OnFailure, RegistryDestination};
use carnet::environment::Environment;
use carnet::format::plan::Carriage;
use carnet::import::{ImportRequest, Sending, TagPolicy};
use carnet::medium::{ChunkFile, ChunkStore};
use carnet::pack::PackReport;
use carnet::registry::{Registries, Settings};
use carnet::trust::{Signer, TrustPolicy};

use crate::command_error::CommandError;

/// Pushes the non-distributable layers of the bundle that was just packed. They are read from its chunk files.
pub(super) fn push(
    report: &PackReport,
    store: &dyn ChunkStore,
    key: &dyn Signer,
    to: &RegistryDestination,
    settings: Settings,
    environment: &Environment<'_>,
) -> Result<(), CommandError> {
    let names: HashSet<&str> = report.chunks.iter().map(|chunk| chunk.file.as_str()).collect();
    let is_packed = |file: &Arc<dyn ChunkFile>| file.file_name().is_some_and(|name| names.contains(name));
    let files: Vec<_> = store.files()?.into_iter().filter(is_packed).collect();
    // This process packed the bundle, so trusting the packer's key is enough.
    let policy = TrustPolicy::single_key(key.public_key().clone(), "packer")?;
    let arrivals = open(&OpenRequest { files: &files, policy: Some(&policy) }, environment)?;
    let bundle = arrivals.select(Some(&report.bundle.to_string()))?;
    let whole = bundle.released()?.whole()?;
    let connections = settings.http.connections;
    let registries = Registries::new(settings);
    let request = ImportRequest {
        bundle: &whole,
        beside: &Beside::default(),
        registry: registries.registry(&to.host)?,
        to,
        artifacts: &[],
        mount_from: &[],
        rename: &[],
        tags: TagPolicy { overwrite: false, backup: None },
        referrers: Carriage::Omit,
        on_failure: OnFailure::Stop,
        sending: Sending::All,
        dry_run: false,
        connections,
    };
    carnet::import::push_nondistributable(&request, environment)?;
    Ok(())
}
