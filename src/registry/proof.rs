//! What a registry really has. The answer to HEAD may come from a cache, and a confirmed push may be lost, so content is
//! read before it is believed to be there.

use std::io::{self, Read as _};

use super::error::HostRefusal;
use super::repository::Repository;
use super::{Reference, RegistryError};
use crate::http::{Method, Response, header};
use crate::oci::{Descriptor, Digest};

impl Repository {
    /// Returns whether the repository has a blob of this digest and size. A HEAD asks for the size, then one byte is
    /// read, because the answer to HEAD may come from a cache that still knows deleted blobs.
    ///
    /// # Errors
    /// [`RegistryError`], except that the blob is absent.
    pub fn has_blob(&self, descriptor: &Descriptor) -> Result<bool, RegistryError> {
        let size = self.blob_size(&descriptor.digest, descriptor.size)?;
        Ok(size == Some(descriptor.size) && self.serves_blob(descriptor)?)
    }

    /// Reads one byte of a blob.
    pub(super) fn serves_blob(&self, descriptor: &Descriptor) -> Result<bool, RegistryError> {
        let mut call = self.call(Method::GET, &format!("blobs/{}", descriptor.digest));
        if descriptor.size > 0 {
            call = call.with(header::RANGE, "bytes=0-0");
        }
        let request = call.describe();
        let response = match self.registry.call(&mut call, &self.scope()) {
            Ok(response) => response,
            // The registry points at the place where the blob is stored, which may not be contacted.
            Err(RegistryError::OtherHost {
                cause: HostRefusal::NotAllowed | HostRefusal::NotHttps, ..
            }) => return Ok(true),
            Err(error) => return Err(error),
        };
        match response.status {
            200 | 206 => Ok(descriptor.size == 0 || has_a_byte(response)),
            404 | 410 | 416 => {
                response.discard();
                Ok(false)
            }
            _ => Err(self.endpoint().refused(response, &request)),
        }
    }

    /// Waits until the repository serves a blob that was pushed. Some registries show it only after a moment.
    ///
    /// # Errors
    /// [`RegistryError::Lost`] if it is still absent after all retries.
    pub(super) fn await_blob(&self, descriptor: &Descriptor) -> Result<(), RegistryError> {
        let mut retried = 0;
        while !self.serves_blob(descriptor)? {
            if !self.pause(&mut retried)? {
                return Err(self.lost(&descriptor.digest));
            }
        }
        Ok(())
    }

    /// Returns whether a tag or digest shows exactly these bytes. They are read and compared.
    ///
    /// # Errors
    /// [`RegistryError`], except that the manifest is absent or damaged.
    pub fn has_manifest(&self, reference: &Reference, bytes: &[u8]) -> Result<bool, RegistryError> {
        match self.manifest(reference) {
            Ok(found) => Ok(found.is_some_and(|(_, found)| found == bytes)),
            Err(RegistryError::Mismatch { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Waits until a tag or digest that was pushed shows exactly these bytes. Some registries show them only after a
    /// moment.
    ///
    /// # Errors
    /// [`RegistryError::Lost`] or [`RegistryError::NotSet`] if it is still absent, or still points at something else,
    /// after all retries.
    pub fn await_manifest(&self, reference: &Reference, bytes: &[u8]) -> Result<(), RegistryError> {
        let mut retried = 0;
        loop {
            let found = match self.manifest(reference)? {
                Some((_, found)) if found == bytes => return Ok(()),
                found => found.map(|(descriptor, _)| descriptor.digest),
            };
            if self.pause(&mut retried)? {
                continue;
            }
            return Err(match found {
                Some(found) => RegistryError::NotSet {
                    host: self.host().clone(),
                    repository: self.name.clone(),
                    tag: reference.to_string(),
                    expected: Digest::sha256(bytes),
                    found,
                },
                None => self.lost(reference),
            });
        }
    }

    fn lost(&self, what: &impl ToString) -> RegistryError {
        let (host, repository) = (self.host().clone(), self.name.clone());
        RegistryError::Lost { host, repository, what: what.to_string() }
    }

    /// Waits before the next attempt, and counts it. Returns false without waiting if there are no retries left.
    ///
    /// # Errors
    /// [`RegistryError::Interrupted`] after a stop signal.
    pub fn pause(&self, retried: &mut u32) -> Result<bool, RegistryError> {
        if *retried >= self.endpoint().retries() {
            return Ok(false);
        }
        self.endpoint().wait(*retried, None)?;
        *retried += 1;
        Ok(true)
    }
}

/// Returns whether the body has at least one byte. A registry may announce a blob that its storage no longer has.
fn has_a_byte(mut response: Response) -> bool {
    let read = loop {
        match response.body.read(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read,
        }
    };
    response.discard();
    matches!(read, Ok(1))
}
