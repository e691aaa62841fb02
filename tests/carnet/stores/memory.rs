//! A chunk store in memory that behaves like an object store: an upload receives complete parts in any order, each of
//! them once, and becomes visible only when it is completed.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use carnet::format::{BundleName, Sum};
use carnet::medium::{
    ChunkFile, ChunkSink, ChunkStore, MediumError, ReadAt, Replace, WriteAt, chunk_file_name,
};

/// Size of every part but the last, in bytes.
const PART_BYTES: usize = 4096;

/// The objects of a bucket, by name.
type Objects = Arc<Mutex<BTreeMap<String, Arc<Vec<u8>>>>>;

/// A bucket of an object store.
#[derive(Default)]
pub(super) struct Bucket {
    objects: Objects,
    /// The order in which the parts of each upload were completed, by chunk number.
    pub(super) parts: Mutex<BTreeMap<u32, Vec<usize>>>,
}

impl Bucket {
    /// The visible objects.
    pub(super) fn objects(&self) -> BTreeMap<String, Arc<Vec<u8>>> {
        self.objects.lock().unwrap().clone()
    }
}

impl ChunkStore for Bucket {
    fn hold(&self, name: &BundleName, replace: Replace) -> Result<Box<dyn ChunkSink + '_>, MediumError> {
        assert_eq!(replace, Replace::Never, "this store never replaces objects");
        Ok(Box::new(Uploads { bucket: self, name: name.clone(), pending: Mutex::default() }))
    }

    fn files(&self) -> Result<Vec<Arc<dyn ChunkFile>>, MediumError> {
        let objects = self.objects();
        Ok(objects.keys().map(|name| Object::find(&self.objects, name).unwrap()).collect())
    }

    fn put_beside(&self, file: &str, bytes: &[u8]) -> Result<(), MediumError> {
        self.objects.lock().unwrap().insert(file.to_owned(), Arc::new(bytes.to_vec()));
        Ok(())
    }
}

/// The uploads of one bundle.
struct Uploads<'a> {
    bucket: &'a Bucket,
    name: BundleName,
    pending: Mutex<BTreeMap<u32, Arc<Mutex<Upload>>>>,
}

/// An upload in progress.
struct Upload {
    bytes: Vec<u8>,
    written: Vec<bool>,
    /// The completed parts, in the order of their completion.
    parts: Vec<usize>,
}

impl Upload {
    fn write(&mut self, bytes: &[u8], offset: usize) {
        let range = offset..offset + bytes.len();
        assert!(!self.written[range.clone()].contains(&true), "bytes {range:?} were written twice");
        self.written[range.clone()].fill(true);
        self.bytes[range.clone()].copy_from_slice(bytes);
        for part in range.start / PART_BYTES..=range.end.saturating_sub(1) / PART_BYTES {
            let end = ((part + 1) * PART_BYTES).min(self.written.len());
            if !self.written[part * PART_BYTES..end].contains(&false) && !self.parts.contains(&part) {
                self.parts.push(part);
            }
        }
    }
}

struct Writer(Arc<Mutex<Upload>>);

impl WriteAt for Writer {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.lock().unwrap().write(bytes, usize::try_from(offset).unwrap());
        Ok(())
    }
}

impl Uploads<'_> {
    fn object(&self, number: u32) -> Option<Arc<dyn ChunkFile>> {
        Object::find(&self.bucket.objects, &chunk_file_name(&self.name, number))
    }
}

