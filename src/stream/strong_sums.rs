//! The SHA-384 of each piece of a blob, while its bytes pass by on their way (docs/format.md, "The profile cnsa2").

use super::hash::{Function, Stream, update_together};
use crate::format::{Sum384, SumPair};

/// Compares the SHA-384 of each piece of a blob with what it must be. In a bundle without a profile, nothing is hashed.
pub(crate) struct StrongSums {
    pieces: Vec<(u64, Sum384)>,
    /// The number of the current piece.
    at: usize,
    /// How many bytes of it are still to come.
    rest: u64,
    stream: Stream,
    /// The first piece that is not what it must be.
    wrong: Option<usize>,
}

impl StrongSums {
    /// Begins a blob whose pieces have these sizes in bytes, and these sums.
    pub(crate) fn new(pieces: impl IntoIterator<Item = (u64, SumPair)>) -> StrongSums {
        let strong = pieces.into_iter().map(|(bytes, pair)| Some((bytes, pair.sha384?)));
        let pieces: Vec<(u64, Sum384)> = strong.collect::<Option<_>>().unwrap_or_default();
        let mut sums = StrongSums { pieces, at: 0, rest: 0, stream: StrongSums::fresh(), wrong: None };
        sums.begin();
        sums
    }

    fn fresh() -> Stream {
        Stream::new(Function::Sha384)
    }

    /// Begins the current piece. An empty one ends at once.
    fn begin(&mut self) {
        self.rest = self.pieces.get(self.at).map_or(0, |(bytes, _)| *bytes);
        if self.rest == 0 {
            self.end();
        }
    }

    fn end(&mut self) {
        let Some((_, expected)) = self.pieces.get(self.at) else { return };
        let stream = std::mem::replace(&mut self.stream, StrongSums::fresh());
        if stream.finish().sum384() != Some(*expected) {
            self.wrong = self.wrong.or(Some(self.at));
        }
        self.at += 1;
        self.begin();
    }

    /// Hashes the next bytes of the blob.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while self.at < self.pieces.len() && !bytes.is_empty() {
            let length = usize::try_from(self.rest).unwrap_or(usize::MAX).min(bytes.len());
            update_together(&mut [(&mut self.stream, &bytes[..length])]);
            bytes = &bytes[length..];
            self.rest -= length as u64;
            if self.rest == 0 {
                self.end();
            }
        }
    }

    /// Begins the blob again.
    pub(crate) fn restart(&mut self) {
        (self.at, self.stream, self.wrong) = (0, StrongSums::fresh(), None);
        self.begin();
    }

    /// Returns the number of the first piece, from 0, that came to its end and is not what it must be.
    pub(crate) fn mismatch(&self) -> Option<usize> {
        self.wrong
    }

    /// Returns the number of the first piece, from 0, that is not what it must be. A piece that did not come to its end is not.
    pub(crate) fn wrong(&self) -> Option<usize> {
        self.wrong.or((self.at < self.pieces.len()).then_some(self.at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::Profile;

    proptest! {
        #[test]
        fn every_piece_is_compared(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..6),
            step in 1_usize..50,
            flip in any::<prop::sample::Index>(),
        ) {
            let expected = |profile| pieces.iter().map(move |piece| (piece.len() as u64, SumPair::of(piece, profile)));
            let whole = pieces.concat();
            let check = |bytes: &[u8], profile| {
                let mut sums = StrongSums::new(expected(profile));
                bytes.chunks(step).for_each(|part| sums.update(part));
                let first = sums.wrong();
                sums.restart();
                bytes.chunks(step).for_each(|part| sums.update(part));
                assert_eq!(sums.wrong(), first);
                first
            };
            prop_assert_eq!(check(&whole, Some(Profile::Cnsa2)), None);
            if !whole.is_empty() {
                let at = flip.index(whole.len());
                let mut changed = whole.clone();
                changed[at] ^= 1;
                let mut end = 0;
                let piece = pieces.iter().position(|piece| { end += piece.len(); at < end });
                prop_assert_eq!(check(&changed, Some(Profile::Cnsa2)), piece);
                prop_assert_eq!(check(&changed, None), None);
                prop_assert!(check(&whole[..whole.len() - 1], Some(Profile::Cnsa2)).is_some());
            }
        }
    }
}
