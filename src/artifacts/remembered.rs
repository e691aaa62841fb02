//! A source that lists the same things for a whole run.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use super::{ArtifactError, ArtifactSource, Root, Selection};
use crate::oci::graph::{Reason, Referrer};
use crate::oci::{Descriptor, Digest};

/// A source whose artifacts and referrers stay those that were listed first.
///
/// In a registry a tag may move, and a referrer may be added, between two requests. What is judged and then packed must
/// be the same; everything else is fixed by its digest.
pub struct Remembered {
    source: Arc<dyn ArtifactSource>,
    listed: Mutex<Listed>,
}

#[derive(Default)]
struct Listed {
    roots: Vec<(Selection, Vec<Root>)>,
    referrers: HashMap<Digest, Vec<Referrer>>,
}

impl Remembered {
    /// Wraps a source. Nothing is listed yet.
    pub fn new(source: Arc<dyn ArtifactSource>) -> Remembered {
        Remembered { source, listed: Mutex::default() }
    }

    fn listed(&self) -> std::sync::MutexGuard<'_, Listed> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ArtifactSource for Remembered {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn roots(&self, selection: &Selection) -> Result<Vec<Root>, ArtifactError> {
        if let Some((_, roots)) = self.listed().roots.iter().find(|(known, _)| known == selection) {
            return Ok(roots.clone());
        }
        let roots = self.source.roots(selection)?;
        self.listed().roots.push((selection.clone(), roots.clone()));
        Ok(roots)
    }

    fn size_of(&self, descriptor: &Descriptor) -> Result<Option<u64>, ArtifactError> {
        self.source.size_of(descriptor)
    }

    fn open(&self, descriptor: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>, ArtifactError> {
        self.source.open(descriptor, offset)
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Referrer>, ArtifactError> {
        if let Some(referrers) = self.listed().referrers.get(subject) {
            return Ok(referrers.clone());
        }
        let referrers = self.source.referrers(subject)?;
        self.listed().referrers.insert(*subject, referrers.clone());
        Ok(referrers)
    }

    fn omits(&self, digest: &Digest) -> Option<Reason> {
        self.source.omits(digest)
    }

    fn waits(&self) -> bool {
        self.source.waits()
    }

    fn try_elsewhere(&self, descriptor: &Descriptor, why: &str) -> Result<bool, ArtifactError> {
        self.source.try_elsewhere(descriptor, why)
    }

    fn notes(&self) -> Vec<String> {
        self.source.notes()
    }

    fn unread(&self) -> Vec<(Digest, String)> {
        self.source.unread()
    }
}
