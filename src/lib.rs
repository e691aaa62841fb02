//! `carnet` carries container-registry artifacts across a boundary that has no network path.

pub mod artifacts;
pub mod clock;
pub mod diagnosis;
pub mod environment;
pub mod format;
pub mod medium;
pub mod observe;
pub mod oci;
pub mod stream;
pub mod trust;
