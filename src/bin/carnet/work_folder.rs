//! The folder of a work plan, which lies where the chunk files go: `NAME.plan`.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet::artifacts::{ArtifactSource, Expansion, SourceSpec};
use carnet::diagnosis::{Advice, Code};
use carnet::environment::Environment;
use carnet::format::BundleName;
use carnet::format::limits::PLAN_BYTES_MAX;
use carnet::medium::Folder;
use carnet::pack::{WORK_BYTES_MAX, WorkPlan};
use carnet::registry::Host;
use carnet::small_file::SmallFile;
use clap::Args;

use super::command_error::CommandError;
use super::connection::Connection;
use super::plain::plain_path;

/// The file with the plan of the bundle.
const PLAN: &str = "plan.txt";

/// The file with everything else.
const WORK: &str = "work.json";

/// The options of the commands that work on a plan.
#[derive(Args)]
pub(crate) struct WorkArgs {
    /// The plan: the folder NAME.plan that `carnet plan` made. The chunk files go into the folder that it is in
    #[arg(long, value_name = "DIR")]
    plan: PathBuf,
    /// Expand archives that are compressed with gzip or zstd into DIR first; nothing is left there
    #[arg(long, value_name = "DIR")]
    tmp: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
    /// Allow layer URLs on HOST[:PORT] even if its address is private; repeatable
    #[arg(long, value_name = "HOST")]
    allow_private_urls: Vec<Host>,
}

impl WorkArgs {
    /// The path of the plan.
    pub(crate) fn path(&self) -> &Path {
        &self.plan
    }

    /// Reads the plan.
    pub(crate) fn read(&self) -> Result<WorkPlan, CommandError> {
        let read = |file: &str, limit| {
            let path = self.plan.join(file);
            SmallFile::read(&path, limit).map_err(|error| CommandError::small_file(&path, &error))
        };
        let (plan, work) = (read(PLAN, PLAN_BYTES_MAX)?, read(WORK, WORK_BYTES_MAX)?);
        WorkPlan::parse(plan.raw(), work.raw()).map_err(|error| {
            let mut error = CommandError::from(error);
            error.message = format!("{}: {}", plain_path(&self.plan), error.message);
            error
        })
    }

    /// The folder of the chunk files.
    pub(crate) fn store(&self) -> Result<Folder, CommandError> {
        // A link to a plan is not next to the chunk files.
        let whole = fs::canonicalize(&self.plan).map_err(|error| unusable("read", &self.plan, &error))?;
        Ok(Folder::new(whole.parent().unwrap_or(Path::new("/"))))
    }

    /// Opens the sources of a plan. Nothing is requested of a registry yet.
    pub(crate) fn open_sources(
        &self,
        work: &WorkPlan,
        environment: &Environment<'_>,
    ) -> Result<Vec<Arc<dyn ArtifactSource>>, CommandError> {
        let specs = work.sources().iter().map(|source| source.parse::<SourceSpec>());
        let specs = specs.collect::<Result<Vec<_>, _>>()?;
        let stop = environment.workers.stop();
        let registries = self.connection.registries(&specs, &self.allow_private_urls, stop)?;
        let expansion = self.tmp.as_deref().map(|tmp| Expansion::new(tmp, environment.workers.stop()));
        let mut sources = Vec::new();
        for spec in &specs {
            sources.extend(spec.open_expanding(&registries, expansion.as_ref())?.into_iter().next());
        }
        Ok(sources)
    }
}

/// Writes a plan into `to`, with more files beside it. Returns the path of its folder, which appears whole or not at all.
///
/// # Errors
/// If there is a plan of this name already.
pub(crate) fn write(
    work: &WorkPlan,
    more: &[(&str, String)],
    to: &Path,
    name: &BundleName,
) -> Result<PathBuf, CommandError> {
    let path = to.join(format!("{name}.plan"));
    if fs::symlink_metadata(&path).is_ok() {
        let message = format!("{} exists already", plain_path(&path));
        return Err(CommandError::new(Code::TargetExists, message));
    }
    fs::create_dir_all(to).map_err(|error| unusable("make folder", to, &error))?;
    let pending = to.join(format!(".{name}.plan.{}", std::process::id()));
    let (plan, rest) = work.render();
    let written = (|| {
        fs::create_dir(&pending)?;
        let more = more.iter().map(|(file, text)| (*file, text.as_bytes()));
        for (file, bytes) in [(PLAN, plan.as_slice()), (WORK, &rest)].into_iter().chain(more) {
            let mut file = fs::File::create_new(pending.join(file))?;
            file.write_all(bytes)?;
            file.sync_all()?;
        }
        fs::File::open(&pending)?.sync_all()?;
        // It replaces no folder that has something in it.
        fs::rename(&pending, &path)?;
        fs::File::open(to)?.sync_all()
    })();
    written.map_err(|error| {
        let _ = fs::remove_dir_all(&pending);
        unusable("write", &path, &error)
    })?;
    Ok(path)
}

fn unusable(what: &str, path: &Path, error: &io::Error) -> CommandError {
    let mut refused =
        CommandError::new(Code::FileUnusable, format!("cannot {what} {}: {error}", plain_path(path)));
    refused.diagnosis.advice = Advice::of_io(error);
    refused
}
