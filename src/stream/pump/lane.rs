//! Flows under way, and their buffers.

use std::io;

use crate::stream::buffer::Buffer;
use crate::stream::digests::Digests;

/// A flow under way.
pub(super) struct Lane<F> {
    pub(super) flow: F,
    pub(super) digests: Digests,
    pub(super) buffer: Buffer,
    pub(super) filled: usize,
    /// Bytes still to come, as far as anyone knows.
    pub(super) rest: u64,
    /// Whether nothing had come when it was asked last.
    pub(super) waits: bool,
    /// Whether it is not among the flows whose lengths are known.
    pub(super) beside: bool,
}

/// Buffers that no lane needs now.
#[derive(Default)]
pub(super) struct Spare(Vec<Buffer>);

impl Spare {
    /// One of this many bytes.
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

/// The longest flows stay, with half of the bytes or as little more as can be.
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
