//! The content of a file as a stream, hashed on the way.

use std::io::{BufRead, Error, Read, Result};

use sha2::{Digest as _, Sha256};

use crate::content::tar::{Body, TarEntry, TarReader};
use crate::oci::Digest;

/// The content of one entry. An error of the layer is kept, because it ends the layer, too.
pub(super) struct Passing<'a, R> {
    body: Body<'a, R>,
    hash: Option<Sha256>,
    left: u64,
    error: Option<Error>,
}

impl<'a, R: BufRead> Passing<'a, R> {
    /// Begins with the content of `entry`, the one that was returned last. It is hashed if `hashes` says so.
    pub(super) fn new(tar: &'a mut TarReader<R>, entry: &'a TarEntry, hashes: bool) -> Passing<'a, R> {
        let hash = hashes.then(Sha256::new);
        Passing { body: Body::new(tar, entry), hash, left: entry.size, error: None }
    }

    /// Reads the rest if the content is hashed. Its digest, if the content ended well.
    ///
    /// # Errors
    /// The layer cannot be read.
    pub(super) fn finish(mut self) -> Result<Option<Digest>> {
        if self.hash.is_some() && self.error.is_none() {
            // The error is the one that is kept.
            let _ = std::io::copy(&mut self, &mut std::io::sink());
        }
        if let Some(error) = self.error {
            return Err(error);
        }
        let hash = self.hash.filter(|_| self.left == 0);
        Ok(hash.map(|hash| Digest::Sha256(hash.finalize().into())))
    }
}

impl<R: BufRead> Read for Passing<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        match self.body.read(out) {
            Ok(count) => {
                if let Some(hash) = &mut self.hash {
                    hash.update(out.get(..count).unwrap_or_default());
                }
                self.left = self.left.saturating_sub(count as u64);
                Ok(count)
            }
            Err(error) => {
                let told = Error::new(error.kind(), error.to_string());
                self.error.get_or_insert(error);
                Err(told)
            }
        }
    }
}
