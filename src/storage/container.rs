//! The interface of a container of objects.

use std::io::Read;
use std::ops::ControlFlow;

use crate::format::Sum;

use super::{NewObject, Object, Part, PartLimits, Permission, StorageError, Upload};

/// A container of objects: an S3 bucket or an Azure Blob container. All keys are whole, from the start of the container.
///
/// Every operation is retried after temporary failures. Texts in its errors contain no secret.
pub trait Container: Send + Sync {
    /// Returns the place without its prefix and without secrets, for messages, e.g. `s3://bucket`.
    fn name(&self) -> &str;

    /// Checks without a request that the access can do all of this, as far as that can be known.
    ///
    /// # Errors
    /// [`StorageError::Access`] for a token that has expired, is not valid yet, or lacks a permission.
    fn check_access(&self, needed: &[Permission]) -> Result<(), StorageError>;

    /// Returns what gives access, for status pages and records, e.g. `a SAS token that ends at …`. It contains no secret.
    fn access(&self) -> String;

    /// Calls `visit` for each object whose key begins with `prefix`, in any order, until it returns `Break`. Marks of
    /// folders are left out.
    fn list(
        &self,
        prefix: &str,
        visit: &mut dyn FnMut(Object) -> ControlFlow<()>,
    ) -> Result<(), StorageError>;

    /// Returns a sum over what the store lists of the objects whose keys begin with `prefix`: the same as long as none is
    /// added, changed or removed. This costs the requests of a list, and no reading. `None` if that cannot be told.
    fn pulse(&self, prefix: &str) -> Result<Option<Sum>, StorageError>;

    /// Returns the object of this key, with its metadata; `None` if there is none.
    fn find(&self, key: &str) -> Result<Option<Object>, StorageError>;

    /// Reads `bytes` bytes from `offset`, which must be within the object. A connection that breaks later is an error
    /// of the reader; [`super::Download`] goes on from there.
    ///
    /// # Errors
    /// [`super::Refusal::Changed`] if the object no longer has the entity tag.
    fn read(&self, object: &Object, offset: u64, bytes: u64) -> Result<Box<dyn Read + Send>, StorageError>;

    /// Returns how often a broken download is continued.
    fn retries(&self) -> u32;

    /// Waits before attempt number `attempt` + 1 of something that failed, counted from 0.
    ///
    /// # Errors
    /// [`StorageError::Interrupted`] after a stop signal.
    fn wait(&self, attempt: u32) -> Result<(), StorageError>;

    /// Writes an object in one request. It is visible as a whole or not at all.
    ///
    /// # Errors
    /// [`super::Refusal::Exists`] or [`super::Refusal::Changed`] if the precondition does not hold.
    fn put(&self, object: &NewObject<'_>, content: &[u8]) -> Result<(), StorageError>;

    /// Returns what the store demands of parts.
    fn part_limits(&self) -> PartLimits;

    /// Begins an upload in parts.
    fn begin(&self, object: &NewObject<'_>) -> Result<Upload, StorageError>;

    /// Uploads part `number`, from 1. Sending it again replaces it. May be called from several threads.
    fn part(&self, key: &str, upload: &Upload, number: u32, content: &[u8]) -> Result<Part, StorageError>;

    /// Completes an upload: the object becomes visible as a whole. `parts` are in order.
    ///
    /// # Errors
    /// As [`Container::put`]. The upload can then only be ended.
    fn complete(&self, object: &NewObject<'_>, upload: &Upload, parts: &[Part]) -> Result<(), StorageError>;

    /// Ends an upload that will not be completed, and frees its space.
    fn end(&self, key: &str, upload: &Upload) -> Result<(), StorageError>;

    /// Returns the uploads of keys that begin with `prefix` which were begun and neither completed nor ended, each with its
    /// key. None if the store drops them by itself.
    fn unfinished(&self, prefix: &str) -> Result<Vec<(String, Upload)>, StorageError>;

    /// Deletes an object, unless it has changed. An object that is gone is no error.
    ///
    /// # Errors
    /// [`super::Refusal::Changed`] if it has another entity tag, [`super::Refusal::Immutable`] if it is protected.
    fn delete(&self, object: &Object) -> Result<(), StorageError>;

    /// Asks the store to delete an object that does not exist, to find out whether it would be permitted.
    fn try_delete(&self, key: &str) -> Result<(), StorageError>;
}
