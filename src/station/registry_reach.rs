//! Whether the registry of an import pipeline can be reached. It is asked before a run begins, so that a registry that is
//! away leaves neither records nor a line for each bundle.

use super::log::Level;
use super::serving::Serving;
use super::{Equipment, ImportPipeline};
use crate::diagnosis::{Code, Diagnose};
use crate::format::Timestamp;
use crate::registry::{Access, Reference, Registries, RegistryError, RepositoryName};

/// The longest wait in seconds between two questions to a registry that is away.
const AWAY_SECONDS_MAX: u64 = 300;

/// A registry that is away.
struct Away {
    problem: String,
    failures: u32,
    /// When it is asked again.
    next: Timestamp,
}

/// What the registry of a pipeline answered.
#[derive(Default)]
pub(super) struct RegistryReach {
    away: Option<Away>,
    /// Whether a bundle was ready in this look.
    is_wanted: bool,
}

/// What a bundle that is ready finds.
#[derive(PartialEq, Eq)]
pub(super) enum Answer {
    /// The registry is there.
    There,
    /// The registry is there again.
    Back,
    /// It is away; the text says since what and until when the bundle waits.
    Away(String),
}

impl RegistryReach {
    /// Asks the registry, unless it was away a short time ago. Says once that it is away, and once that it is back.
    pub(super) fn ask(&mut self, serving: &Serving<'_>, pipeline: &ImportPipeline) -> Answer {
        self.is_wanted = true;
        let now = serving.now();
        let waits = |away: &Away| format!("tried again at {}: {}", away.next, away.problem);
        if let Some(away) = self.away.as_ref().filter(|away| now < away.next) {
            return Answer::Away(waits(away));
        }
        let say = |level, text: &str| serving.log.line(level, &pipeline.name, None, text);
        let host = &pipeline.to.host;
        match asked(pipeline, serving.equipment) {
            Err(error) if error.code() == Code::RegistryUnreachable => {
                let problem = error.to_string();
                if self.away.is_none() {
                    let what = format!("the registry {host} is away, so nothing is imported");
                    serving.log.failed(&pipeline.name, None, &what, &problem, &error.diagnosis());
                }
                let failures = self.away.as_ref().map_or(0, |away| away.failures) + 1;
                let wait = serving.back_off(failures).min(AWAY_SECONDS_MAX);
                // Asking takes time, too.
                let next = serving.now().plus_seconds(wait).unwrap_or(now);
                let away = Away { problem, failures, next };
                let told = waits(&away);
                self.away = Some(away);
                Answer::Away(told)
            }
            // Any other answer comes from a registry that is there. What it refuses is in the record of the run.
            _ if self.away.take().is_some() => {
                say(Level::Info, &format!("the registry {host} is back"));
                Answer::Back
            }
            _ => Answer::There,
        }
    }

    /// A look begins.
    pub(super) fn begin_look(&mut self) {
        self.is_wanted = false;
    }

    /// A look ended. If nothing waits for the registry, it does not matter that it is away.
    pub(super) fn end_look(&mut self, serving: &Serving<'_>, pipeline: &ImportPipeline) {
        if !self.is_wanted && self.away.take().is_some() {
            let text = format!("no bundle waits for the registry {} any more", pipeline.to.host);
            serving.log.line(Level::Info, &pipeline.name, None, &text);
        }
    }

    /// Why the registry cannot be reached, if it is away.
    pub(super) fn problem(&self) -> Option<String> {
        self.away.as_ref().map(|away| format!("the registry is away: {}", away.problem))
    }
}

/// Asks the registry for a tag that nobody uses.
fn asked(pipeline: &ImportPipeline, equipment: &Equipment) -> Result<(), RegistryError> {
    let registries = Registries::new(equipment.registry_only(&pipeline.to.host));
    let registry = registries.registry(&pipeline.to.host)?;
    let repository = pipeline.to.prefix.as_ref().map_or("carnet/check", |prefix| prefix.as_str());
    let repository: RepositoryName = repository.parse().expect("a name");
    let reference = Reference::Tag("carnet-check".parse().expect("a tag"));
    registry.repository(&repository, Access::Push).resolve(&reference).map(drop)
}
