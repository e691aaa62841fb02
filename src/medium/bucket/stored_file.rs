//! An object of a container, as it was found.

use std::io::{self, Read, Write as _};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::spool::{SpooledFile, nameless};
use super::upload::{Outgoing, Target};
use super::{Place, sums};
use crate::format::Timestamp;
use crate::medium::{ChunkFile, ReadAt};
use crate::storage::{Download, Object, Precondition, StorageError};

/// An object, pinned to the content that was found.
#[derive(Clone)]
pub(super) struct StoredFile {
    place: Arc<Place>,
    object: Object,
    name: String,
    /// Stands for this object in the windows.
    number: u64,
}

impl StoredFile {
    pub(super) fn new(place: &Arc<Place>, object: Object) -> StoredFile {
        let (place, number) = (Arc::clone(place), place.windows.number());
        StoredFile { name: place.name_of(&object.key), place, object, number }
    }

    fn download(&self, offset: u64, bytes: u64) -> Download {
        Download::new(Arc::clone(&self.place.container), self.object.clone(), offset, bytes)
    }
}

impl ReadAt for StoredFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.place.windows.read(self.number, self.object.bytes, buffer, offset, &|offset, bytes| {
            let mut content = vec![0; usize::try_from(bytes).expect("a window fits into memory")];
            self.download(offset, bytes).read_exact(&mut content)?;
            Ok(content)
        })
    }
}

impl ChunkFile for StoredFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn file_name(&self) -> Option<&str> {
        self.object.key.rsplit('/').next()
    }

    fn bytes(&self) -> u64 {
        self.object.bytes
    }

    fn version(&self) -> String {
        self.object.etag.clone()
    }

    fn modified(&self) -> Option<Timestamp> {
        self.object.modified
    }

    fn waits(&self) -> bool {
        true
    }

    /// Nothing is requested: every range is read on the condition that the object has not changed.
    fn open(&self) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(self.clone()))
    }

    fn stream(&self, offset: u64, bytes: u64) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.download(offset, bytes)))
    }

    fn forget(&self) {
        self.place.windows.forget(self.number);
    }

    fn remove(&self) -> io::Result<()> {
        self.place.container.delete(&self.object).map_err(StorageError::into_io)
    }

    /// The new object is assembled on the local disk and replaces the old one only if that has not changed.
    fn replace_front(
        &self,
        front: &[u8],
        kept_from: u64,
        check: &dyn Fn(Arc<dyn ChunkFile>) -> io::Result<()>,
    ) -> io::Result<()> {
        let kept = self.object.bytes.saturating_sub(kept_from);
        let bytes = front.len() as u64 + kept;
        let mut file = nameless(&self.place.spool, bytes)?;
        file.write_all(front)?;
        let copied = io::copy(&mut self.download(kept_from, kept), &mut file)?;
        if copied != kept {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let file = Arc::new(file);
        check(Arc::new(SpooledFile::new(Arc::clone(&file), self.name.clone(), bytes)))?;
        let sums = sums::of_file(&file, bytes)?;
        let container = self.place.container.as_ref();
        // A list may lack the metadata.
        let found = container.find(&self.object.key).map_err(StorageError::into_io)?;
        let mut metadata = found.unwrap_or_else(|| self.object.clone()).metadata;
        metadata.remove("content-md5");
        metadata.insert("carnetsha256".to_owned(), sums.sha256.to_string());
        let target = Target {
            key: self.object.key.clone(),
            name: self.name.clone(),
            bytes,
            sums,
            metadata: metadata.into_iter().collect(),
            precondition: Precondition::Is(self.object.etag.clone()),
        };
        Outgoing { target, file }
            .publish(container, NonZeroUsize::MIN, &AtomicBool::new(false))
            .map_err(io::Error::other)
    }
}
