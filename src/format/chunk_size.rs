//! The chunk size limit on the command line: a preset, or a number with a unit.

use std::{fmt, str::FromStr};

use super::limits::{CHUNK_BYTES_MAX, CHUNK_BYTES_MIN};

/// Presets and their sizes in bytes (docs/format.md, "Limits").
pub const PRESETS: &[(&str, u64)] = &[
    // Below the 2 GB limit of common virus scanners.
    ("2g", 1_990_000_000),
    ("1g", 1_000_000_000),
    ("100m", 100_000_000),
    ("cd", 650 << 20),
    ("fat32", 4_294_967_295),
    ("s3", 5_000_000_000),
];

const UNITS: &[(&str, u64)] = &[
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1_000),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// Returns the bytes that a number with a unit stands for, e.g. `64 KiB`.
pub fn byte_count(text: &str) -> Option<u64> {
    let (digits, unit) =
        UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes))).unwrap_or((text, 1));
    digits.trim_end().parse::<u64>().ok()?.checked_mul(unit)
}

/// The maximum size of a file of a bundle, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkSize(u64);

impl ChunkSize {
    /// Returns the size in bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl Default for ChunkSize {
    fn default() -> Self {
        ChunkSize(PRESETS[0].1)
    }
}

impl fmt::Display for ChunkSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for ChunkSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((_, bytes)) = PRESETS.iter().find(|(name, _)| *name == text) {
            return Ok(ChunkSize(*bytes));
        }
        let bytes = byte_count(text).ok_or_else(|| {
            let presets: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
            format!("not a size: use {}, or a number with KiB, MiB, GiB, KB, MB or GB", presets.join(", "))
        })?;
        if (CHUNK_BYTES_MIN..=CHUNK_BYTES_MAX).contains(&bytes) {
            Ok(ChunkSize(bytes))
        } else {
            Err(format!(
                "{bytes} bytes is not between {CHUNK_BYTES_MIN} (64 KiB) and {CHUNK_BYTES_MAX} (8 GiB minus 1)"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ChunkSize;

    #[test]
    fn parses_presets_and_units() {
        let bytes = |text: &str| text.parse::<ChunkSize>().map(ChunkSize::bytes);
        assert_eq!(bytes("2g"), Ok(1_990_000_000));
        assert_eq!(bytes("64KiB"), Ok(65_536));
        assert_eq!(bytes("700 MB"), Ok(700_000_000));
        assert_eq!(bytes("100000"), Ok(100_000));
        for text in ["", "1", "63KiB", "8GiB", "-1", "1e9", "18446744073709551615GiB", "GiB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
