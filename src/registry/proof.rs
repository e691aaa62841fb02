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

    /// Reads one byte of a blob. If the registry does not let it be read, the answer to HEAD decides.
    pub(super) fn serves_blob(&self, descriptor: &Descriptor) -> Result<bool, RegistryError> {
        let found = match self.read_byte(descriptor, descriptor.size > 0) {
            // Some servers refuse ranges.
            Ok(response) if response.status == 416 => {
                response.discard();
                self.read_byte(descriptor, false)
            }
            found => found,
        };
        let response = match found {
            Ok(response) => response,
            // The registry points at the place where the blob is stored, which may not be contacted.
            Err(RegistryError::OtherHost {
                cause: HostRefusal::NotAllowed | HostRefusal::NotHttps, ..
            }) => return Ok(true),
            Err(error) if is_withheld(&error) => {
                let size = self
                    .blob_size(&descriptor.digest, descriptor.size)
                    .map_err(|second| first_of(error, second))?;
                return Ok(size == Some(descriptor.size));
            }
            Err(error) => return Err(error),
        };
        if matches!(response.status, 200 | 206) {
            return Ok(descriptor.size == 0 || has_a_byte(response));
        }
        response.discard();
        Ok(false)
    }

    /// Requests the first byte of a blob, or the whole blob without a range. Returns an error for all statuses that say
    /// nothing about the blob.
    fn read_byte(&self, descriptor: &Descriptor, range: bool) -> Result<Response, RegistryError> {
        let mut call = self.call(Method::GET, &format!("blobs/{}", descriptor.digest));
        if range {
            call = call.with(header::RANGE, "bytes=0-0");
        }
        let request = call.describe();
        let response = self.registry.call(&mut call, &self.scope())?;
        match response.status {
            200 | 206 | 404 | 410 | 416 => Ok(response),
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
        match self.shown(reference, bytes) {
            Ok(shown) => Ok(matches!(shown, Shown::These)),
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
            let shown = self.shown(reference, bytes)?;
            if let Shown::These = shown {
                return Ok(());
            }
            if self.pause(&mut retried)? {
                continue;
            }
            return Err(match shown {
                Shown::Other(found) => RegistryError::NotSet {
                    host: self.host().clone(),
                    repository: self.name.clone(),
                    tag: reference.to_string(),
                    expected: found.same_algorithm(bytes),
                    found,
                },
                Shown::These | Shown::Nothing => self.lost(reference),
            });
        }
    }

    /// Reads what a tag or digest shows, and compares it with these bytes. If the registry does not let it be read, the
    /// digest in its answer to HEAD is compared.
    fn shown(&self, reference: &Reference, bytes: &[u8]) -> Result<Shown, RegistryError> {
        match self.manifest(reference) {
            Ok(Some((_, found))) if found == bytes => Ok(Shown::These),
            Ok(Some((descriptor, _))) => Ok(Shown::Other(descriptor.digest)),
            Ok(None) => Ok(Shown::Nothing),
            Err(error) if is_withheld(&error) => {
                let Some(found) = self.resolve(reference).map_err(|second| first_of(error, second))? else {
                    return Ok(Shown::Nothing);
                };
                let is_same = found.digest.same_algorithm(bytes) == found.digest;
                Ok(if is_same { Shown::These } else { Shown::Other(found.digest) })
            }
            Err(error) => Err(error),
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

/// What a tag or digest shows.
enum Shown {
    /// The expected bytes.
    These,
    /// A manifest with this digest.
    Other(Digest),
    Nothing,
}

/// The first of two errors, unless the second is the stop signal.
fn first_of(first: RegistryError, second: RegistryError) -> RegistryError {
    if matches!(second, RegistryError::Interrupted) { second } else { first }
}

/// Returns whether the registry has what was requested, but a policy forbids to read it, for example before it was
/// scanned. Harbor answers 412 then, other registries 403.
fn is_withheld(error: &RegistryError) -> bool {
    matches!(error, RegistryError::Denied { .. } | RegistryError::Failed { status: 412 | 451, .. })
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
