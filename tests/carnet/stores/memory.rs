//! A container of an object store in memory. It counts what is asked of it, and some of its answers can be made wrong.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use carnet::storage::{
    Container, NewObject, Object, Part, PartLimits, Permission, Precondition, Refusal, StorageError, Upload,
};

/// An object with its metadata.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) content: Arc<Vec<u8>>,
    pub(super) metadata: BTreeMap<String, String>,
    etag: String,
}

#[derive(Default)]
pub(super) struct State {
    objects: BTreeMap<String, Stored>,
    /// Parts that were sent, by upload and number.
    uploads: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    /// The key of each upload.
    upload_keys: BTreeMap<String, String>,
    next: u64,
}

/// A container.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) state: Mutex<State>,
    /// How many bytes were read, and how many requests read them.
    pub(super) bytes_read: AtomicU64,
    pub(super) reads: AtomicU64,
    /// The keys that became visible, in order.
    pub(super) written: Mutex<Vec<String>>,
    /// The smallest part but the last, in bytes; 5 MiB if none is given.
    pub(super) part_bytes_min: Option<u64>,
    /// The key and the number of each part that was sent, in order.
    pub(super) parts: Mutex<Vec<(String, u32)>>,
    /// How many parts are refused before one is taken.
    pub(super) refuse_parts: AtomicU64,
    /// Whether every connection breaks after some bytes.
    pub(super) breaks: bool,
}

impl Memory {
    /// The visible objects.
    pub(super) fn objects(&self) -> BTreeMap<String, Arc<Vec<u8>>> {
        let state = self.state.lock().unwrap();
        state.objects.iter().map(|(key, stored)| (key.clone(), Arc::clone(&stored.content))).collect()
    }

    pub(super) fn stored(&self, key: &str) -> Stored {
        self.state.lock().unwrap().objects[key].clone()
    }

    /// Puts an object there, as another program may.
    pub(super) fn place(&self, key: &str, content: &[u8]) {
        let mut state = self.state.lock().unwrap();
        state.set(key, content.to_vec(), &[]);
    }

    /// How many uploads were begun and neither completed nor ended.
    pub(super) fn open_uploads(&self) -> usize {
        self.state.lock().unwrap().uploads.len()
    }

    fn refused(refusal: Refusal) -> StorageError {
        let (place, request, problem) = ("memory".to_owned(), "PUT".to_owned(), format!("{refusal:?}"));
        StorageError::Refused { place, request, refusal, problem }
    }
}

impl State {
    fn set(&mut self, key: &str, content: Vec<u8>, metadata: &[(String, String)]) {
        self.next += 1;
        let etag = format!("\"{}\"", self.next);
        let metadata = metadata.iter().cloned().collect();
        self.objects.insert(key.to_owned(), Stored { content: Arc::new(content), metadata, etag });
    }

    fn describe(&self, key: &str) -> Option<Object> {
        let stored = self.objects.get(key)?;
        Some(Object {
            key: key.to_owned(),
            bytes: stored.content.len() as u64,
            etag: stored.etag.clone(),
            modified: None,
            md5: None,
            metadata: stored.metadata.clone(),
        })
    }

    fn check(&self, object: &NewObject<'_>) -> Result<(), StorageError> {
        let found = self.objects.get(object.key).map(|stored| &stored.etag);
        match (&object.precondition, found) {
            (Precondition::Absent, Some(_)) => Err(Memory::refused(Refusal::Exists)),
            (Precondition::Is(etag), found) if found != Some(etag) => Err(Memory::refused(Refusal::Changed)),
            _ => Ok(()),
        }
    }
}

/// Breaks after some bytes.
struct Breaking(Cursor<Vec<u8>>, usize);

impl Read for Breaking {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.1 == 0 {
            return Err(std::io::ErrorKind::ConnectionReset.into());
        }
        let length = buffer.len().min(self.1);
        let read = self.0.read(&mut buffer[..length])?;
        self.1 -= read;
        Ok(read)
    }
}