impl ChunkSink for Uploads<'_> {
    fn present(&self) -> Result<Vec<u32>, MediumError> {
        Ok((0..1000).filter(|&number| self.object(number).is_some()).collect())
    }

    fn finished(&self, number: u32) -> Result<Option<Arc<dyn ChunkFile>>, MediumError> {
        Ok(self.object(number))
    }

    fn reserve(&self, _: u64) -> Result<(), MediumError> {
        Ok(())
    }

    fn begin(&self, number: u32, bytes: u64) -> Result<(), MediumError> {
        let bytes = usize::try_from(bytes).unwrap();
        let upload = Upload { bytes: vec![0xee; bytes], written: vec![false; bytes], parts: Vec::new() };
        self.pending.lock().unwrap().insert(number, Arc::new(Mutex::new(upload)));
        Ok(())
    }

    fn open(&self, number: u32) -> Result<Box<dyn WriteAt>, MediumError> {
        Ok(Box::new(Writer(Arc::clone(&self.pending.lock().unwrap()[&number]))))
    }

    fn commit(&self, number: u32) -> Result<(), MediumError> {
        let upload = self.pending.lock().unwrap().remove(&number).expect("the upload was started");
        let upload = upload.lock().unwrap();
        let parts = upload.bytes.len().div_ceil(PART_BYTES);
        assert_eq!(upload.parts.len(), parts, "chunk {number}: some bytes were not written");
        self.bucket.parts.lock().unwrap().insert(number, upload.parts.clone());
        let name = chunk_file_name(&self.name, number);
        self.bucket.objects.lock().unwrap().insert(name, Arc::new(upload.bytes.clone()));
        Ok(())
    }

    fn sealed(&self, number: u32) -> Result<Arc<dyn ChunkFile>, MediumError> {
        Ok(self.object(number).expect("the chunk was committed"))
    }

    fn file_name(&self, number: u32) -> String {
        chunk_file_name(&self.name, number)
    }

    fn publish(&self, _: u32) -> Result<(), MediumError> {
        Ok(())
    }

    fn withdraw(&self) -> Result<(), MediumError> {
        self.bucket.objects.lock().unwrap().clear();
        Ok(())
    }

    fn clear(&self) -> Result<(), MediumError> {
        Ok(())
    }

    fn take_over(&self, _: &Sum) -> Result<(), MediumError> {
        Ok(())
    }

    fn leave(&self, _: bool) {}

    fn unfinished(&self, _: u32) -> Result<Option<Arc<dyn ChunkFile>>, MediumError> {
        Ok(None)
    }
}

/// An object as it was when it was found. If it has been replaced since, opening it fails.
struct Object {
    objects: Objects,
    name: String,
    found: Arc<Vec<u8>>,
}

impl Object {
    fn find(objects: &Objects, name: &str) -> Option<Arc<dyn ChunkFile>> {
        let found = Arc::clone(objects.lock().unwrap().get(name)?);
        Some(Arc::new(Object { objects: Arc::clone(objects), name: name.to_owned(), found }))
    }
}

struct Reader(Arc<Vec<u8>>);

impl ReadAt for Reader {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let at = usize::try_from(offset).unwrap();
        let found = self.0.get(at..at + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(found);
        Ok(())
    }
}

impl ChunkFile for Object {
    fn name(&self) -> &str {
        &self.name
    }

    fn file_name(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn bytes(&self) -> u64 {
        self.found.len() as u64
    }

    fn open(&self) -> io::Result<Box<dyn ReadAt>> {
        match self.objects.lock().unwrap().get(&self.name) {
            Some(now) if Arc::ptr_eq(now, &self.found) => Ok(Box::new(Reader(Arc::clone(now)))),
            _ => Err(io::Error::other("the object has changed since it was found")),
        }
    }

    fn version(&self) -> String {
        String::new()
    }

    fn modified(&self) -> Option<carnet::format::Timestamp> {
        None
    }

    fn remove(&self) -> io::Result<()> {
        self.objects.lock().unwrap().remove(&self.name);
        Ok(())
    }

    fn replace_front(
        &self,
        front: &[u8],
        kept_from: u64,
        check: &dyn Fn(Arc<dyn ChunkFile>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut bytes = front.to_vec();
        bytes.extend_from_slice(&self.found[usize::try_from(kept_from).unwrap()..]);
        let bytes = Arc::new(bytes);
        let beside = Arc::new(Mutex::new(BTreeMap::from([(self.name.clone(), Arc::clone(&bytes))])));
        check(Object::find(&beside, &self.name).unwrap())?;
        self.objects.lock().unwrap().insert(self.name.clone(), bytes);
        Ok(())
    }
}
