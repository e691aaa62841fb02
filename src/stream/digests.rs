//! What is computed of the bytes of one flow.

use super::hash::{Function, Output, Stream, update_together};

/// Functions of all bytes, and perhaps one of each slice of them.
pub struct Digests {
    whole: Vec<Stream>,
    slices: Option<Slices>,
}

struct Slices {
    function: Function,
    /// The lengths of those that follow the current one, in bytes.
    lengths: std::vec::IntoIter<u64>,
    /// Bytes of the current one that are still to come.
    rest: u64,
    stream: Stream,
    outputs: Vec<Output>,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digested {
    /// How many bytes there were.
    pub bytes: u64,
    /// Of all bytes, in the order in which the functions were named.
    pub whole: Vec<Output>,
    /// Of each slice, in order; empty where none were asked for.
    pub slices: Vec<Output>,
}

impl Digests {
    /// Functions of all bytes, at least one.
    pub fn of(functions: &[Function]) -> Digests {
        Digests { whole: functions.iter().map(|&function| Stream::new(function)).collect(), slices: None }
    }

    /// A function of each slice besides; `lengths`, in bytes, are all greater than zero, or it is the only one.
    pub fn and_slices(mut self, function: Function, lengths: Vec<u64>) -> Digests {
        let mut lengths = lengths.into_iter();
        let rest = lengths.next().unwrap_or(0);
        let stream = Stream::new(function);
        self.slices = Some(Slices { function, lengths, rest, stream, outputs: Vec::new() });
        self
    }

    /// The streams that take the next block.
    pub(super) fn streams(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.whole.iter_mut().chain(self.slices.as_mut().map(|slices| &mut slices.stream))
    }

    /// Takes note that all streams have taken a block of so many bytes, which ends no later than its slice.
    pub(super) fn advance(&mut self, bytes: usize) {
        let Some(slices) = &mut self.slices else { return };
        slices.rest = slices.rest.saturating_sub(bytes as u64);
        if slices.rest == 0
            && let Some(length) = slices.lengths.next()
        {
            let ended = std::mem::replace(&mut slices.stream, Stream::new(slices.function));
            slices.outputs.push(ended.finish());
            slices.rest = length;
        }
    }

    /// Takes a block in by itself.
    pub fn update(&mut self, block: &[u8]) {
        let mut blocks: Vec<(&mut Stream, &[u8])> = self.streams().map(|stream| (stream, block)).collect();
        update_together(&mut blocks);
        drop(blocks);
        self.advance(block.len());
    }

    /// Ends all of them.
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
    fn each_slice_has_its_own_and_all_have_one_together() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let mut digests =
            Digests::of(&[Function::Sha256, Function::Md5]).and_slices(Function::Sha256, vec![300, 700]);
        for block in [&bytes[..100], &bytes[100..300], &bytes[300..1000]] {
            digests.update(block);
        }
        let digested = digests.finish();
        assert_eq!(digested.bytes, 1000);
        assert_eq!(digested.whole[0], sum_of(&bytes));
        assert_eq!(digested.slices, [sum_of(&bytes[..300]), sum_of(&bytes[300..])]);
    }

    #[test]
    fn no_bytes_are_one_slice() {
        let digested = Digests::of(&[Function::Sha512]).and_slices(Function::Sha256, vec![0]).finish();
        assert_eq!((digested.bytes, digested.slices), (0, vec![sum_of(b"")]));
    }
}
