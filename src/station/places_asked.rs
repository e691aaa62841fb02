//! Asks the registries and stores of a pipeline whether they are there. Any answer will do: what a place refuses is told by
//! the run that it refuses.

use super::{Equipment, ExportPipeline, ImportPipeline, PipelineOption};
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::registry::{self, Access, Host, Reach, Reference, Registries, RegistryError, RepositoryName};

/// A place that does not answer.
pub(super) struct Unreachable {
    /// The place, e.g. `the registry low.example`.
    pub(super) place: String,
    /// Why not.
    pub(super) problem: String,
    /// The diagnosis of that.
    pub(super) diagnosis: Diagnosis,
}

/// Returns an error if it says that a place does not answer; other errors are answers.
fn unreachable<E: Diagnose + std::fmt::Display>(
    place: String,
    done: Result<(), E>,
) -> Result<(), Unreachable> {
    let Err(error) = done else { return Ok(()) };
    match error.code() {
        Code::RegistryUnreachable | Code::StoreUnreachable => {
            Err(Unreachable { place, problem: error.to_string(), diagnosis: error.diagnosis() })
        }
        _ => Ok(()),
    }
}

/// Asks the registry of an import pipeline.
pub(super) fn ask_target(pipeline: &ImportPipeline, equipment: &Equipment) -> Result<(), Unreachable> {
    let host = &pipeline.to.host;
    let repository = pipeline.to.prefix.as_ref().map_or("carnet/check", |prefix| prefix.as_str());
    let repository: RepositoryName = repository.parse().expect("a name");
    let done = ask(host, &repository, Access::Push, equipment.registry_only(host));
    unreachable(format!("the registry {host}"), done)
}

/// Asks the store of an export pipeline and the registries of what it packs. With `ContinueOnErrors`, one registry that
/// answers is enough.
pub(super) fn ask_all(pipeline: &ExportPipeline, equipment: &Equipment) -> Result<(), Unreachable> {
    let place = format!("the place {}", pipeline.to);
    match equipment.target(pipeline) {
        Ok(store) => unreachable(place, store.ask())?,
        Err(error) => unreachable(place, Err(error))?,
    }
    let settings = registry::Settings { reach: Reach::Anywhere, ..equipment.registry.clone() };
    let mut asked: Vec<&Host> = Vec::new();
    let mut first = Ok(());
    let mut answers = 0;
    for spec in &pipeline.artifacts {
        match spec.host() {
            // A file or folder has no registry.
            None => answers += 1,
            Some(host) if asked.contains(&host) => {}
            Some(host) => {
                asked.push(host);
                let other = || "carnet/check".parse().expect("a name");
                let repository = spec.repository().cloned().unwrap_or_else(other);
                let done = ask(host, &repository, Access::Pull, settings.clone());
                match unreachable(format!("the registry {host}"), done) {
                    Ok(()) => answers += 1,
                    error => first = first.and(error),
                }
            }
        }
    }
    if answers > 0 && pipeline.has(PipelineOption::ContinueOnErrors) { Ok(()) } else { first }
}

/// Asks a registry for a tag that nobody uses.
fn ask(
    host: &Host,
    repository: &RepositoryName,
    access: Access,
    settings: registry::Settings,
) -> Result<(), RegistryError> {
    let registries = Registries::new(settings);
    let registry = registries.registry(host)?;
    let reference = Reference::Tag("carnet-check".parse().expect("a tag"));
    registry.repository(repository, access).resolve(&reference).map(drop)
}
