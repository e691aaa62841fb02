//! What all pipelines of a station share.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Alive, ExportPipeline, ImportPipeline, StationError};
use crate::clock::Clock;
use crate::medium::{Bucket, BucketSettings, Category, ChunkPlace, ChunkStore, Folder};
use crate::registry::{Host, Reach};
use crate::storage::Encryption;
use crate::{registry, storage};

/// What all pipelines of a station share: connections, credentials, and the clock.
#[derive(Clone)]
pub struct Equipment {
    /// The settings for registries. Their reach is set for each run.
    pub registry: registry::Settings,
    /// The settings for object stores. Their secret command and encryption are set for each pipeline.
    pub storage: storage::Settings,
    /// Other hosts that registries may refer to.
    pub allow_hosts: Vec<Host>,
    /// The folder in which chunks for object stores are assembled.
    pub spool: PathBuf,
    /// The maximum number of concurrent transfers.
    pub connections: NonZeroUsize,
    /// The name of this machine, for records.
    pub host: Option<String>,
    /// When each pipeline last showed that it is alive.
    pub alive: Arc<Alive>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl Equipment {
    /// Opens the place into which a pipeline exports.
    ///
    /// # Errors
    /// If there is no access to an object store.
    pub fn target(&self, pipeline: &ExportPipeline) -> Result<Box<dyn ChunkStore>, StationError> {
        let ExportPipeline { to, secret_command, category, encryption, .. } = pipeline;
        self.store(to, secret_command.as_deref(), category, encryption.as_ref())
    }

    /// Opens the inbox of a pipeline.
    ///
    /// # Errors
    /// If there is no access to an object store.
    pub fn inbox(&self, pipeline: &ImportPipeline) -> Result<Box<dyn ChunkStore>, StationError> {
        self.store(&pipeline.from, pipeline.secret_command.as_deref(), &Category::default(), None)
    }

    fn store(
        &self,
        place: &ChunkPlace,
        secret_command: Option<&[String]>,
        category: &Category,
        encryption: Option<&Encryption>,
    ) -> Result<Box<dyn ChunkStore>, StationError> {
        Ok(match place {
            ChunkPlace::Path(path) => Box::new(Folder::new(path)),
            ChunkPlace::Store(location) => {
                let mut settings = self.storage.clone();
                settings.secret_command = secret_command.map(<[String]>::to_vec);
                settings.encryption = encryption.cloned();
                let bucket = BucketSettings {
                    spool: self.spool.clone(),
                    connections: self.connections,
                    category: category.clone(),
                };
                Box::new(Bucket::new(storage::open(location, &settings)?, location, bucket))
            }
        })
    }

    /// The settings for one registry to import into: only it and the allowed hosts are contacted.
    pub(super) fn registry_only(&self, host: &Host) -> registry::Settings {
        let mut hosts = vec![host.clone()];
        hosts.extend(self.allow_hosts.iter().cloned());
        registry::Settings { reach: Reach::Only(hosts), ..self.registry.clone() }
    }
}
