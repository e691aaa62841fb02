//! New tar archives as sinks: an image layout, with an additional `manifest.json` for Docker.
//!
//! The offset of every blob is known before the first byte is written, so blobs can be written concurrently.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::OFlags;

use super::announced::Announced;
use super::docker_manifest::{ArchiveBlobs, manifest_json};
use super::index_merge::check_distinct;
use super::layout_files::blob_path;
use super::staging::{create_new, unique_suffix};
use super::tar_plan::{Place, TarPlan};
use super::{ArtifactError, ArtifactSink, BlobWriter};
use crate::medium::{Writeback, rename_new, reserve};
use crate::oci::write::{IndexEntry, OCI_LAYOUT, index_json};
use crate::oci::{Descriptor, Digest, VerifiedBlob};

/// The format of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ArchiveFormat {
    Oci,
    Docker,
}

/// A new archive as a sink. It gets its final name when it is finished.
#[derive(Debug)]
pub struct ArchiveSink {
    name: String,
    target: PathBuf,
    format: ArchiveFormat,
    plan: TarPlan,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Locked until dropped, so that other runs know that the file is in use.
    file: File,
    path: PathBuf,
    places: BTreeMap<Digest, Place>,
    committed: Mutex<HashSet<Digest>>,
    begun: Mutex<HashSet<Digest>>,
    writeback: Writeback,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change leaves the set consistent, so a panic elsewhere does no harm.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Shared {
    fn drop(&mut self) {
        // After `finish` the file has been renamed, and this does nothing.
        let _ = fs::remove_file(&self.path);
    }
}

impl Shared {
    fn write(&self, bytes: &[u8], at: u64) -> Result<(), ArtifactError> {
        self.file.write_all_at(bytes, at).map_err(ArtifactError::io("cannot write", &self.path))?;
        self.writeback.wrote(&self.file, bytes.len() as u64);
        Ok(())
    }
}

impl ArchiveSink {
    /// Creates an `oci-archive` for `blobs`, given with their sizes in bytes.
    ///
    /// # Errors
    /// If `path` exists.
    pub fn oci(path: &Path, name: &str, blobs: &[(Digest, u64)]) -> Result<ArchiveSink, ArtifactError> {
        ArchiveSink::create(path, name, blobs, ArchiveFormat::Oci)
    }

    /// Creates a `docker-archive` for `blobs`, given with their sizes in bytes.
    ///
    /// # Errors
    /// If `path` exists.
    pub fn docker(path: &Path, name: &str, blobs: &[(Digest, u64)]) -> Result<ArchiveSink, ArtifactError> {
        ArchiveSink::create(path, name, blobs, ArchiveFormat::Docker)
    }

    fn create(
        path: &Path,
        name: &str,
        blobs: &[(Digest, u64)],
        format: ArchiveFormat,
    ) -> Result<ArchiveSink, ArtifactError> {
        let Some(file_name) = path.file_name() else {
            let problem = "the path does not end in a file name".to_owned();
            return Err(ArtifactError::UnsafePath { path: path.to_owned(), problem });
        };
        if path.symlink_metadata().is_ok() {
            return Err(ArtifactError::TargetExists { path: path.to_owned() });
        }
        let mut sizes = BTreeMap::new();
        for &(digest, bytes) in blobs {
            match sizes.insert(digest, bytes) {
                Some(announced) if announced != bytes => {
                    return Err(ArtifactError::BlobSize { digest, announced, found: bytes });
                }
                _ => {}
            }
        }
        let mut plan = TarPlan::default();
        let mut places = BTreeMap::new();
        for (digest, bytes) in sizes {
            places.insert(digest, plan.place(path, &blob_path(&digest), bytes)?);
        }
        let (temporary, file) = create_beside(path, file_name)?;
        let (committed, begun, writeback) = Default::default();
        let shared = Shared { file, path: temporary, places, committed, begun, writeback };
        reserve(&shared.file, plan.archive_bytes())
            .map_err(ArtifactError::io("cannot write", &shared.path))?;
        for place in shared.places.values() {
            shared.write(&place.headers, place.at)?;
        }
        let (name, target) = (name.to_owned(), path.to_owned());
        Ok(ArchiveSink { name, target, format, plan, shared: Arc::new(shared) })
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), ArtifactError> {
        let place = self.plan.place(&self.target, name, bytes.len() as u64)?;
        self.shared.write(&place.headers, place.at)?;
        self.shared.write(bytes, place.start)
    }
}

impl ArchiveBlobs for Shared {
    fn bytes_of(&self, digest: &Digest) -> Option<u64> {
        self.places.get(digest).map(|place| place.bytes)
    }

