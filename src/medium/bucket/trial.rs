//! Tries what may be done in a container. Nothing of it becomes visible.

use std::io::Read as _;
use std::ops::ControlFlow;

use super::{Place, sums};
use crate::medium::{Deed, MediumError, Trial, WholeSums};
use crate::storage::{NewObject, Object, Permission, Precondition, StorageError};

/// The file that is begun and never completed. Inboxes pass over hidden names.
pub(super) const WRITTEN: &str = ".carnet-check";

/// The file that is deleted, and does not exist.
const DELETED: &str = ".carnet-check-delete";

/// What a deed needs.
fn permission(deed: Deed) -> Permission {
    match deed {
        Deed::Read => Permission::Read,
        Deed::Write => Permission::Write,
        Deed::Delete => Permission::Delete,
    }
}

/// Tries each deed in a place.
pub(super) fn try_out(place: &Place, deeds: &[Deed]) -> Vec<Trial> {
    let name = place.name_of(&place.prefix);
    let mut trials = Vec::new();
    for &deed in deeds {
        // What the access says of itself is known before any request.
        let known = place.container.check_access(&[permission(deed)]);
        let (what, done) = match (deed, known) {
            (_, Err(error)) => (format!("{} in {name}", permission(deed)), Err(error)),
            (Deed::Read, Ok(())) => match read(place) {
                Ok(Some(object)) => (format!("read {}", place.name_of(&object)), Ok(())),
                // There is nothing to read yet.
                Ok(None) => continue,
                Err(error) => (format!("read from {name}"), Err(error)),
            },
            (Deed::Write, Ok(())) => (format!("upload to {name}"), write(place)),
            (Deed::Delete, Ok(())) => {
                let done = place.container.try_delete(&place.key(DELETED));
                (format!("delete in {name}"), done)
            }
        };
        trials.push(Trial { what, done: done.map_err(MediumError::from) });
    }
    trials
}

/// Begins an upload, sends a part, and ends the upload.
fn write(place: &Place) -> Result<(), StorageError> {
    let content = b"carnet";
    let key = place.key(WRITTEN);
    let WholeSums { md5, sha256 } = sums::of(content);
    let bytes = content.len() as u64;
    let object = NewObject { key: &key, bytes, md5, sha256, metadata: &[], precondition: Precondition::None };
    let upload = place.container.begin(&object)?;
    let sent = place.container.part(&key, &upload, 1, content);
    let ended = place.container.end(&key, &upload);
    sent.and(ended)
}

/// Reads a byte of the first object that is listed, and returns its key; `None` if there is none.
fn read(place: &Place) -> Result<Option<String>, StorageError> {
    let mut first: Option<Object> = None;
    place.container.list(&place.prefix, &mut |object| {
        if object.bytes == 0 {
            return ControlFlow::Continue(());
        }
        first = Some(object);
        ControlFlow::Break(())
    })?;
    let Some(object) = first else { return Ok(None) };
    let mut byte = [0];
    let mut reader = place.container.read(&object, 0, 1)?;
    // A connection that breaks says nothing about the permission.
    let _ = reader.read(&mut byte);
    Ok(Some(object.key))
}
