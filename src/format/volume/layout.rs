//! Assigns chunks to volumes.

use super::limits::{VOLUME_LABEL_BYTES_MAX, VOLUMES_MAX};
use crate::diagnosis::{Code, Diagnose, Diagnosis};

/// What file systems of media take up, counted high: they store files in blocks of this size, …
const BLOCK_BYTES: u64 = 2048;

/// … need this much for the entry and the description of a file, …
const FILE_BYTES: u64 = 4096;

/// … this much for themselves, …
const FIXED_BYTES: u64 = 1 << 20;

/// … and this part of the medium for the map of its blocks, which has one bit for each in UDF.
const MAP_PART: u64 = 8192;

/// What a volume holds at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeLimits {
    /// Its size, in bytes, with the file system; `None` for any size.
    pub bytes: Option<u64>,
    /// Its files, with the control chunk and the label; `None` for any number.
    pub files: Option<u32>,
}

/// The chunks of a volume. Each but the first has a copy of the control chunk besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// The number of the first chunk.
    pub first: u32,
    /// The number of the last chunk.
    pub last: u32,
    /// What the volume takes up at most, in bytes, with the file system.
    pub bytes: u64,
}

/// Why chunks do not fit into volumes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoVolume {
    /// One chunk is too large.
    #[error(
        "chunk {chunk} does not fit: with the control chunk, the label and the file system it takes {needed} bytes, and a \
         volume has {bytes}"
    )]
    TooSmall {
        /// The number of the chunk.
        chunk: u32,
        /// What a volume with nothing else needs, in bytes.
        needed: u64,
        /// The size of a volume, in bytes.
        bytes: u64,
    },
    /// A volume has no room for a chunk besides the files that are in each.
    #[error(
        "a volume of {files} files has no room for a chunk beside the control chunk and the label: expected 3 or more"
    )]
    TooFewFiles {
        /// The limit of files.
        files: u32,
    },
    /// There would be too many volumes.
    #[error("the bundle needs more than {VOLUMES_MAX} volumes of {bytes} bytes, which is the limit")]
    TooMany {
        /// The size of a volume, in bytes.
        bytes: u64,
    },
}

impl Diagnose for NoVolume {
    fn diagnosis(&self) -> Diagnosis {
        Code::VolumeTooSmall.into()
    }
}

/// Returns the name of the folder of a volume, by its number from 1. The names of the files in it begin with `stem`. The label
/// in it has the same name and `.txt`.
pub fn volume_folder(stem: &str, number: usize) -> String {
    format!("{stem}_volume_{number:03}")
}

/// What a file takes up on a medium.
fn occupied(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK_BYTES).saturating_mul(BLOCK_BYTES).saturating_add(FILE_BYTES)
}

/// Assigns chunks to volumes, in the order of their numbers. `sizes` are those of the chunk files in bytes, by number; the
/// first is that of the control chunk with room for all its signatures. The same input gives the same volumes.
///
/// # Errors
/// [`NoVolume`].
pub fn volumes(limits: VolumeLimits, sizes: &[u64]) -> Result<Vec<Volume>, NoVolume> {
    let files = limits.files;
    let (bytes, map) = limits.bytes.map_or((u64::MAX, 0), |bytes| (bytes, bytes / MAP_PART));
    if let Some(files) = files.filter(|files| *files < 3) {
        return Err(NoVolume::TooFewFiles { files });
    }
    let control = sizes.first().copied().unwrap_or(0);
    let beside = (FIXED_BYTES + map).saturating_add(occupied(control)) + occupied(VOLUME_LABEL_BYTES_MAX);
    let chunks_max = files.map_or(u32::MAX, |files| files - 2);
    if beside > bytes {
        return Err(NoVolume::TooSmall { chunk: 0, needed: beside, bytes });
    }
    let mut volumes = vec![Volume { first: 0, last: 0, bytes: beside }];
    let mut chunks = 0;
    for (chunk, &size) in (1..).zip(sizes.iter().skip(1)) {
        let size = occupied(size);
        let volume = volumes.last_mut().expect("there is a first one");
        if chunks < chunks_max && volume.bytes.saturating_add(size) <= bytes {
            volume.last = chunk;
            volume.bytes += size;
            chunks += 1;
            continue;
        }
        let needed = beside.saturating_add(size);
        if needed > bytes {
            return Err(NoVolume::TooSmall { chunk, needed, bytes });
        }
        if volumes.len() == VOLUMES_MAX {
            return Err(NoVolume::TooMany { bytes });
        }
        volumes.push(Volume { first: chunk, last: chunk, bytes: needed });
        chunks = 1;
    }
    Ok(volumes)
}

