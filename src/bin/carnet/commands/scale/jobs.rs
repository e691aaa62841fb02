//! Jobs for the engines that pack the pieces of a plan.

use std::path::{Path, PathBuf};

use carnet::diagnosis::{Advice, Code};
use carnet::format::BundleName;
use carnet::medium::ChunkPlace;
use clap::ValueEnum;

use crate::command_error::CommandError;
use crate::plain::plain_path;
use crate::shell_word::shell_word;

/// An engine that runs many processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Engine {
    /// Slurm: slurm.sh submits an array of pieces, and a job that seals the bundle after them
    Slurm,
    /// Kubernetes: kubernetes.yaml has an Indexed Job
    Kubernetes,
    /// GNU parallel: parallel.sh runs the pieces on this machine, or on others over SSH
    Parallel,
}

/// Most pods at the same time, before somebody changes the file.
const PODS: usize = 8;

/// Returns the file of a job for the engine, its name and content; `None` if the bundle has no pieces.
///
/// # Errors
/// If the path of the plan has characters that no script should have, or if the engine cannot work there.
pub(super) fn job(
    engine: Engine,
    name: &BundleName,
    pieces: usize,
    plan: &ChunkPlace,
) -> Result<Option<(&'static str, String)>, CommandError> {
    let (file, template) = match engine {
        Engine::Slurm => ("slurm.sh", include_str!("slurm.sh")),
        Engine::Kubernetes => ("kubernetes.yaml", include_str!("kubernetes.yaml")),
        Engine::Parallel => ("parallel.sh", include_str!("parallel.sh")),
    };
    let Some(last) = pieces.checked_sub(1) else { return Ok(None) };
    let path = match plan {
        ChunkPlace::Path(path) => path.clone(),
        // Each pod would need the key, because an object is written once, with its signature.
        ChunkPlace::Store(_) if engine == Engine::Kubernetes => {
            let message = "a job for Kubernetes has no key, and chunks in an object store are signed when they are packed";
            let mut refused = CommandError::new(Code::BadPlace, message);
            refused.diagnosis.advice = Some(Advice::PiecesNeedFolder);
            return Err(refused);
        }
        ChunkPlace::Store(location) => PathBuf::from(location.to_string()),
    };
    let plan = path.as_path();
    let word = shell_word(plan).ok_or_else(|| {
        let message = format!("the path {} cannot be written into a script", plain_path(plan));
        CommandError::new(Code::FileNameOdd, message)
    })?;
    // JSON strings are strings of YAML, too.
    let quoted = |path: &Path| serde_json::to_string(&path.to_string_lossy()).expect("a text");
    let text = template
        .replace("@NAME@", name.as_str())
        .replace("@PIECES@", &pieces.to_string())
        .replace("@PODS@", &pieces.min(PODS).to_string())
        .replace("@LAST@", &last.to_string())
        .replace("@PLAN@", &word)
        .replace("@QUOTED_PLAN@", &quoted(plan))
        .replace("@QUOTED_FOLDER@", &quoted(plan.parent().unwrap_or(plan)));
    Ok(Some((file, text)))
}
