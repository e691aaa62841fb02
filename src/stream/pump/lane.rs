//! Active flows and their buffers.

use std::io;

use crate::stream::buffer::Buffer;
use crate::stream::digests::Digests;

/// An active flow.
pub(super) struct Lane<F> {
    pub(super) flow: F,
    pub(super) digests: Digests,
    pub(super) buffer: Buffer,
    pub(super) filled: usize,
    /// The expected number of remaining bytes.
    pub(super) rest: u64,
    /// Whether no data was available at the last read.
    pub(super) waits: bool,
    /// Whether the flow is not among those whose lengths are known.
    pub(super) beside: bool,
}

/// Unused buffers.
#[derive(Default)]
pub(super) struct Spare(Vec<Buffer>);

impl Spare {
    /// Returns a buffer of this many bytes.
    pub(super) fn take(&mut self, bytes: usize) -> io::Result<Buffer> {
        match self.0.iter().position(|buffer| buffer.len() == bytes) {
            Some(place) => Ok(self.0.swap_remove(place)),
            None => Buffer::new(bytes),
        }
    }

    pub(super) fn put(&mut self, buffer: Buffer) {
        self.0.push(buffer);
    }
}

/// Splits off the shorter flows. The longest stay, with half of the bytes or as little more as possible.
pub(super) fn split_off_half<F>(lanes: &mut Vec<Lane<F>>) -> Vec<Lane<F>> {
    lanes.sort_by_key(|lane| std::cmp::Reverse(lane.rest));
    let half = lanes.iter().map(|lane| lane.rest).sum::<u64>() / 2;
    let mut kept = 0;
    let reaches = |lane: &Lane<F>| {
        kept += lane.rest;
        kept >= half
    };
    let longest = lanes.iter().position(reaches).unwrap_or(0) + 1;
    lanes.split_off(longest.min(lanes.len() - 1))
}
