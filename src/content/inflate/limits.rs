//! How far a stream may expand.

/// The limits of one stream. A stream that passes one of them is not read further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InflateLimits {
    /// The most expanded bytes.
    pub expanded_bytes_max: u64,
    /// The most expanded bytes for each compressed byte. Layers of real images have 2 to 4. DEFLATE can reach 1,032 and
    /// zstd more than 30,000.
    pub ratio_max: u64,
    /// The ratio counts once this many bytes are expanded, because a file of zeros shrinks to nearly nothing.
    pub ratio_from_bytes: u64,
    /// The largest window of a zstd frame, in bytes. The decoder allocates it. `zstd -19` uses 8 MiB, and `zstd --ultra -22`
    /// up to 128 MiB.
    pub window_bytes_max: u64,
}

impl Default for InflateLimits {
    fn default() -> Self {
        InflateLimits {
            expanded_bytes_max: 64 << 30,
            ratio_max: 200,
            ratio_from_bytes: 256 << 20,
            window_bytes_max: 64 << 20,
        }
    }
}
