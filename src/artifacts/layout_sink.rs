//! An image layout in a directory as a sink, a new one or one that has artifacts already.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, mkdirat, openat, renameat, statat, syncfs};

use super::announced::Announced;
use super::extent::Extent;
use super::files::Files;
use super::index_merge::merged;
use super::layout::{blob_path, check_layout_file};
use super::staging::Staging;
use super::{ArtifactError, ArtifactSink, BlobWriter, ExistingName};
use crate::medium::{Writeback, reserve};
use crate::oci::document::DOCUMENT_BYTES_MAX;
use crate::oci::write::{IndexEntry, OCI_LAYOUT};
use crate::oci::{Descriptor, Digest, VerifiedBlob};

/// Blobs from this size on get room before they are written; smaller ones lie in one piece anyway.
const RESERVED_FROM_BYTES: u64 = 1 << 20;

/// A layout that takes artifacts. Until it is finished, nothing but a hidden folder is there.
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
    /// The blobs that were committed, and where they wait.
    waiting: Mutex<BTreeMap<Digest, PathBuf>>,
    /// The blobs that were there before, and were hashed.
    there: Mutex<HashSet<Digest>>,
    /// The layout's directory, if it was created here. It goes after the staging that is in it.
    _created: Option<NewFolder>,
}

/// A folder that goes again where nothing comes into it.
#[derive(Debug)]
struct NewFolder(PathBuf);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Both collections are whole after every single change of them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        // Fails where anything is in it, as it should.
        let _ = fs::remove_dir(&self.0);
    }
}

impl LayoutSink {
    /// Opens the layout in the directory `path`, which is created if it is not there; its parent must be.
    ///
    /// # Errors
    /// When the directory has other things in it than a layout.
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
            waiting: Mutex::default(),
            there: Mutex::default(),
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

    fn files(&self) -> Files {
        Files::Directory(self.path.clone())
    }

    fn merged_index(&self, entries: &[IndexEntry]) -> Result<Vec<u8>, ArtifactError> {
        let existing = self.files().read("index.json", DOCUMENT_BYTES_MAX)?;
        merged(existing.as_deref(), entries, self.on_existing_name, &self.name, &self.path)
    }

    /// Moves the blobs that wait to their places, and syncs the folders that they are in.
    fn place_blobs(&self, io: impl Fn(rustix::io::Errno) -> ArtifactError) -> Result<(), ArtifactError> {
        let blobs = self.folder(&self.root, "blobs")?;
        let mut folders: BTreeMap<&'static str, File> = BTreeMap::new();
        for (digest, from) in locked(&self.shared.waiting).iter() {
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

    /// Opens a folder in `parent`, created if need be, and never what a symbolic link points at.
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

    /// Whether the folders on the way to the blobs are folders, where they are there at all.
    fn folders_are_plain(&self, digest: &Digest) -> bool {
        let folder = format!("blobs/{}", digest.algorithm().name());
        ["blobs", &folder].into_iter().all(|name| {
            statat(&self.root, name, AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
        })
    }
}

/// A new or empty directory, a layout, or what a killed run left of one.
fn check_target(path: &Path) -> Result<(), ArtifactError> {
    let files = Files::Directory(path.to_owned());
    let refuse = |problem: String| ArtifactError::NotALayout { path: path.to_owned(), problem };
    if let Some(bytes) = files.read("oci-layout", DOCUMENT_BYTES_MAX)? {
        return check_layout_file(&bytes).map_err(refuse);
    }
    let cannot_list = || ArtifactError::io("cannot list", path);
    for entry in fs::read_dir(path).map_err(cannot_list())? {
        let name = entry.map_err(cannot_list())?.file_name();
        if name != "blobs" && !Staging::is_one(&name) {
            let name = name.to_string_lossy();
            return Err(refuse(format!("it has no oci-layout, but {name:?}")));
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

    /// A file that was there before is hashed once: another tool wrote it, or a disk has changed it.
    fn contains(&self, descriptor: &Descriptor) -> Result<bool, ArtifactError> {
        let digest = descriptor.digest;
        if locked(&self.shared.waiting).contains_key(&digest) || locked(&self.shared.there).contains(&digest)
        {
            return Ok(true);
        }
        if !self.folders_are_plain(&digest) {
            return Ok(false);
        }
        // What is no regular file is replaced by the blob.
        let Ok(Some(extent)) = self.files().open(&blob_path(&digest)) else { return Ok(false) };
        if extent.bytes != descriptor.size {
            return Ok(false);
        }
        let cannot_read = ArtifactError::io("cannot read", &self.path.join(blob_path(&digest)));
        let found = Extent::digest(&extent, digest.algorithm()).map_err(cannot_read)?;
        let right = found == (digest, descriptor.size);
        if right {
            locked(&self.shared.there).insert(digest);
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
        // Two runs that end at once would lose the entries of one of them. Network file systems that
        // cannot lock a directory leave that to the operator.
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

/// A blob in the hidden folder.
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
        // The second of two writers of one blob goes; both have the same bytes.
        let mut waiting = locked(&self.shared.waiting);
        if let std::collections::btree_map::Entry::Vacant(place) = waiting.entry(digest) {
            place.insert(self.path.clone());
            drop(waiting);
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
