//! `carnet` carries container-registry artifacts across a boundary that has no network path.

pub mod artifacts;
pub mod diagnosis;
pub mod oci;
pub mod trust;
