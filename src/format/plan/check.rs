//! Checks of a plan beyond its grammar (docs/format.md, "plan.txt"): it is canonical and consistent, and every
//! chunk that it describes is possible.

use std::collections::{HashMap, HashSet};

use super::model::{Carriage, Plan, PlannedBlob};
use crate::format::entry::SLICE_OFFSET_MAX;
use crate::format::error::FormatError;
use crate::format::limits::{CHUNK_BYTES_MAX, CHUNK_BYTES_MIN};
use crate::format::lines::Sum;
use crate::format::shape::entries_max;
use crate::format::statement::Class;
use crate::oci::graph::{BLOBS_MAX, Reason};
use crate::oci::{Digest, RefName};

fn refuse(expected: impl Into<String>, found: impl Into<String>) -> FormatError {
    FormatError::whole("plan.txt", expected, found)
}

/// Returns the sort key of a blob.
pub(super) fn order(blob: &PlannedBlob) -> (Class, std::cmp::Reverse<u64>, Digest) {
    (blob.class, std::cmp::Reverse(blob.size), blob.digest)
}

fn ascending<T: Ord>(what: &str, items: &[T]) -> Result<(), FormatError> {
    match items.windows(2).position(|pair| pair[0] >= pair[1]) {
        None => Ok(()),
        Some(at) => Err(refuse(
            format!("{what} lines in ascending order without duplicates"),
            format!("{what} line {} out of order", at + 2),
        )),
    }
}

impl Plan {
    pub(super) fn check(&self) -> Result<(), FormatError> {
        if !(CHUNK_BYTES_MIN..=CHUNK_BYTES_MAX).contains(&self.chunk_bytes) {
            let expected = format!("chunk-bytes from {CHUNK_BYTES_MIN} to {CHUNK_BYTES_MAX}");
            return Err(refuse(expected, self.chunk_bytes.to_string()));
        }
        if self.blobs.len() > BLOBS_MAX {
            return Err(refuse(format!("at most {BLOBS_MAX} blobs"), self.blobs.len().to_string()));
        }
        ascending("platform", &self.platforms)?;
        ascending("artifact", &self.artifacts)?;
        ascending("referrer", &self.referrers)?;
        ascending("omitted", &self.omitted)?;
        ascending("blob", &self.blobs.iter().map(order).collect::<Vec<_>>())?;
        self.check_references()?;
        self.check_elsewhere()?;
        self.check_pieces()?;
        self.check_chunks()
    }

    /// Checks that every artifact and referrer is a metadata blob of the same size, and that no omitted blob is
    /// included.
    fn check_references(&self) -> Result<(), FormatError> {
        let mut blobs: HashMap<Digest, &PlannedBlob> = HashMap::with_capacity(self.blobs.len());
        for blob in &self.blobs {
            if blobs.insert(blob.digest, blob).is_some() {
                return Err(refuse("no duplicate blob", blob.digest.to_string()));
            }
        }
        let mut names: HashMap<&RefName, Digest> = HashMap::new();
        let artifacts = self.artifacts.iter().map(|a| (a.digest, a.size, a.name.as_ref()));
        let referrers = self.referrers.iter().map(|r| (r.digest, r.size, r.name.as_ref()));
        for (digest, size, name) in artifacts.chain(referrers) {
            if !blobs.get(&digest).is_some_and(|blob| blob.size == size && blob.class == Class::Metadata) {
                return Err(refuse("a metadata blob for every artifact and referrer", digest.to_string()));
            }
            if let Some(name) = name
                && *names.entry(name).or_insert(digest) != digest
            {
                return Err(refuse("one digest for each name", name.to_string()));
            }
        }
        if self.referrers_carriage == Carriage::Omit && !self.referrers.is_empty() {
            return Err(refuse(
                "no referrer lines with \"referrers omit\"",
                self.referrers[0].digest.to_string(),
            ));
        }
        for omission in &self.omitted {
            if blobs.contains_key(&omission.digest) {
                return Err(refuse("no blob line for an omitted digest", omission.digest.to_string()));
            }
            if omission.reason == Reason::Nondistributable && self.nondistributable == Carriage::Carry {
                return Err(refuse(
                    "\"nondistributable omit\" for an omitted non-distributable layer",
                    omission.digest.to_string(),
                ));
            }
            if omission.reason == Reason::Platform && self.platforms.is_empty() {
                return Err(refuse(
                    "selected platforms for an image omitted by platform",
                    omission.digest.to_string(),
                ));
            }
        }
        Ok(())
    }

