//! The sums of blocks, which locate damage (docs/format.md, "A parity file").

use std::fmt;

/// The BLAKE3 of a block of a shard, or of a part of a parity file. It tells which part of a damaged file can be used. What
/// is computed from that part is proven by the chunk's own signature, as everything is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BlockSum(pub [u8; BlockSum::BYTES]);

impl BlockSum {
    /// The size of a sum in bytes.
    pub const BYTES: usize = 32;

    /// Computes the sum of a block.
    pub fn of(bytes: &[u8]) -> BlockSum {
        BlockSum(*blake3::hash(bytes).as_bytes())
    }
}

impl fmt::Display for BlockSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for BlockSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_blake3() {
        // The official vectors: byte `at` of the input is `at` modulo 251.
        let input: Vec<u8> = (0..=250).cycle().take(102_400).collect();
        for (bytes, expected) in [
            (0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
            (1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
            (1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"),
            (102_400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"),
        ] {
            assert_eq!(BlockSum::of(&input[..bytes]).to_string(), expected, "{bytes} bytes");
        }
    }
}
