//! Writes the chunks of one bundle into a container.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use super::spool::{SpooledFile, nameless};
use super::uploads::{Sealed, Uploads, Visible};
use super::{BucketSettings, Place};
use crate::format::Sum;
use crate::format::statement::Kind;
use crate::medium::file::statement_of;
use crate::medium::{ChunkFile, ChunkSink, FileNames, MediumError, Replace, WholeSums, WriteAt};
use crate::storage::{Precondition, StorageError};

/// A container, used for one bundle.
pub(super) struct BucketSink<'a> {
    place: &'a Arc<Place>,
    settings: &'a BucketSettings,
    names: FileNames,
    bundle: Sum,
    replace: Replace,
    uploads: Uploads,
    /// Whether other processes may be uploading other chunks of the bundle, or the same.
    has_others: bool,
}

impl<'a> BucketSink<'a> {
    pub(super) fn new(
        place: &'a Arc<Place>,
        settings: &'a BucketSettings,
        names: &FileNames,
        bundle: &Sum,
        replace: Replace,
    ) -> BucketSink<'a> {
        let visible = match replace {
            Replace::Never | Replace::EachByItself => Visible::AtOnce,
            Replace::WhenComplete => Visible::Later,
        };
        let uploads = Uploads::new(place, settings.connections, visible);
        let names = names.clone();
        BucketSink { place, settings, names, bundle: *bundle, replace, uploads, has_others: false }
    }

    /// For a process that writes some of the chunks, besides others.
    pub(super) fn beside_others(self) -> Self {
        BucketSink { has_others: true, ..self }
    }

    fn key(&self, number: u32) -> String {
        self.place.key(&self.names.of(number))
    }

    /// Returns what the object of a chunk will be told to be.
    fn described(&self, number: u32) -> Sealed {
        let key = self.key(number);
        let metadata = [
            ("category", self.settings.category.to_string()),
            ("carnetbundle", self.bundle.to_string()),
            ("carnetchunk", number.to_string()),
        ];
        let metadata = metadata.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let precondition = match self.replace {
            Replace::Never => Precondition::Absent,
            Replace::WhenComplete | Replace::EachByItself => Precondition::None,
        };
        let name = self.place.name_of(&key);
        Sealed { number, key, name, metadata, precondition }
    }

    fn find(&self, number: u32) -> Result<Option<Arc<dyn ChunkFile>>, MediumError> {
        let found = self.place.find(&self.key(number))?;
        Ok(found.map(|file| Arc::new(file) as Arc<dyn ChunkFile>))
    }

    /// Ends the uploads of this bundle's name that an earlier process left (docs/decisions/0036). A store that may not list
    /// them, or cannot, keeps them as long as it likes.
    fn end_unfinished(&self) -> Result<(), MediumError> {
        if self.has_others {
            return Ok(());
        }
        let container = self.place.container.as_ref();
        let end = || {
            for (key, upload) in container.unfinished(&self.place.key(&format!("{}_", self.names.stem())))? {
                let file = key.strip_prefix(&self.place.prefix);
                if file.and_then(|file| self.names.number(file)).is_some() {
                    container.end(&key, &upload)?;
                }
            }
            Ok(())
        };
        match end() {
            Err(
                StorageError::Refused { .. } | StorageError::Failed { .. } | StorageError::Protocol { .. },
            ) => Ok(()),
            ended => Ok(ended?),
        }
    }

    fn remove(&self, number: u32) -> Result<(), MediumError> {
        self.find(number)?.map_or(Ok(()), |file| remove(file.as_ref()))
    }

    /// Removes the parity files of an earlier bundle with this name.
    fn remove_old_parity(&self) -> Result<(), MediumError> {
        let names = FileNames::parity(self.names.bundle());
        let mut keys = Vec::new();
        self.place.list(&self.place.key(&format!("{}_", names.stem())), &mut |object| {
            let file = object.key.strip_prefix(&self.place.prefix);
            if file.and_then(|file| names.number(file)).is_some() {
                keys.push(object.key.clone());
            }
        })?;
        for key in keys {
            let Some(file) = self.place.find(&key)? else { continue };
            let failed = |source| MediumError::Io { what: "read", path: file.name().to_owned(), source };
            let statement = statement_of(&file).map_err(failed)?;
            if statement.is_some_and(|found| found.kind == Kind::Parity && found.bundle != self.bundle) {
                remove(&file)?;
            }
        }
        Ok(())
    }
}

