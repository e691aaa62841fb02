//! Image layouts in directories as sinks, new ones or existing ones.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, mkdirat, openat, renameat, statat, syncfs};

use super::announced::Announced;
use super::directory::Directory;
use super::extent::Extent;

use super::index_merge::merged;
use super::layout_files::{blob_path, check_layout_file};
use super::staging::Staging;
use super::{ArtifactError, ArtifactSink, BlobWriter, ExistingName};
use crate::medium::{Writeback, reserve};
use crate::oci::document::DOCUMENT_BYTES_MAX;
use crate::oci::write::{IndexEntry, OCI_LAYOUT};
use crate::oci::{Descriptor, Digest, VerifiedBlob};

/// Disk space is reserved for blobs of at least this size in bytes. Smaller ones are hardly ever fragmented.
const RESERVED_FROM_BYTES: u64 = 1 << 20;

/// An image layout as a sink. Until it is finished, only a hidden staging folder is written.
#[derive(Debug)]
pub struct LayoutSink {
    name: String,
    path: PathBuf,
    root: File,
    on_existing_name: ExistingName,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    staging: Staging,
    /// The committed blobs, and their paths in the staging folder.
    committed: Mutex<BTreeMap<Digest, PathBuf>>,
    /// The blobs that were present before and have been hashed.
    present: Mutex<HashSet<Digest>>,
    /// The directory of the layout, if this run created it. Declared last, so that it is dropped after `staging`.
    _created: Option<NewFolder>,
}

/// A new folder. Dropping it removes the folder if it is still empty.
#[derive(Debug)]
struct NewFolder(PathBuf);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change leaves the collection consistent, so a panic elsewhere does no harm.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        // This fails on purpose if the folder is not empty.
        let _ = fs::remove_dir(&self.0);
    }
}

