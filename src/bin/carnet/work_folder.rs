//! The place of a work plan, which lies where the chunk files go: `NAME.plan`.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet::artifacts::{ArtifactSource, Expansion, SourceSpec};
use carnet::diagnosis::{Advice, Code};
use carnet::environment::Environment;
use carnet::format::BundleName;
use carnet::format::limits::PLAN_BYTES_MAX;
use carnet::medium::{ChunkFile, ChunkPlace, ChunkStore};
use carnet::pack::{WORK_BYTES_MAX, WorkPlan};
use carnet::registry::Host;
use carnet::small_file::SmallFile;
use carnet::storage::Location;
use clap::Args;

use super::chunk_place::chunk_place;
use super::command_error::CommandError;
use super::connection::Connection;
use super::plain::plain_path;
use super::stores::{StoreAccess, StoreWriting, Stores};

/// The file with the plan of the bundle.
const PLAN: &str = "plan.txt";

/// The file with everything else.
const WORK: &str = "work.json";

/// The options of the commands that work on a plan.
#[derive(Args)]
pub(crate) struct WorkArgs {
    /// The plan: NAME.plan, which `carnet plan` made. The chunk files go into the folder, or the place in an object store, that it is in
    #[arg(long, value_name = "PLACE", value_parser = chunk_place())]
    plan: ChunkPlace,
    /// Expand archives that are compressed with gzip or zstd into DIR first; nothing is left there
    #[arg(long, value_name = "DIR")]
    tmp: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    access: StoreAccess,
    #[command(flatten)]
    writing: StoreWriting,
    /// Allow layer URLs on HOST[:PORT] even if its address is private; repeatable
    #[arg(long, value_name = "HOST")]
    allow_private_urls: Vec<Host>,
}

impl WorkArgs {
    /// The place of the plan.
    pub(crate) fn place(&self) -> &ChunkPlace {
        &self.plan
    }

    /// Reads the plan.
    pub(crate) fn read(&self, environment: &Environment<'_>) -> Result<WorkPlan, CommandError> {
        let stores = self.stores(environment);
        let (plan, work) = match &self.plan {
            ChunkPlace::Path(path) => {
                let read = |file: &str, limit| {
                    let path = path.join(file);
                    let read = SmallFile::read(&path, limit);
                    read.map(|file| file.raw().to_vec())
                        .map_err(|error| CommandError::small_file(&path, &error))
                };
                (read(PLAN, PLAN_BYTES_MAX)?, read(WORK, WORK_BYTES_MAX)?)
            }
            ChunkPlace::Store(location) => {
                let files = stores.bucket(location)?.files()?;
                let read = |file: &str, limit| read_object(&files, location, file, limit);
                (read(PLAN, PLAN_BYTES_MAX)?, read(WORK, WORK_BYTES_MAX)?)
            }
        };
        WorkPlan::parse(&plan, &work).map_err(|error| {
            let mut error = CommandError::from(error);
            error.message = format!("{}: {}", self.plan, error.message);
            error
        })
    }

    /// Where the chunk files go.
    pub(crate) fn chunks(&self) -> Result<ChunkPlace, CommandError> {
        Ok(match &self.plan {
            ChunkPlace::Path(path) => {
                // A link to a plan is not next to the chunk files.
                let whole = fs::canonicalize(path).map_err(|error| unusable("read", path, &error))?;
                ChunkPlace::Path(whole.parent().unwrap_or(Path::new("/")).to_owned())
            }
            ChunkPlace::Store(location) => ChunkPlace::Store(location.parent()),
        })
    }

    /// The store of the chunk files.
    pub(crate) fn store(&self, environment: &Environment<'_>) -> Result<Box<dyn ChunkStore>, CommandError> {
        self.stores(environment).store(&self.chunks()?)
    }

    fn stores<'a>(&'a self, environment: &'a Environment<'a>) -> Stores<'a> {
        let (network, access) = (&self.connection.network, &self.access);
        Stores { network, access, writing: Some(&self.writing), environment }
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

/// Reads a small object of a plan.
fn read_object(
    files: &[Arc<dyn ChunkFile>],
    location: &Location,
    name: &str,
    limit: u64,
) -> Result<Vec<u8>, CommandError> {
    let refused = |problem: String| {
        CommandError::new(Code::FileUnusable, format!("cannot read {location}/{name}: {problem}"))
    };
    let file = files.iter().find(|file| file.file_name() == Some(name));
    let file = file.ok_or_else(|| refused("there is no such object".to_owned()))?;
    if file.bytes() > limit {
        return Err(refused(format!("it has {} bytes, at most {limit} are allowed", file.bytes())));
    }
    let mut bytes = vec![0; usize::try_from(file.bytes()).map_err(CommandError::system)?];
    let read = file.open().and_then(|open| open.read_exact_at(&mut bytes, 0));
    read.map_err(|error| refused(error.to_string()))?;
    Ok(bytes)
}

/// Returns where the plan of a bundle of this name is, among the chunk files in `to`.
pub(crate) fn plan_in(to: &ChunkPlace, name: &BundleName) -> ChunkPlace {
    let file = format!("{name}.plan");
    match to {
        ChunkPlace::Path(to) => {
            let path = to.join(file);
            ChunkPlace::Path(std::path::absolute(&path).unwrap_or(path))
        }
        ChunkPlace::Store(location) => ChunkPlace::Store(location.below(&file)),
    }
}

/// Writes a plan into `to`, with more files beside it.
///
/// # Errors
/// If there is a plan of this name already.
pub(crate) fn write(
    work: &WorkPlan,
    more: &[(&str, String)],
    to: &ChunkPlace,
    name: &BundleName,
    stores: &Stores<'_>,
) -> Result<(), CommandError> {
    let location = match to {
        ChunkPlace::Path(to) => return write_folder(work, more, to, name),
        ChunkPlace::Store(location) => location.below(&format!("{name}.plan")),
    };
    let bucket = stores.bucket(&location)?;
    if !bucket.files()?.is_empty() {
        return Err(CommandError::new(Code::TargetExists, format!("{location} exists already")));
    }
    let (plan, rest) = work.render();
    let more = more.iter().map(|(file, text)| (*file, text.as_bytes()));
    // Without the last one there is no plan.
    for (file, bytes) in more.chain([(PLAN, plan.as_slice()), (WORK, &rest)]) {
        bucket.put_beside(file, bytes)?;
    }
    Ok(())
}

/// Writes a plan as a folder, which appears whole or not at all.
fn write_folder(
    work: &WorkPlan,
    more: &[(&str, String)],
    to: &Path,
    name: &BundleName,
) -> Result<(), CommandError> {
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
    })
}

fn unusable(what: &str, path: &Path, error: &io::Error) -> CommandError {
    let mut refused =
        CommandError::new(Code::FileUnusable, format!("cannot {what} {}: {error}", plain_path(path)));
    refused.diagnosis.advice = Advice::of_io(error);
    refused
}
