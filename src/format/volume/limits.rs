//! Bounds of volumes and their labels.

/// The most volumes of a bundle: their numbers have three digits.
pub const VOLUMES_MAX: usize = 999;

/// The longest label, in bytes (docs/format.md, "Limits").
pub const VOLUME_LABEL_BYTES_MAX: u64 = 65_536;
