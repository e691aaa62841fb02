//! Uploads one file: in one request if it is small, otherwise in parts, several at once.

use std::fs::File;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::parts::{PART_BYTES, Parts};
use crate::medium::{MediumError, WholeSums};
use crate::storage::{Container, NewObject, Part, Precondition, Refusal, StorageError, Upload};

/// An object to write.
pub(super) struct Target {
    pub(super) key: String,
    /// The name of the object, for messages.
    pub(super) name: String,
    /// The size in bytes.
    pub(super) bytes: u64,
    pub(super) sums: WholeSums,
    pub(super) metadata: Vec<(String, String)>,
    pub(super) precondition: Precondition,
}

/// A file to upload.
pub(super) struct Outgoing {
    pub(super) target: Target,
    pub(super) file: Arc<File>,
}

/// A file whose parts are in the store, except for the first. The local disk holds that one only.
pub(super) struct Aside {
    outgoing: Outgoing,
    upload: Upload,
    parts: Parts,
    /// What was sent, in order.
    sent: Vec<Part>,
}

/// A file whose parts are all in the store, so that the local disk needs it no longer. It is not visible yet.
pub(super) struct Staged {
    target: Target,
    upload: Upload,
    parts: Vec<Part>,
}

impl Target {
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

    fn error(&self, error: StorageError) -> MediumError {
        match error.refusal() {
            Some(Refusal::Exists | Refusal::Changed) => MediumError::Exists { path: self.name.clone() },
            _ => MediumError::Store(error),
        }
    }
}

impl Outgoing {
    fn read(&self, offset: u64, bytes: u64) -> Result<Vec<u8>, MediumError> {
        let mut content = vec![0; usize::try_from(bytes).expect("a part fits into memory")];
        self.file.read_exact_at(&mut content, offset).map_err(|source| MediumError::Io {
            what: "read back",
            path: self.target.name.clone(),
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
        if self.target.bytes > PART_BYTES {
            return self.stage(container, connections, abandoned)?.publish(container);
        }
        let content = self.read(0, self.target.bytes)?;
        container.put(&self.target.object(), &content).map_err(|error| self.target.error(error))
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
        let parts = Parts::of_whole(self.target.bytes, container.part_limits());
        let numbers = 1..=parts.last();
        let (upload, sent) = self.begin(container, parts, numbers, connections, abandoned)?;
        Ok(Staged { target: self.target, upload, parts: sent })
    }

    /// Uploads the parts of the file except for the first, and frees their space on the local disk.
    ///
    /// # Errors
    /// As [`Outgoing::stage`].
    pub(super) fn set_aside(
        self,
        container: &dyn Container,
        connections: NonZeroUsize,
        abandoned: &AtomicBool,
    ) -> Result<Aside, MediumError> {
        let parts = Parts::of_withheld(self.target.bytes, container.part_limits());
        let numbers = 2..=parts.last();
        let (upload, sent) = self.begin(container, parts, numbers, connections, abandoned)?;
        let aside = Aside { outgoing: self, upload, parts, sent };
        match aside.outgoing.file.set_len(parts.first_bytes()) {
            Ok(()) => Ok(aside),
            Err(source) => {
                let path = aside.outgoing.target.name.clone();
                aside.end(container);
                Err(MediumError::Io { what: "free the space of", path, source })
            }
        }
    }

    /// Begins an upload and sends these parts. If that fails, no upload is left.
    fn begin(
        &self,
        container: &dyn Container,
        parts: Parts,
        numbers: RangeInclusive<u32>,
        connections: NonZeroUsize,
        abandoned: &AtomicBool,
    ) -> Result<(Upload, Vec<Part>), MediumError> {
        let target = &self.target;
        let upload = container.begin(&target.object()).map_err(|error| target.error(error))?;
        match self.send_parts(container, &upload, parts, numbers, connections, abandoned) {
            Ok(sent) => Ok((upload, sent)),
            Err(error) => {
                // The store also ends it some day. Its error would hide the first one.
                let _ = container.end(&target.key, &upload);
                Err(error)
            }
        }
    }

    fn send(
        &self,
        container: &dyn Container,
        upload: &Upload,
        parts: Parts,
        number: u32,
    ) -> Result<Part, MediumError> {
        let (offset, bytes) = parts.range(number);
        let part = container.part(&self.target.key, upload, number, &self.read(offset, bytes)?);
        part.map_err(|error| self.target.error(error))
    }

    fn send_parts(
        &self,
        container: &dyn Container,
        upload: &Upload,
        parts: Parts,
        numbers: RangeInclusive<u32>,
        connections: NonZeroUsize,
        abandoned: &AtomicBool,
    ) -> Result<Vec<Part>, MediumError> {
        let (first, last) = (*numbers.start(), *numbers.end());
        let count = (last + 1).saturating_sub(first) as usize;
        let next = AtomicU32::new(first);
        let failed = AtomicBool::new(false);
        let sent: Mutex<Vec<Part>> = Mutex::default();
        let failure: Mutex<Option<MediumError>> = Mutex::default();
        let work = || {
            while !failed.load(Ordering::Relaxed) && !abandoned.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number > last {
                    return;
                }
                match self.send(container, upload, parts, number) {
                    Ok(part) => sent.lock().unwrap_or_else(PoisonError::into_inner).push(part),
                    Err(error) => {
                        failed.store(true, Ordering::Relaxed);
                        failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    }
                }
            }
        };
        thread::scope(|scope| {
            for number in 1..connections.get().min(count) {
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
        if sent.len() < count {
            return Err(StorageError::Interrupted.into());
        }
        sent.sort_by_key(|part| part.number);
        Ok(sent)
    }
}

impl Aside {
    /// Uploads the first part.
    ///
    /// # Errors
    /// If it cannot be uploaded. No upload is left then.
    pub(super) fn stage(self, container: &dyn Container) -> Result<Staged, MediumError> {
        match self.outgoing.send(container, &self.upload, self.parts, 1) {
            Ok(first) => {
                let parts = std::iter::once(first).chain(self.sent).collect();
                Ok(Staged { target: self.outgoing.target, upload: self.upload, parts })
            }
            Err(error) => {
                self.end(container);
                Err(error)
            }
        }
    }

    /// Returns the size in bytes of what is on the local disk.
    pub(super) fn bytes(&self) -> u64 {
        self.parts.first_bytes()
    }

    /// Ends the upload. If that fails, the store ends it some day.
    pub(super) fn end(self, container: &dyn Container) {
        let _ = container.end(&self.outgoing.target.key, &self.upload);
    }
}

impl Staged {
    /// Makes the object visible.
    ///
    /// # Errors
    /// [`MediumError::Exists`] if the precondition does not hold. No upload is left then.
    pub(super) fn publish(self, container: &dyn Container) -> Result<(), MediumError> {
        let done = container.complete(&self.target.object(), &self.upload, &self.parts);
        done.map_err(|error| {
            let error = self.target.error(error);
            self.end(container);
            error
        })
    }

    /// Ends the upload. If that fails, the store ends it some day.
    pub(super) fn end(self, container: &dyn Container) {
        let _ = container.end(&self.target.key, &self.upload);
    }
}
