//! A stream that is hashed in blocks of 64 bytes: SHA-256 and MD5 differ only in their words.

/// The state, the bytes of an unfinished block, and the total number of bytes.
#[derive(Clone)]
pub(super) struct BlockStream<const N: usize> {
    pub(super) state: [u32; N],
    tail: [u8; 64],
    bytes: u64,
}

/// Whole blocks that wait to be compressed into a state.
pub(super) struct Waiting<'a, const N: usize> {
    pub(super) state: &'a mut [u32; N],
    pub(super) blocks: &'a [[u8; 64]],
}

impl<const N: usize> BlockStream<N> {
    pub(super) fn new(initial: [u32; N]) -> Self {
        BlockStream { state: initial, tail: [0; 64], bytes: 0 }
    }

    fn tail_length(&self) -> usize {
        usize::try_from(self.bytes % 64).expect("less than 64")
    }

    /// Adds bytes: completes an unfinished block with `one`, keeps an incomplete rest, and returns the whole blocks
    /// between, which the caller compresses before adding more bytes.
    pub(super) fn feed<'a>(
        &'a mut self,
        mut bytes: &'a [u8],
        one: impl Fn(&mut [u32; N], &[[u8; 64]]),
    ) -> Waiting<'a, N> {
        let begun = self.tail_length();
        self.bytes += bytes.len() as u64;
        if begun > 0 {
            let (more, rest) = bytes.split_at(bytes.len().min(64 - begun));
            self.tail[begun..begun + more.len()].copy_from_slice(more);
            bytes = rest;
            if begun + more.len() == 64 {
                one(&mut self.state, std::slice::from_ref(&self.tail));
            }
        }
        let (blocks, rest) = bytes.as_chunks();
        self.tail[..rest.len()].copy_from_slice(if rest.is_empty() { &[] } else { rest });
        Waiting { state: &mut self.state, blocks }
    }

    /// Pads and finishes the stream. `length` converts its length in bits into the last eight bytes.
    pub(super) fn finish(
        mut self,
        length: impl Fn(u64) -> [u8; 8],
        one: impl Fn(&mut [u32; N], &[[u8; 64]]),
    ) -> [u32; N] {
        let begun = self.tail_length();
        let mut last = [[0; 64]; 2];
        last[0][..begun].copy_from_slice(&self.tail[..begun]);
        last[0][begun] = 0x80;
        let blocks = if begun < 56 { 1 } else { 2 };
        last[blocks - 1][56..].copy_from_slice(&length(self.bytes.wrapping_mul(8)));
        one(&mut self.state, &last[..blocks]);
        self.state
    }
}
