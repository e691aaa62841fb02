//! Volumes: folders of chunk files that each fit a medium or a drop-off (docs/format.md, "Volumes").

mod label;
mod layout;
mod limits;
mod size;

pub use label::{VolumeKind, VolumeLabel};
pub use layout::{NoVolume, Volume, VolumeLimits, parity_volumes, volume_folder, volumes};
pub use limits::{VOLUME_LABEL_BYTES_MAX, VOLUMES_MAX};
pub use size::VolumeSize;
