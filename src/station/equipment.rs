//! What all pipelines of a station share.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Alive, StationError};
use crate::clock::Clock;
use crate::medium::{Bucket, BucketSettings, CATEGORY, ChunkPlace, ChunkStore, Folder};
use crate::registry::{Host, Reach};
use crate::{registry, storage};

/// What all pipelines of a station share: connections, credentials, and the clock.
#[derive(Clone)]
pub struct Equipment {
    /// The settings for registries. Their reach is set for each run.
    pub registry: registry::Settings,
    /// The settings for object stores. Their secret command is set for each pipeline.
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
    /// Opens a place for chunk files.
    pub fn store(
        &self,
        place: &ChunkPlace,
        secret_command: Option<&[String]>,
    ) -> Result<Box<dyn ChunkStore>, StationError> {
        Ok(match place {
            ChunkPlace::Path(path) => Box::new(Folder::new(path)),
            ChunkPlace::Store(location) => {
                let mut settings = self.storage.clone();
                settings.secret_command = secret_command.map(<[String]>::to_vec);
                let bucket = BucketSettings {
                    spool: self.spool.clone(),
                    connections: self.connections,
                    category: CATEGORY.to_owned(),
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