/// Assigns parity files to volumes of their own, in the order of their numbers. `sizes` are those of the files in bytes, by
/// number, and `control` is that of the control chunk with room for all its signatures.
///
/// # Errors
/// [`NoVolume`].
pub fn parity_volumes(limits: VolumeLimits, control: u64, sizes: &[u64]) -> Result<Vec<Volume>, NoVolume> {
    let with_control: Vec<u64> = std::iter::once(control).chain(sizes.iter().copied()).collect();
    let back = |number: u32| number.saturating_sub(1);
    let mut found = volumes(limits, &with_control).map_err(|error| match error {
        NoVolume::TooSmall { chunk, needed, bytes } => {
            NoVolume::TooSmall { chunk: back(chunk), needed, bytes }
        }
        error => error,
    })?;
    for volume in &mut found {
        (volume.first, volume.last) = (back(volume.first), back(volume.last));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(bytes: u64, files: Option<u32>) -> VolumeLimits {
        VolumeLimits { bytes: Some(bytes), files }
    }

    fn ranges(limits: VolumeLimits, sizes: &[u64]) -> Vec<(u32, u32)> {
        volumes(limits, sizes).unwrap().iter().map(|volume| (volume.first, volume.last)).collect()
    }

    #[test]
    fn parity_files_go_into_volumes_in_order() {
        let ranges = |limits, sizes: &[u64]| -> Vec<(u32, u32)> {
            let volumes = parity_volumes(limits, 20_000, sizes).unwrap();
            volumes.iter().map(|volume| (volume.first, volume.last)).collect()
        };
        assert_eq!(ranges(limits(4_000_000, None), &[1_000_000; 4]), [(0, 1), (2, 3)]);
        assert_eq!(ranges(limits(40_000_000, Some(3)), &[1_000_000; 3]), [(0, 0), (1, 1), (2, 2)]);
        assert!(parity_volumes(limits(1_500_000, None), 20_000, &[1_000_000]).is_err());
    }

    #[test]
    fn chunks_go_into_volumes_in_order_and_fill_them() {
        let sizes = [20_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000];
        assert_eq!(ranges(limits(4_000_000, None), &sizes), [(0, 2), (3, 4), (5, 5)]);
        assert_eq!(ranges(limits(40_000_000, None), &sizes), [(0, 5)]);
        let files = VolumeLimits { bytes: None, files: Some(5) };
        assert_eq!(ranges(files, &sizes), [(0, 3), (4, 5)]);
        assert_eq!(ranges(limits(40_000_000, Some(3)), &sizes), [(0, 1), (2, 2), (3, 3), (4, 4), (5, 5)]);
        assert_eq!(ranges(limits(40_000_000, Some(4)), &sizes), [(0, 2), (3, 4), (5, 5)]);
        assert_eq!(ranges(limits(4_000_000, None), &sizes[..1]), [(0, 0)]);
    }

    #[test]
    fn every_volume_fits_its_limit_to_the_byte() {
        let sizes = [20_000, 1_000_000, 1_000_000];
        let both = volumes(limits(1 << 40, None), &sizes).unwrap()[0].bytes - ((1 << 40) / MAP_PART);
        // The map takes a part of the medium, too.
        let least =
            (both..both + 4096).find(|&bytes| ranges(limits(bytes, None), &sizes) == [(0, 2)]).unwrap();
        assert_eq!(volumes(limits(least, None), &sizes).unwrap()[0].bytes, least);
        assert_eq!(ranges(limits(least - 1, None), &sizes), [(0, 1), (2, 2)]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let sizes = [20_000, 1_000_000, 9_000_000];
        let error = volumes(limits(4_000_000, None), &sizes).unwrap_err();
        assert!(matches!(error, NoVolume::TooSmall { chunk: 2, bytes: 4_000_000, .. }), "{error}");
        let error = volumes(limits(1_000_000, None), &sizes).unwrap_err();
        assert!(matches!(error, NoVolume::TooSmall { chunk: 0, .. }), "{error}");
        assert_eq!(volumes(limits(1 << 40, Some(2)), &sizes), Err(NoVolume::TooFewFiles { files: 2 }));
        let many = vec![1_000_000; 1100];
        assert!(matches!(volumes(limits(4_000_000, Some(3)), &many), Err(NoVolume::TooMany { .. })));
        assert!(volumes(limits(1 << 50, None), &[20_000, u64::MAX]).is_err());
    }

    #[test]
    fn presets_hold_25_files_of_8_gb_or_what_fits() {
        let sizes: Vec<u64> =
            std::iter::once(100_000).chain(std::iter::repeat_n(1_990_000_000, 30)).collect();
        assert_eq!(ranges(limits(25_025_314_816, None), &sizes), [(0, 12), (13, 24), (25, 30)]);
        assert_eq!(ranges(limits(4_700_000_000, None), &sizes).len(), 15);
    }
}
