//! What is known before any byte is written.

use super::blueprint::Blueprint;
use super::gather::Gathered;
use crate::format::volume::Volume;
use crate::logbook::Assigned;

/// The blobs to pack, and the place of each byte.
pub(super) struct Prepared {
    pub gathered: Gathered,
    pub blueprint: Blueprint,
    /// The number of the bundle, if numbers are given out.
    pub assigned: Option<Assigned>,
    /// Which chunks go into which volume; none without volumes.
    pub volumes: Vec<Volume>,
}