impl LayoutSink {
    /// Opens the layout in the directory `path`. The directory is created if it does not exist; its parent must exist.
    ///
    /// # Errors
    /// If the directory has other content than a layout.
    pub fn open(
        path: &Path,
        name: &str,
        on_existing_name: ExistingName,
    ) -> Result<LayoutSink, ArtifactError> {
        let created = match fs::create_dir(path) {
            Ok(()) => Some(NewFolder(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
            Err(error) => return Err(ArtifactError::io("cannot create", path)(error)),
        };
        let directory = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, path, directory, Mode::empty())
            .map_err(|error| ArtifactError::io("cannot open directory", path)(error.into()))?;
        check_target(path)?;
        let shared = Shared {
            staging: Staging::create(path)?,
            committed: Mutex::default(),
            present: Mutex::default(),
            _created: created,
        };
        Ok(LayoutSink {
            name: name.to_owned(),
            path: path.to_owned(),
            root: root.into(),
            on_existing_name,
            shared: Arc::new(shared),
        })
    }

    fn files(&self) -> Directory {
        Directory(self.path.clone())
    }

    fn merged_index(&self, entries: &[IndexEntry]) -> Result<Vec<u8>, ArtifactError> {
        let existing = self.files().read("index.json", DOCUMENT_BYTES_MAX)?;
        merged(existing.as_deref(), entries, self.on_existing_name, &self.name, &self.path)
    }

    /// Moves the committed blobs to their final paths, and syncs the folders of these.
    fn place_blobs(&self, io: impl Fn(rustix::io::Errno) -> ArtifactError) -> Result<(), ArtifactError> {
        let blobs = self.folder(&self.root, "blobs")?;
        let mut folders: BTreeMap<&'static str, File> = BTreeMap::new();
        for (digest, from) in locked(&self.shared.committed).iter() {
            let algorithm = digest.algorithm().name();
            if !folders.contains_key(algorithm) {
                folders.insert(algorithm, self.folder(&blobs, algorithm)?);
            }
            renameat(CWD, from, &folders[algorithm], digest.hex()).map_err(&io)?;
        }
        for folder in folders.values().chain([&blobs]) {
            folder.sync_all().map_err(ArtifactError::io("cannot sync", &self.path))?;
        }
        Ok(())
    }

    /// Opens a folder in `parent`, never through a symbolic link. The folder is created if it does not exist.
    fn folder(&self, parent: &File, name: &str) -> Result<File, ArtifactError> {
        match mkdirat(parent, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => {
                return Err(ArtifactError::io("cannot create", &self.path.join(name))(error.into()));
            }
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(parent, name, flags, Mode::empty()).map(File::from).map_err(|_| ArtifactError::UnsafePath {
            path: self.path.join(name),
            problem: "not a directory".to_owned(),
        })
    }

    /// Whether the folders above the blob exist and are not symbolic links.
    fn blob_folders_exist(&self, digest: &Digest) -> bool {
        let folder = format!("blobs/{}", digest.algorithm().name());
        ["blobs", &folder].into_iter().all(|name| {
            statat(&self.root, name, AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
        })
    }
}

/// Checks that the directory is new, empty, a layout, or the remains of a killed run.
fn check_target(path: &Path) -> Result<(), ArtifactError> {
    let files = Directory(path.to_owned());
    let refuse = |problem: String| ArtifactError::NotALayout { path: path.to_owned(), problem };
    if let Some(bytes) = files.read("oci-layout", DOCUMENT_BYTES_MAX)? {
        return check_layout_file(&bytes).map_err(refuse);
    }
    let cannot_list = || ArtifactError::io("cannot list", path);
    for entry in fs::read_dir(path).map_err(cannot_list())? {
        let name = entry.map_err(cannot_list())?.file_name();
        if name != "blobs" && !Staging::is_staging_name(&name) {
            let name = name.to_string_lossy();
            return Err(refuse(format!("the directory has no oci-layout, but contains {name:?}")));
        }
    }
    Ok(())
}

impl ArtifactSink for LayoutSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn check_names(&self, index: &[IndexEntry]) -> Result<(), ArtifactError> {
        self.merged_index(index).map(|_| ())
    }

    fn is_added_to(&self) -> bool {
        true
    }

    /// A file that was present before is hashed once: another tool wrote it, or it was damaged on disk.
    fn contains(&self, descriptor: &Descriptor) -> Result<bool, ArtifactError> {
        let digest = descriptor.digest;
        if locked(&self.shared.committed).contains_key(&digest)
            || locked(&self.shared.present).contains(&digest)
        {
            return Ok(true);
        }
        if !self.blob_folders_exist(&digest) {
            return Ok(false);
        }
        // Anything but a regular file is replaced by the blob.
        let Ok(Some(extent)) = self.files().open(&blob_path(&digest)) else { return Ok(false) };
        if extent.bytes != descriptor.size {
            return Ok(false);
        }
        let cannot_read = ArtifactError::io("cannot read", &self.path.join(blob_path(&digest)));
        let found = Extent::digest(&extent, digest.algorithm()).map_err(cannot_read)?;
        let right = found == (digest, descriptor.size);
        if right {
            locked(&self.shared.present).insert(digest);
        }
        Ok(right)
    }

    fn begin(&self, descriptor: &Descriptor) -> Result<Box<dyn BlobWriter>, ArtifactError> {
        let (path, file) = self.shared.staging.file()?;
        if descriptor.size >= RESERVED_FROM_BYTES {
            reserve(&file, descriptor.size).map_err(ArtifactError::io("cannot write", &path))?;
        }
        Ok(Box::new(StagedBlob {
            file,
            path,
            writeback: Writeback::default(),
            announced: Announced::of(descriptor),
            shared: Arc::clone(&self.shared),
            kept: false,
        }))
    }

    fn finish(self: Box<Self>, index: &[IndexEntry]) -> Result<(), ArtifactError> {
        let io = |error: rustix::io::Errno| ArtifactError::io("cannot write to", &self.path)(error.into());
        // Without the lock, two runs that finish at the same time could lose the entries of one of them. Some network
        // file systems cannot lock a directory; there the operator must avoid that.
        let _ = self.root.lock();
        let index_bytes = self.merged_index(index)?;
        for IndexEntry { digest, size, media_type, .. } in index {
            if !self.contains(&Descriptor::new(media_type.clone(), *digest, *size))? {
                return Err(ArtifactError::NoSuchBlob { place: self.name.clone(), digest: *digest });
            }
        }
        syncfs(&self.root).map_err(io)?;
        self.place_blobs(io)?;
        if self.files().bytes_of("oci-layout")?.is_none() {
            let staged = self.shared.staging.small_file(OCI_LAYOUT)?;
            renameat(CWD, &staged, &self.root, "oci-layout").map_err(io)?;
        }
        let staged = self.shared.staging.small_file(&index_bytes)?;
        renameat(CWD, &staged, &self.root, "index.json").map_err(io)?;
        self.root.sync_all().map_err(ArtifactError::io("cannot sync", &self.path))
    }
}

/// The writer of a blob in the staging folder.
struct StagedBlob {
    file: File,
    path: PathBuf,
    writeback: Writeback,
    announced: Announced,
    shared: Arc<Shared>,
    kept: bool,
}

impl BlobWriter for StagedBlob {
    fn write(&mut self, block: &[u8]) -> Result<(), ArtifactError> {
        self.announced.advance(block.len())?;
        self.file.write_all(block).map_err(ArtifactError::io("cannot write", &self.path))?;
        self.writeback.wrote(&self.file, block.len() as u64);
        Ok(())
    }

    fn commit(mut self: Box<Self>, proof: VerifiedBlob) -> Result<(), ArtifactError> {
        let digest = self.announced.accept(proof)?;
        self.writeback.ends(&self.file);
        // If two writers wrote the same blob, the second file is dropped; both have the same content.
        let mut committed = locked(&self.shared.committed);
        if let std::collections::btree_map::Entry::Vacant(place) = committed.entry(digest) {
            place.insert(self.path.clone());
            drop(committed);
            self.kept = true;
        }
        Ok(())
    }
}

impl Drop for StagedBlob {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}