impl Container for Memory {
    fn name(&self) -> &'static str {
        "s3://memory"
    }

    fn check_access(&self, _: &[Permission]) -> Result<(), StorageError> {
        Ok(())
    }

    fn pulse(&self, _: &str) -> Result<Option<carnet::format::Sum>, StorageError> {
        Ok(None)
    }

    fn list(
        &self,
        prefix: &str,
        visit: &mut dyn FnMut(Object) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let state = self.state.lock().unwrap();
        let keys = state.objects.keys().filter(|key| key.starts_with(prefix));
        for key in keys {
            let object = Object { metadata: BTreeMap::new(), ..state.describe(key).unwrap() };
            if visit(object).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn find(&self, key: &str) -> Result<Option<Object>, StorageError> {
        Ok(self.state.lock().unwrap().describe(key))
    }

    fn read(&self, object: &Object, offset: u64, bytes: u64) -> Result<Box<dyn Read + Send>, StorageError> {
        let state = self.state.lock().unwrap();
        let stored = state.objects.get(&object.key).ok_or_else(|| Memory::refused(Refusal::NoObject))?;
        if stored.etag != object.etag {
            return Err(Memory::refused(Refusal::Changed));
        }
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
        let range = usize::try_from(offset).unwrap()..usize::try_from(offset + bytes).unwrap();
        let body = Cursor::new(stored.content[range].to_vec());
        Ok(if self.breaks { Box::new(Breaking(body, 50_000)) } else { Box::new(body) })
    }

    fn retries(&self) -> u32 {
        3
    }

    fn wait(&self, _: u32) -> Result<(), StorageError> {
        Ok(())
    }

    fn put(&self, object: &NewObject<'_>, content: &[u8]) -> Result<(), StorageError> {
        let mut state = self.state.lock().unwrap();
        state.check(object)?;
        state.set(object.key, content.to_vec(), object.metadata);
        self.written.lock().unwrap().push(object.key.to_owned());
        Ok(())
    }

    fn part_limits(&self) -> PartLimits {
        PartLimits {
            bytes_min: self.part_bytes_min.unwrap_or(5 << 20),
            bytes_max: 5 << 30,
            parts_max: 10_000,
        }
    }

    fn begin(&self, object: &NewObject<'_>) -> Result<Upload, StorageError> {
        let mut state = self.state.lock().unwrap();
        state.next += 1;
        let upload = format!("{}-{}", object.key, state.next);
        state.uploads.insert(upload.clone(), BTreeMap::new());
        state.upload_keys.insert(upload.clone(), object.key.to_owned());
        Ok(Upload(upload))
    }

    fn part(&self, key: &str, upload: &Upload, number: u32, content: &[u8]) -> Result<Part, StorageError> {
        let refuse = |left: u64| left.checked_sub(1);
        if self.refuse_parts.fetch_update(Ordering::Relaxed, Ordering::Relaxed, refuse).is_ok() {
            return Err(Memory::refused(Refusal::Full));
        }
        let mut state = self.state.lock().unwrap();
        state.uploads.get_mut(&upload.0).unwrap().insert(number, content.to_vec());
        self.parts.lock().unwrap().push((key.to_owned(), number));
        Ok(Part { number, tag: format!("{number}") })
    }

    fn complete(&self, object: &NewObject<'_>, upload: &Upload, parts: &[Part]) -> Result<(), StorageError> {
        let mut state = self.state.lock().unwrap();
        state.check(object)?;
        let sent = state.uploads.remove(&upload.0).unwrap();
        assert!(parts.iter().map(|part| part.number).eq(1..=u32::try_from(sent.len()).unwrap()));
        let content: Vec<u8> = sent.into_values().flatten().collect();
        assert_eq!(content.len() as u64, object.bytes);
        state.set(object.key, content, object.metadata);
        self.written.lock().unwrap().push(object.key.to_owned());
        Ok(())
    }

    fn end(&self, _: &str, upload: &Upload) -> Result<(), StorageError> {
        self.state.lock().unwrap().uploads.remove(&upload.0);
        Ok(())
    }

    fn unfinished(&self, prefix: &str) -> Result<Vec<(String, Upload)>, StorageError> {
        let state = self.state.lock().unwrap();
        let uploads = state.uploads.keys().map(|id| (state.upload_keys[id].clone(), Upload(id.clone())));
        Ok(uploads.filter(|(key, _)| key.starts_with(prefix)).collect())
    }

    fn delete(&self, object: &Object) -> Result<(), StorageError> {
        let mut state = self.state.lock().unwrap();
        match state.objects.get(&object.key) {
            Some(stored) if stored.etag != object.etag => Err(Memory::refused(Refusal::Changed)),
            _ => {
                state.objects.remove(&object.key);
                Ok(())
            }
        }
    }

    fn try_delete(&self, _: &str) -> Result<(), StorageError> {
        Ok(())
    }

    fn access(&self) -> String {
        "memory".to_owned()
    }
}