    /// Checks that each blob that is left out is in one earlier bundle, and in no other list.
    fn check_elsewhere(&self) -> Result<(), FormatError> {
        if self.blobs.len() + self.elsewhere.len() > BLOBS_MAX {
            let found = (self.blobs.len() + self.elsewhere.len()).to_string();
            return Err(refuse(format!("at most {BLOBS_MAX} blobs, carried or left out"), found));
        }
        if let (Some(profile), Some(base)) = (self.profile, self.bases.first()) {
            return Err(refuse(format!("no base line with \"profile {profile}\""), base.bundle.to_string()));
        }
        if let Some(pair) = self.bases.windows(2).find(|pair| pair[0].bundle >= pair[1].bundle) {
            return Err(refuse(
                "base lines in ascending order without duplicates",
                pair[1].bundle.to_string(),
            ));
        }
        if let Some(pair) = self.elsewhere.windows(2).find(|pair| pair[0].digest >= pair[1].digest) {
            let found = pair[1].digest.to_string();
            return Err(refuse("elsewhere lines in ascending order without duplicates", found));
        }
        let mut named: HashMap<Sum, bool> = self.bases.iter().map(|base| (base.bundle, false)).collect();
        let listed: HashSet<Digest> = {
            let carried = self.blobs.iter().map(|blob| blob.digest);
            carried.chain(self.omitted.iter().map(|omitted| omitted.digest)).collect()
        };
        for elsewhere in &self.elsewhere {
            let found = || elsewhere.digest.to_string();
            if listed.contains(&elsewhere.digest) {
                return Err(refuse("no blob or omitted line for what is elsewhere", found()));
            }
            match elsewhere.class {
                Class::Metadata => return Err(refuse("no metadata elsewhere", found())),
                Class::Nondistributable if self.nondistributable == Carriage::Omit => {
                    return Err(refuse("\"nondistributable carry\" for such a layer elsewhere", found()));
                }
                Class::Nondistributable | Class::Distributable => {}
            }
            let Some(used) = named.get_mut(&elsewhere.base) else {
                return Err(refuse("a base line for what is elsewhere", elsewhere.base.to_string()));
            };
            *used = true;
        }
        match self.bases.iter().find(|base| !named[&base.bundle]) {
            None => Ok(()),
            Some(unused) => Err(refuse("an elsewhere line for every base", unused.bundle.to_string())),
        }
    }

    /// Checks that the pieces of a blob add up to its size and are in ascending chunks.
    fn check_pieces(&self) -> Result<(), FormatError> {
        for blob in &self.blobs {
            let bad = |expected: &str| Err(refuse(expected, blob.digest.to_string()));
            let sum = blob.pieces.iter().try_fold(0_u64, |sum, piece| sum.checked_add(piece.bytes));
            if sum != Some(blob.size) {
                return bad("pieces that add up to the size of the blob");
            }
            // With this limit, no sum of pieces in a chunk overflows.
            if blob.pieces.iter().any(|piece| piece.bytes > self.chunk_bytes) {
                return bad("pieces that fit into a chunk");
            }
            let [.., last] = blob.pieces.as_slice() else { return bad("at least one piece") };
            if blob.pieces.len() > 1 {
                let ascending = blob.pieces.windows(2).all(|pair| pair[0].chunk < pair[1].chunk);
                let non_empty = blob.pieces.iter().all(|piece| piece.bytes > 0);
                if !ascending || !non_empty || blob.size > SLICE_OFFSET_MAX || blob.pieces[0].chunk == 0 {
                    return bad("non-empty slices in ascending data chunks");
                }
            }
            if last.chunk > self.last {
                return bad("pieces only in chunks of the bundle");
            }
        }
        Ok(())
    }

    /// Checks that each chunk has one class, is not empty, and is within the limits.
    fn check_chunks(&self) -> Result<(), FormatError> {
        let contents = self.contents();
        let single = contents.len() == 1;
        let mut before = Class::Nondistributable;
        for (number, pieces) in contents.iter().enumerate() {
            let found = || format!("chunk {number}");
            let classes: HashSet<Class> = pieces.iter().map(|placed| self.blobs[placed.blob].class).collect();
            if number == 0 {
                let allowed =
                    |class: &Class| *class == Class::Metadata || (single && *class == Class::Distributable);
                if !classes.iter().all(allowed) {
                    return Err(refuse(
                        "only metadata in chunk 0, or also distributable layers in a bundle of one chunk",
                        found(),
                    ));
                }
                continue;
            }
            let Some(&class) = classes.iter().next().filter(|_| classes.len() == 1) else {
                return Err(refuse("blobs of exactly one class in every data chunk", found()));
            };
            if class < before {
                return Err(refuse(
                    "chunks with non-distributable layers first, distributable ones last",
                    found(),
                ));
            }
            before = class;
            let most = entries_max(self.profile);
            if pieces.len() > most {
                return Err(refuse(format!("at most {most} entries in a chunk"), found()));
            }
            if self.data_shape(pieces).sealed_bytes() > self.data_capacity() {
                return Err(refuse("a chunk of at most chunk-bytes", found()));
            }
        }
        Ok(())
    }
}
