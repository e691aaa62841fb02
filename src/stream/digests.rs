//! The hashes of one flow.

use super::hash::{Function, Output, Stream, update_together};

/// Hashes of all bytes and, if requested, of each slice.
pub struct Digests {
    whole: Vec<Stream>,
    slices: Option<Slices>,
}

struct Slices {
    functions: Vec<Function>,
    /// The lengths of the slices after the current one, in bytes.
    lengths: std::vec::IntoIter<u64>,
    /// The remaining bytes of the current slice.
    rest: u64,
    streams: Vec<Stream>,
    outputs: Vec<Output>,
}

/// The results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digested {
    /// The number of bytes.
    pub bytes: u64,
    /// The hashes of all bytes, in the order of the functions.
    pub whole: Vec<Output>,
    /// The hashes of each slice, in order, those of one slice in the order of the functions; empty if none were requested.
    pub slices: Vec<Output>,
}

impl Digests {
    /// Hashes all bytes with these functions; at least one.
    pub fn of(functions: &[Function]) -> Digests {
        Digests { whole: functions.iter().map(|&function| Stream::new(function)).collect(), slices: None }
    }

    /// Also hashes each slice with these functions; at least one. `lengths` are in bytes; only a single slice may be empty.
    pub fn and_slices(mut self, functions: Vec<Function>, lengths: Vec<u64>) -> Digests {
        let mut lengths = lengths.into_iter();
        let rest = lengths.next().unwrap_or(0);
        let streams = functions.iter().map(|&function| Stream::new(function)).collect();
        self.slices = Some(Slices { functions, lengths, rest, streams, outputs: Vec::new() });
        self
    }

    /// Returns the streams that hash the next block.
    pub(super) fn streams(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.whole.iter_mut().chain(self.slices.iter_mut().flat_map(|slices| &mut slices.streams))
    }

    /// Records that all streams have hashed a block of this many bytes, which must not extend beyond its slice. Returns the
    /// first hash of that slice if it ended and is not the last one.
    pub(super) fn advance(&mut self, bytes: usize) -> Option<Output> {
        let slices = self.slices.as_mut()?;
        slices.rest = slices.rest.saturating_sub(bytes as u64);
        if slices.rest > 0 {
            return None;
        }
        slices.rest = slices.lengths.next()?;
        let first = slices.outputs.len();
        for (stream, &function) in slices.streams.iter_mut().zip(&slices.functions) {
            slices.outputs.push(std::mem::replace(stream, Stream::new(function)).finish());
        }
        slices.outputs.get(first).copied()
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
            slices.outputs.extend(slices.streams.into_iter().map(Stream::finish));
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
        let mut digests = Digests::of(&[Function::Sha256, Function::Md5])
            .and_slices(vec![Function::Sha256], vec![300, 700]);
        let blocks = [&bytes[..100], &bytes[100..300], &bytes[300..1000]];
        let ended: Vec<Option<Output>> = blocks.iter().map(|block| digests.update(block)).collect();
        assert_eq!(ended, [None, Some(sum_of(&bytes[..300])), None]);
        let digested = digests.finish();
        assert_eq!(digested.bytes, 1000);
        assert_eq!(digested.whole[0], sum_of(&bytes));
        assert_eq!(digested.slices, [sum_of(&bytes[..300]), sum_of(&bytes[300..])]);
    }

    #[test]
    fn hashes_each_slice_with_several_functions() {
        let functions = vec![Function::Sha256, Function::Sha384];
        let mut digests = Digests::of(&[Function::Sha512]).and_slices(functions, vec![2, 1]);
        digests.update(b"ab");
        digests.update(b"c");
        let strong = |bytes: &[u8]| Output::Sha384(crate::format::Sum384::of(bytes).0);
        assert_eq!(digests.finish().slices, [sum_of(b"ab"), strong(b"ab"), sum_of(b"c"), strong(b"c")]);
    }

    #[test]
    fn hashes_one_empty_slice() {
        let digested = Digests::of(&[Function::Sha512]).and_slices(vec![Function::Sha256], vec![0]).finish();
        assert_eq!((digested.bytes, digested.slices), (0, vec![sum_of(b"")]));
    }
}
