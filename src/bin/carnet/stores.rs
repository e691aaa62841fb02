//! The options for object stores, and opening the stores that places name.

use std::path::PathBuf;
use std::sync::Arc;

use carnet::environment::Environment;
use carnet::medium::{Bucket, BucketSettings, Category, ChunkPlace, ChunkStore, Folder};
use carnet::small_file::SmallFile;
use carnet::storage::{self, Encryption, Location, Settings};
use clap::Args as ClapArgs;

use super::command_error::CommandError;
use super::network::Network;
use super::world::{SystemClock, proxy, spool_folder, store_variables};

/// What the commands say of the places that they read.
pub(crate) const PLACES: &str =
    "Chunk files, or folders or places in object stores that hold them; file names do not matter";

/// What `sums` says of them.
pub(crate) const SUMMED: &str =
    "Chunk files, or folders or places in object stores that hold them; other files are ignored";

/// Maximum size of a file with a secret, in bytes.
const SECRET_BYTES_MAX: u64 = 16 << 10;

/// The options of the commands that only read chunk files.
#[derive(ClapArgs, Clone)]
pub(crate) struct StoreArgs {
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) access: StoreAccess,
}

impl StoreArgs {
    /// The stores for a command that only reads.
    pub(crate) fn open<'a>(&'a self, environment: &'a Environment<'a>) -> Stores<'a> {
        Stores { network: &self.network, access: &self.access, writing: None, environment }
    }
}

/// The option for access to object stores.
#[derive(ClapArgs, Clone)]
#[command(next_help_heading = "Options for object stores")]
pub(crate) struct StoreAccess {
    /// Read the secret of the object store from FILE: the SAS token, or the secret access key
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

/// The options of the commands that write chunk files.
#[derive(ClapArgs, Clone)]
#[command(next_help_heading = "Options for object stores")]
pub(crate) struct StoreWriting {
    /// Assemble chunks for object stores in DIR, at most three at a time [default: TMPDIR or /var/tmp]
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,
    /// The category in the metadata of chunks in object stores
    #[arg(long, value_name = "TEXT", default_value_t)]
    category: Category,
    /// How S3 encrypts new objects: AES256, aws:kms, or aws:kms=KEY [default: as the bucket says]
    #[arg(long, value_name = "HOW")]
    sse: Option<Encryption>,
}

/// Opens the stores that the places of a command name.
pub(crate) struct Stores<'a> {
    pub(crate) network: &'a Network,
    pub(crate) access: &'a StoreAccess,
    /// Absent if the command writes no chunk files.
    pub(crate) writing: Option<&'a StoreWriting>,
    pub(crate) environment: &'a Environment<'a>,
}

impl Stores<'_> {
    /// Opens a place as a store for new chunk files.
    pub(crate) fn store(&self, place: &ChunkPlace) -> Result<Box<dyn ChunkStore>, CommandError> {
        Ok(match place {
            ChunkPlace::Path(path) => Box::new(Folder::new(path)),
            ChunkPlace::Store(location) => Box::new(self.bucket(location)?),
        })
    }

    /// Opens a place in an object store. No object is requested yet.
    pub(crate) fn bucket(&self, location: &Location) -> Result<Bucket, CommandError> {
        let mut variables = store_variables();
        if let Some(path) = &self.access.secret_file {
            let secret = SmallFile::read(path, SECRET_BYTES_MAX)
                .and_then(|file| file.text().map(|text| text.trim().to_owned()))
                .map_err(|error| CommandError::small_file(path, &error))?;
            let name = match location {
                Location::S3 { .. } => "AWS_SECRET_ACCESS_KEY",
                Location::Azure { .. } => "AZURE_STORAGE_SAS_TOKEN",
            };
            variables.set(name, &secret);
        }
        let settings = Settings {
            variables,
            secret_command: None,
            clock: Arc::new(SystemClock),
            encryption: self.writing.and_then(|writing| writing.sse.clone()),
            http: self.network.settings(proxy()?, self.environment.workers.stop()),
        };
        let bucket_settings = BucketSettings {
            spool: self.writing.and_then(|writing| writing.spool.clone()).unwrap_or_else(spool_folder),
            connections: self.network.transfers(),
            category: self.writing.map(|writing| writing.category.clone()).unwrap_or_default(),
        };
        Ok(Bucket::new(storage::open(location, &settings)?, location, bucket_settings))
    }
}
