//! A flow that only hashes: for whoever checks and keeps nothing.

use std::io;

use super::digests::{Digested, Digests};
use super::flow::{Filled, Flow};
use super::hash::{Function, Output};
use super::segments::{Segment, Segments};
use crate::observe::{Event, Monitor};

/// Hashes segments as one, with one or several functions. `key` is the caller's name for it.
pub struct Digesting<'a, K> {
    key: K,
    bytes: u64,
    segments: Segments,
    functions: Vec<Function>,
    monitor: Monitor<'a>,
}

/// A file that could not be read.
#[derive(Debug)]
pub struct Unreadable<K> {
    /// Which flow.
    pub key: K,
    /// Which file, escaped.
    pub file: String,
    /// Why.
    pub source: io::Error,
}

impl<'a, K> Digesting<'a, K> {
    /// A flow over these segments.
    pub fn new(key: K, segments: Vec<Segment>, functions: &[Function], monitor: Monitor<'a>) -> Self {
        let bytes = segments.iter().map(|segment| segment.bytes).sum();
        Digesting { key, bytes, segments: Segments::new(segments), functions: functions.to_vec(), monitor }
    }
}

impl<K: Send + Clone> Flow for Digesting<'_, K> {
    type Done = (K, Vec<Output>);
    type Error = Unreadable<K>;

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn digests(&self) -> Digests {
        Digests::of(&self.functions)
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<Filled, Self::Error> {
        self.segments.fill(buffer).map(Filled::of).map_err(|(file, source)| Unreadable {
            key: self.key.clone(),
            file,
            source,
        })
    }

    fn drain(&mut self, block: &[u8]) -> Result<(), Self::Error> {
        self.monitor.tell(Event::Moved { bytes: block.len() as u64 });
        Ok(())
    }

    fn finish(self, digested: Digested) -> Result<Self::Done, Self::Error> {
        Ok((self.key, digested.whole))
    }
}