    fn read(&self, digest: &Digest) -> Result<Vec<u8>, ArtifactError> {
        let (start, bytes) = self.places.get(digest).map_or((0, 0), |place| (place.start, place.bytes));
        let mut content = vec![0; usize::try_from(bytes).unwrap_or(0)];
        let cannot_read = ArtifactError::io("cannot read", &self.path);
        self.file.read_exact_at(&mut content, start).map_err(cannot_read)?;
        Ok(content)
    }
}

/// Creates the temporary file for `path`, and removes those of killed runs.
fn create_beside(path: &Path, file_name: &std::ffi::OsStr) -> Result<(PathBuf, File), ArtifactError> {
    let folder = folder_of(path);
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(file_name);
    prefix.push(".carnet-");
    remove_stale(folder, &prefix);
    prefix.push(unique_suffix(path)?);
    let temporary = folder.join(prefix);
    let file = create_new(&temporary)?;
    file.lock().map_err(ArtifactError::io("cannot lock", &temporary))?;
    let links =
        file.metadata().map_err(ArtifactError::io("cannot read the metadata of", &temporary))?.nlink();
    if links == 0 {
        // Another run took the file for a stale one before it was locked, and removed it.
        return Err(ArtifactError::io("cannot create", &temporary)(io::ErrorKind::NotFound.into()));
    }
    Ok((temporary, file))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn remove_stale(folder: &Path, prefix: &std::ffi::OsStr) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if !is_file || !entry.file_name().as_encoded_bytes().starts_with(prefix.as_encoded_bytes()) {
            continue;
        }
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(entry.path());
        if opened.is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

impl ArtifactSink for ArchiveSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn check_names(&self, index: &[IndexEntry]) -> Result<(), ArtifactError> {
        check_distinct(index, &self.name)
    }

    fn is_added_to(&self) -> bool {
        false
    }

    fn contains(&self, descriptor: &Descriptor) -> Result<bool, ArtifactError> {
        let fits = self.shared.bytes_of(&descriptor.digest) == Some(descriptor.size);
        Ok(fits && locked(&self.shared.committed).contains(&descriptor.digest))
    }

    /// Each blob has one place in the archive, so it can have only one writer at a time.
    fn begin(&self, descriptor: &Descriptor) -> Result<Box<dyn BlobWriter>, ArtifactError> {
        let digest = descriptor.digest;
        let free = !locked(&self.shared.committed).contains(&digest);
        let place = self.shared.places.get(&digest).filter(|place| place.bytes == descriptor.size);
        match place {
            Some(place) if free && locked(&self.shared.begun).insert(digest) => Ok(Box::new(PlacedBlob {
                start: place.start,
                digest,
                announced: Announced::of(descriptor),
                shared: Arc::clone(&self.shared),
            })),
            _ => {
                let (place, bytes) = (self.name.clone(), descriptor.size);
                Err(ArtifactError::NotPlanned { place, digest, bytes })
            }
        }
    }

    fn finish(mut self: Box<Self>, index: &[IndexEntry]) -> Result<(), ArtifactError> {
        self.check_names(index)?;
        let shared = Arc::clone(&self.shared);
        let committed = locked(&shared.committed);
        let wanted = shared.places.keys().chain(index.iter().map(|entry| &entry.digest));
        if let Some(&digest) = { wanted }.find(|digest| !committed.contains(digest)) {
            return Err(ArtifactError::NoSuchBlob { place: self.name.clone(), digest });
        }
        drop(committed);
        self.append("oci-layout", OCI_LAYOUT)?;
        self.append("index.json", &index_json(index))?;
        if self.format == ArchiveFormat::Docker {
            let manifest = manifest_json(&self.name, index, shared.as_ref())?;
            self.append("manifest.json", &manifest)?;
        }
        let cannot_write = || ArtifactError::io("cannot write", &self.target);
        // This appends the end marker, which consists of zeros.
        shared.file.set_len(self.plan.archive_bytes()).map_err(cannot_write())?;
        shared.file.sync_all().map_err(cannot_write())?;
        rename_new(&shared.path, &self.target).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => ArtifactError::TargetExists { path: self.target.clone() },
            _ => ArtifactError::io("cannot create", &self.target)(error),
        })?;
        let folder = folder_of(&self.target);
        let cannot_sync = || ArtifactError::io("cannot sync", folder);
        File::open(folder).map_err(cannot_sync())?.sync_all().map_err(cannot_sync())
    }
}

/// The writer of a blob in the archive.
struct PlacedBlob {
    start: u64,
    digest: Digest,
    announced: Announced,
    shared: Arc<Shared>,
}

impl BlobWriter for PlacedBlob {
    fn write(&mut self, block: &[u8]) -> Result<(), ArtifactError> {
        let at = self.start + self.announced.written();
        self.announced.advance(block.len())?;
        self.shared.write(block, at)
    }

    fn commit(self: Box<Self>, proof: VerifiedBlob) -> Result<(), ArtifactError> {
        let digest = self.announced.accept(proof)?;
        locked(&self.shared.committed).insert(digest);
        Ok(())
    }
}

impl Drop for PlacedBlob {
    fn drop(&mut self) {
        locked(&self.shared.begun).remove(&self.digest);
    }
}