fn remove(file: &dyn ChunkFile) -> Result<(), MediumError> {
    file.remove().map_err(|source| MediumError::Io { what: "remove", path: file.name().to_owned(), source })
}

struct Pending(Arc<File>);

impl WriteAt for Pending {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }
}

impl ChunkSink for BucketSink<'_> {
    fn present(&self) -> Result<Vec<u32>, MediumError> {
        let mut numbers = Vec::new();
        self.place.list(&self.place.key(&format!("{}_", self.names.stem())), &mut |object| {
            let file = object.key.strip_prefix(&self.place.prefix);
            numbers.extend(file.and_then(|file| self.names.number(file)));
        })?;
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn finished(&self, number: u32) -> Result<Option<Arc<dyn ChunkFile>>, MediumError> {
        self.find(number)
    }

    /// A store does not say how much space is left. The space on the local disk is allocated chunk by chunk.
    fn reserve(&self, _: u64) -> Result<(), MediumError> {
        Ok(())
    }

    fn claim(&self, number: u32, bytes: u64, most: u64) -> bool {
        self.uploads.claim(number, bytes, most)
    }

    fn wait_for_room(&self) -> Result<bool, MediumError> {
        self.uploads.wait_for_room()
    }

    fn begin(&self, number: u32, bytes: u64) -> Result<(), MediumError> {
        let folder = &self.settings.spool;
        let file = nameless(folder, bytes).map_err(|source| MediumError::Io {
            what: "write a chunk into the spool folder",
            path: folder.display().to_string(),
            source,
        })?;
        self.uploads.begin(number, file, bytes)
    }

    fn spools(&self) -> bool {
        true
    }

    fn open(&self, number: u32) -> Result<Box<dyn WriteAt>, MediumError> {
        Ok(Box::new(Pending(self.uploads.pending(number).expect("a chunk that was begun").0)))
    }

    fn kept_aside(&self, bytes: u64) -> Option<u64> {
        Some(self.uploads.kept_aside(bytes))
    }

    /// All parts but the first go up. A failure is returned by a later call.
    fn set_aside(&self, number: u32) -> Result<(), MediumError> {
        self.uploads.set_aside(self.described(number))
    }

    /// The chunk is handed over to a thread that uploads it. Its failure is returned by a later call.
    fn commit(&self, number: u32) -> Result<(), MediumError> {
        self.uploads.hand_over(self.described(number))
    }
    fn sealed(&self, number: u32) -> Result<Arc<dyn ChunkFile>, MediumError> {
        let gone = || MediumError::Io {
            what: "read",
            path: self.file_name(number),
            source: io::ErrorKind::NotFound.into(),
        };
        self.find(number)?.ok_or_else(gone)
    }

    fn sums_itself(&self) -> bool {
        true
    }

    fn whole_sums(&self, number: u32) -> Result<Option<WholeSums>, MediumError> {
        self.uploads.sums(number)
    }

    fn file_name(&self, number: u32) -> String {
        self.place.name_of(&self.key(number))
    }

    fn publish(&self, last: u32) -> Result<(), MediumError> {
        self.uploads.publish()?;
        if self.replace == Replace::WhenComplete {
            self.present()?
                .into_iter()
                .filter(|&number| number > last)
                .try_for_each(|number| self.remove(number))?;
            self.remove_old_parity()?;
        }
        Ok(())
    }

    fn withdraw(&self) -> Result<(), MediumError> {
        self.uploads.take_visible()?.into_iter().try_for_each(|number| self.remove(number))
    }

    fn clear(&self) -> Result<(), MediumError> {
        self.end_unfinished()
    }

    /// Parts of an upload cannot be read, so nothing of it is kept.
    fn take_over(&self) -> Result<(), MediumError> {
        self.end_unfinished()
    }

    /// Nothing can be left: the files have no names.
    fn leave(&self, _: bool) {}

    /// Those that an earlier process left cannot be read.
    fn unfinished(&self, number: u32) -> Result<Option<Arc<dyn ChunkFile>>, MediumError> {
        let name = self.file_name(number);
        let pending = self.uploads.pending(number);
        Ok(pending.map(|(file, bytes)| Arc::new(SpooledFile::new(file, name, bytes)) as Arc<dyn ChunkFile>))
    }
}
