//! The hashes of one flow.

use super::hash::{Function, Output, Stream, update_together};

/// Hashes of all bytes and, if requested, of each slice.
pub struct Digests {
    whole: Vec<Stream>,
    slices: Option<Slices>,
}

struct Slices {
    function: Function,
    /// The lengths of the slices after the current one, in bytes.
    lengths: std::vec::IntoIter<u64>,
    /// The remaining bytes of the current slice.
    rest: u64,
    stream: Stream,
    outputs: Vec<Output>,
}

/// The results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digested {
    /// The number of bytes.
    pub bytes: u64,
    /// The hashes of all bytes, in the order of the functions.
    pub whole: Vec<Output>,
    /// The hash of each slice, in order; empty if none were requested.
    pub slices: Vec<Output>,
}

impl Digests {
    /// Hashes all bytes with these functions; at least one.
    pub fn of(functions: &[Function]) -> Digests {
        Digests { whole: functions.iter().map(|&function| Stream::new(function)).collect(), slices: None }
    }

    /// Also hashes each slice. `lengths` are in bytes; only a single slice may be empty.
    pub fn and_slices(mut self, function: Function, lengths: Vec<u64>) -> Digests {
        let mut lengths = lengths.into_iter();
        let rest = lengths.next().unwrap_or(0);
        let stream = Stream::new(function);
        self.slices = Some(Slices { function, lengths, rest, stream, outputs: Vec::new() });
        self
    }

    /// Returns the streams that hash the next block.
    pub(super) fn streams(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.whole.iter_mut().chain(self.slices.as_mut().map(|slices| &mut slices.stream))
    }

    /// Records that all streams have hashed a block of this many bytes, which must not extend beyond its slice. Returns the
    /// hash of that slice if it ended and is not the last one.
    pub(super) fn advance(&mut self, bytes: usize) -> Option<Output> {
        let slices = self.slices.as_mut()?;
        slices.rest = slices.rest.saturating_sub(bytes as u64);
        if slices.rest > 0 {
            return None;
        }
        slices.rest = slices.lengths.next()?;
        let ended = std::mem::replace(&mut slices.stream, Stream::new(slices.function)).finish();
        slices.outputs.push(ended);
        Some(ended)
    }

    /// Hashes a block of this flow alone. Returns the hash of the slice that ends with it, unless that is the last one.
    pub fn update(&mut self, block: &[u8]) -> Option<Output> {
        let mut blocks: Vec<(&mut Stream, &[u8])> = self.streams().map(|stream| (stream, block)).collect();
        update_together(&mut blocks);
        drop(blocks);
        self.advance(block.len())
    }

    /// Finishes all hashes.
    pub fn finish(self) -> Digested {
        let bytes = self.whole.first().map_or(0, Stream::bytes);
        let whole = self.whole.into_iter().map(Stream::finish).collect();
        let slices = self.slices.map_or_else(Vec::new, |mut slices| {
            slices.outputs.push(slices.stream.finish());
            slices.outputs
        });
        Digested { bytes, whole, slices }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum_of(bytes: &[u8]) -> Output {
        let mut digests = Digests::of(&[Function::Sha256]);
        digests.update(bytes);
        digests.finish().whole.remove(0)
    }

    #[test]
    fn hashes_each_slice_and_the_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let mut digests =
            Digests::of(&[Function::Sha256, Function::Md5]).and_slices(Function::Sha256, vec![300, 700]);
        let blocks = [&bytes[..100], &bytes[100..300], &bytes[300..1000]];
        let ended: Vec<Option<Output>> = blocks.iter().map(|block| digests.update(block)).collect();
        assert_eq!(ended, [None, Some(sum_of(&bytes[..300])), None]);
        let digested = digests.finish();
        assert_eq!(digested.bytes, 1000);
        assert_eq!(digested.whole[0], sum_of(&bytes));
        assert_eq!(digested.slices, [sum_of(&bytes[..300]), sum_of(&bytes[300..])]);
    }

    #[test]
    fn hashes_one_empty_slice() {
        let digested = Digests::of(&[Function::Sha512]).and_slices(Function::Sha256, vec![0]).finish();
        assert_eq!((digested.bytes, digested.slices), (0, vec![sum_of(b"")]));
    }
}
