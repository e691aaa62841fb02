//! Uploads one file: in one request if it is small, otherwise in parts, several at once.

use std::fs::File;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::medium::{MediumError, WholeSums};
use crate::storage::{Container, NewObject, Part, Precondition, Upload};

/// Bytes of a part, unless the store demands larger ones. Every connection has one part in memory.
const PART_BYTES: u64 = 8 << 20;

/// A file to upload.
pub(super) struct Outgoing {
    pub(super) key: String,
    /// The name of the object, for messages.
    pub(super) name: String,
    pub(super) file: Arc<File>,
    /// The size in bytes.
    pub(super) bytes: u64,
    pub(super) sums: WholeSums,
    pub(super) metadata: Vec<(String, String)>,
    pub(super) precondition: Precondition,
}

/// A file whose parts are all in the store. It is not visible yet.
pub(super) struct Staged {
    outgoing: Outgoing,
    upload: Upload,
    parts: Vec<Part>,
}

impl Outgoing {
    fn object(&self) -> NewObject<'_> {
        NewObject {
            key: &self.key,
            bytes: self.bytes,
            md5: self.sums.md5,
            sha256: self.sums.sha256,
            metadata: &self.metadata,
            precondition: self.precondition.clone(),
        }
    }

    fn read(&self, offset: u64, bytes: u64) -> Result<Vec<u8>, MediumError> {
        let mut content = vec![0; usize::try_from(bytes).expect("a part fits into memory")];
        self.file.read_exact_at(&mut content, offset).map_err(|source| MediumError::Io {
            what: "read back",
            path: self.name.clone(),
            source,
        })?;
        Ok(content)
    }

    /// Uploads the file and makes it visible.
    ///
    /// # Errors
    /// [`MediumError::Exists`] if the precondition does not hold. Nothing is visible then, and no upload is left.
    pub(super) fn publish(
        self,
        container: &dyn Container,
        connections: NonZeroUsize,
        abandoned: &AtomicBool,
    ) -> Result<(), MediumError> {
        if self.bytes > PART_BYTES {
            return self.stage(container, connections, abandoned)?.publish(container);
        }
        let content = self.read(0, self.bytes)?;
        container.put(&self.object(), &content).map_err(|error| MediumError::of_store(&self.name, error))
    }

    /// Uploads the parts of the file. It becomes visible with [`Staged::publish`].
    ///
    /// # Errors
    /// If a part cannot be uploaded, or after `abandoned` is set. No upload is left.
    pub(super) fn stage(
        self,
        container: &dyn Container,
        connections: NonZeroUsize,
        abandoned: &AtomicBool,
    ) -> Result<Staged, MediumError> {
        let limits = container.part_limits();
        let even = self.bytes.div_ceil(u64::from(limits.parts_max));
        let part_bytes = PART_BYTES.max(limits.bytes_min).max(even).min(limits.bytes_max);
        let upload =
            container.begin(&self.object()).map_err(|error| MediumError::of_store(&self.name, error))?;
        match self.send_parts(container, &upload, part_bytes, connections, abandoned) {
            Ok(parts) => Ok(Staged { outgoing: self, upload, parts }),
            Err(error) => {
                // The store also ends it some day. Its error would hide the first one.
                let _ = container.end(&self.key, &upload);
                Err(error)
            }
        }
    }

    fn send_parts(
        &self,
        container: &dyn Container,
        upload: &Upload,
        part_bytes: u64,
        connections: NonZeroUsize,
        abandoned: &AtomicBool,
    ) -> Result<Vec<Part>, MediumError> {
        let count = u32::try_from(self.bytes.div_ceil(part_bytes).max(1)).expect("few parts");
        let next = AtomicU32::new(1);
        let failed = AtomicBool::new(false);
        let sent: Mutex<Vec<Part>> = Mutex::default();
        let failure: Mutex<Option<MediumError>> = Mutex::default();
        let send = |number: u32| -> Result<Part, MediumError> {
            let offset = u64::from(number - 1) * part_bytes;
            let content = self.read(offset, part_bytes.min(self.bytes - offset))?;
            let part = container.part(&self.key, upload, number, &content);
            part.map_err(|error| MediumError::of_store(&self.name, error))
        };
        let work = || {
            while !failed.load(Ordering::Relaxed) && !abandoned.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number > count {
                    return;
                }
                match send(number) {
                    Ok(part) => sent.lock().unwrap_or_else(PoisonError::into_inner).push(part),
                    Err(error) => {
                        failed.store(true, Ordering::Relaxed);
                        failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    }
                }
            }
        };
        thread::scope(|scope| {
            for number in 1..connections.get().min(count as usize) {
                // With fewer threads it takes longer.
                let builder = thread::Builder::new().name(format!("upload-{number}"));
                if builder.spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
        if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let mut sent = sent.into_inner().unwrap_or_else(PoisonError::into_inner);
        if sent.len() < count as usize {
            return Err(crate::storage::StorageError::Interrupted.into());
        }
        sent.sort_by_key(|part| part.number);
        Ok(sent)
    }
}

impl Staged {
    /// Makes the object visible.
    ///
    /// # Errors
    /// [`MediumError::Exists`] if the precondition does not hold. No upload is left then.
    pub(super) fn publish(self, container: &dyn Container) -> Result<(), MediumError> {
        let done = container.complete(&self.outgoing.object(), &self.upload, &self.parts);
        done.map_err(|error| {
            let error = MediumError::of_store(&self.outgoing.name, error);
            self.end(container);
            error
        })
    }

    /// Ends the upload. If that fails, the store ends it some day.
    pub(super) fn end(self, container: &dyn Container) {
        let _ = container.end(&self.outgoing.key, &self.upload);
    }
}
