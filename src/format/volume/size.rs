//! The size of a medium on the command line: a preset, or a number with a unit.

use std::str::FromStr;

use crate::format::chunk_size::byte_count;

/// Presets and their sizes in bytes, as their standards give them.
const PRESETS: &[(&str, u64)] = &[
    ("cd", 650 << 20),
    ("dvd", 4_700_000_000),
    ("bd25", 25_025_314_816),
    ("bd50", 50_050_629_632),
    ("bd100", 100_103_356_416),
    ("bd128", 128_001_769_472),
];

/// The size of a medium, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeSize(pub u64);

impl FromStr for VolumeSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let preset = PRESETS.iter().find(|(name, _)| *name == text).map(|(_, bytes)| *bytes);
        let bytes = preset.or_else(|| byte_count(text)).filter(|bytes| *bytes > 0);
        bytes.map(VolumeSize).ok_or_else(|| {
            let names: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
            format!(
                "not a size: use {}, or a number with KiB, MiB, GiB, TiB, KB, MB, GB or TB",
                names.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::VolumeSize;

    #[test]
    fn parses_presets_and_units() {
        let bytes = |text: &str| text.parse::<VolumeSize>().map(|size| size.0).ok();
        assert_eq!(bytes("dvd"), Some(4_700_000_000));
        assert_eq!(bytes("bd128"), Some(128_001_769_472));
        assert_eq!(bytes("200 GB"), Some(200_000_000_000));
        for text in ["", "0", "bd", "-1", "1e9", "0GiB"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
